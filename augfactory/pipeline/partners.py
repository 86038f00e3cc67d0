"""Which image goes with which."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from augfactory.errors import InputDataError
from augfactory.keyed_random import Randoms, each_block
from augfactory.methods.method import Pairing
from augfactory.records import Int64Array

Draw = Callable[["ClassRows", Int64Array, Randoms], Int64Array]


@dataclass(frozen=True)
class ClassRows:
    """Where the rows of each class stand.

    Attributes:
        labels: int64 [N], the hard label of each row.
        order: int64 [N], the rows sorted by class, in row order within a class.
        first: int64 [K + 1], where in ``order`` each class begins.
        rank: int64 [N], the place of each row within its class.
    """

    labels: Int64Array
    order: Int64Array
    first: Int64Array
    rank: Int64Array


def rows_by_class(labels: Int64Array, classes: int) -> ClassRows:
    """Index ``labels`` int64 [N], each in 0..classes-1."""
    order = np.argsort(labels, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=classes))])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(labels)) - first[labels[order]]
    return ClassRows(labels, order, first.astype(np.int64), rank)


def same_class_partners(
    class_rows: ClassRows, rows: Int64Array, draws: int, generator: Randoms
) -> Int64Array:
    """Draw for each of ``rows`` [n] another row of its class; a class of one gives the row itself.

    ``draws`` (at least n) uniform numbers are taken from the generator, whatever n is.
    """
    uniform = generator.random(draws)[: len(rows)]
    label = class_rows.labels[rows]
    others = class_rows.first[label + 1] - class_rows.first[label] - 1
    step = 1 + np.floor(uniform * others).astype(np.int64)  # 1..others: never back to itself
    place = (class_rows.rank[rows] + np.minimum(step, np.maximum(others, 0))) % (others + 1)
    partners: Int64Array = class_rows.order[class_rows.first[label] + place]
    return partners


def mixing_partners(
    class_rows: ClassRows,
    leads: Int64Array,
    partners: int,
    pairing: Pairing,
    generator: Randoms,
) -> Int64Array:
    """Draw ``partners`` rows for each of ``leads`` [n]: int64 [n, partners].

    No image is mixed with itself: a row's lead and partners are all different. ``pairing`` says
    from where a partner is drawn: "any" image, the "same" class as the lead, any "other" class, or
    "balanced", first a class and then one of its images.

    ``check_pairing`` tells beforehand whether there are enough images.
    """
    chosen = leads[:, None]
    for _ in range(partners):
        drawn = PAIRINGS[pairing](class_rows, leads, generator)
        clash = (chosen == drawn[:, None]).any(axis=1)
        for block, own in each_block(generator, len(leads)) if clash.any() else ():
            while clash[block].any():
                again = block.start + np.flatnonzero(clash[block])
                drawn[again] = PAIRINGS[pairing](class_rows, leads[again], own)
                clash[again] = (chosen[again] == drawn[again, None]).any(axis=1)
        chosen = np.concatenate([chosen, drawn[:, None]], axis=1)
    return chosen[:, 1:]


def mixing_groups(
    class_rows: ClassRows,
    leads: Int64Array,
    rows: int,
    partners: int,
    pairing: Pairing,
    generator: Randoms,
) -> tuple[Int64Array, Int64Array]:
    """Draw partners so that every class has exactly as much of the labels as rows that it leads.

    The first ``rows`` of those that ``leads`` [n] lead are put in groups, block by block. Each
    place of a row's partners has the class that leads another row of its group, and for no two rows
    of the group the same one. The rows of a group are to be mixed by the same weights: what a class
    loses in the rows that it leads, it then gets back in others.

    An image is mixed with itself only where its class has too few others. With pairing "other" a
    row whose group has no other class for it is on its own; "any" and "balanced" are the same here.

    Returns:
        The partners, int64 [n, partners], and int64 [n], the row whose weights each row takes.
    """
    found = [
        (
            block.start,
            _grouped(class_rows, leads[block], rows - block.start, partners, pairing, own),
        )
        for block, own in each_block(generator, len(leads))
    ]
    return (
        np.concatenate([chosen for _, (chosen, _) in found]),
        np.concatenate([start + alike for start, (_, alike) in found]),
    )


def _grouped(
    class_rows: ClassRows,
    leads: Int64Array,
    rows: int,
    partners: int,
    pairing: Pairing,
    generator: np.random.Generator,
) -> tuple[Int64Array, Int64Array]:
    """Group the first ``rows`` of one block: see ``mixing_groups``."""
    rows = min(rows, len(leads))
    alike = np.arange(len(leads))
    if pairing == "same":
        return mixing_partners(class_rows, leads, partners, pairing, generator), alike
    labels, sizes = class_rows.labels[leads[:rows]], np.diff(class_rows.first)
    # Where classes must differ, or have too few images to be mixed by themselves, a group is taken
    # from distant places of the rows in order of their class; else from any.
    apart = pairing == "other" or sizes[sizes > 0].min() <= partners
    order = generator.permutation(rows)
    if apart:
        order = order[np.argsort(generator.permutation(len(sizes))[labels[order]], kind="stable")]
    groups = -(-rows // (2 if pairing == "other" else partners + 1))
    seat, group = np.divmod(np.arange(rows), groups)
    seats = (rows - 1 - group) // groups + 1
    alike[order] = order[group]
    chosen = leads[:, None]
    for place in range(1, partners + 1):
        label = class_rows.labels[leads]
        step = 1 if pairing == "other" else place  # of pairs, all partners have the other's class
        label[order] = labels[order[group + (seat + step) % seats * groups]]
        chosen = np.concatenate([chosen, _others(class_rows, label, chosen, generator)], axis=1)
    if pairing == "other":
        of_chosen = class_rows.labels[chosen]
        alone = np.flatnonzero((of_chosen[:, 1:] == of_chosen[:, :1]).any(axis=1))
        chosen[alone, 1:] = mixing_partners(class_rows, leads[alone], partners, pairing, generator)
        alike[alone] = alone
    return chosen[:, 1:], alike


def _others(
    class_rows: ClassRows, label: Int64Array, chosen: Int64Array, generator: np.random.Generator
) -> Int64Array:
    """Draw an image of each ``label`` [n] that is not among ``chosen`` [n, m], if there is one."""
    drawn = _within(class_rows, label, generator)
    sizes = class_rows.first[label + 1] - class_rows.first[label]
    used = class_rows.labels[chosen] == label[:, None]
    # Of a class whose images are all chosen, one is chosen again.
    left = sizes > np.array([len({*row[own]}) for row, own in zip(chosen, used, strict=True)])
    while (clash := left & (chosen == drawn[:, None]).any(axis=1)).any():
        drawn[clash] = _within(class_rows, label[clash], generator)
    return drawn[:, None]


def check_pairing(
    class_rows: ClassRows, partners: int, pairing: Pairing, class_names: tuple[str, ...]
) -> None:
    """Refuse a pairing for which some image would not find enough partners.

    Raises:
        InputDataError: naming the class that is too small.
    """
    sizes = np.diff(class_rows.first)
    filled = np.flatnonzero(sizes)
    everything = int(sizes.sum())
    for label in filled.tolist():
        pool = {"same": sizes[label] - 1, "other": everything - sizes[label]}.get(
            pairing, everything - 1
        )
        if pool < partners:
            raise InputDataError(
                f"class {class_names[label]!r}",
                f"its images find only {pool} partners ({pairing} pairing), "
                f"and each needs {partners}",
                "Use more images, fewer parents, or another pairing.",
            )


def _any(class_rows: ClassRows, leads: Int64Array, generator: Randoms) -> Int64Array:
    return generator.integers(0, len(class_rows.labels), len(leads))


def _same(class_rows: ClassRows, leads: Int64Array, generator: Randoms) -> Int64Array:
    return _within(class_rows, class_rows.labels[leads], generator)


def _other(class_rows: ClassRows, leads: Int64Array, generator: Randoms) -> Int64Array:
    label = class_rows.labels[leads]
    first, end = class_rows.first[label], class_rows.first[label + 1]
    place = generator.integers(0, len(class_rows.labels) - (end - first))
    rows: Int64Array = class_rows.order[np.where(place < first, place, place + end - first)]
    return rows


def _balanced(class_rows: ClassRows, leads: Int64Array, generator: Randoms) -> Int64Array:
    filled = np.flatnonzero(np.diff(class_rows.first))
    return _within(class_rows, filled[generator.integers(0, len(filled), len(leads))], generator)


def _within(class_rows: ClassRows, label: Int64Array, generator: Randoms) -> Int64Array:
    place = generator.integers(class_rows.first[label], class_rows.first[label + 1])
    rows: Int64Array = class_rows.order[place]
    return rows


PAIRINGS: dict[str, Draw] = {"any": _any, "same": _same, "other": _other, "balanced": _balanced}

"""One look at a source before work: what is in it, in a few words; what hinders is told at once."""

import shlex
from dataclasses import dataclass, replace

import numpy as np

from augfactory.commands.opening.opening import flags_of
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array, LeftOut, Source, SourceSpec
from augfactory.sources.examined import Examined, examine
from augfactory.sources.parsing.image_files import one_size

MOST_CLASSES = 10
MOST_NAMED = 20  # files in a refusal
FEW_NAMED = 3  # in a sentence before work
MOST_SIZES = 5
MUCH_CUT_OFF = 0.3  # of the pixels: a square of a photograph of 4:3 leaves out less


@dataclass(frozen=True)
class Looked:
    """A source that can be worked on.

    Attributes:
        source: its images that can be read.
        numbers: int64 [N], their rows in what was opened; None where these are all.
        skipped: the images that cannot be read.
    """

    source: Source
    numbers: Int64Array | None = None
    skipped: tuple[LeftOut, ...] = ()

    def chosen(self, rows: Int64Array | None) -> "Looked":
        """Return the same of ``rows`` of ``source``; None keeps all of them."""
        if rows is None:
            return self
        numbers = rows if self.numbers is None else self.numbers[rows]
        return Looked(self.source.restricted_to(rows), numbers, self.skipped)


def look(spec: SourceSpec, source: Source, progress: Progress) -> Looked:
    """Look at every image of ``source``, which ``spec`` opened, and say what was found.

    Raises:
        InputDataError: images cannot be read and ``spec`` does not skip them, a class has none
            that can, or they are of different sizes and ``spec`` gives none; with all their names.
    """
    with progress.bar("looking at the images", len(source), "image") as bar:
        found = examine(source, bar.advance)
    for note in (*source.notes, paragraph(found, spec)):
        progress.say(note)
    refuse(found, spec)
    if not found.broken:
        return Looked(source)
    return Looked(source.restricted_to(found.sound), found.sound, found.skipped)


def refuse(found: Examined, spec: SourceSpec) -> None:
    """Refuse what cannot be worked on, all of it at once; see ``look``.

    Raises:
        InputDataError: as ``look``.
    """
    source, told, remedies = found.source, [], []
    if found.broken and (not spec.skip_broken or not len(found.sound)):
        first = next(iter(found.broken.values()))
        several_sizes = spec.size is None and len(found.sizes) > 1
        if len(found.broken) == 1 and len(source) > 1 and not several_sizes:
            remedy = f"{first.remedy} Or go on without it: --skip-broken."
            raise InputDataError(first.where, first.what, remedy)
        told.append(
            f"{len(found.broken):,} of {len(source):,} images cannot be read: "
            f"{_named(found.skipped, MOST_NAMED)}"
        )
        remedies.append("Replace them, or go on without them: --skip-broken.")
    if spec.size is None and len(found.sizes) > 1:
        told.append(f"images have {_sizes(found)}")
        remedies.append(one_size(found.shapes[found.sound, :2].tolist()))
    if told:
        raise InputDataError(source.name, "; and ".join(told), " ".join(remedies))
    before = np.bincount(source.labels, minlength=len(source.class_names)).tolist()
    classes = enumerate(zip(source.class_names, before, found.counts, strict=True))
    for label, (name, had, left) in classes:
        if had and not left:
            own = zip(found.broken, found.skipped, strict=True)
            skipped = tuple(item for row, item in own if source.labels[row] == label)
            raise InputDataError(
                source.name,
                f"no image of class {escaped(name)} can be read: {_named(skipped, FEW_NAMED)}",
                "Replace them, or leave the class out.",
            )


def paragraph(found: Examined, spec: SourceSpec, *, listed: bool = False) -> str:
    """Return in one paragraph what was found; ``listed`` says that all names follow."""
    source = found.source
    of_classes = f" of {_classes(found)}" if len(source.class_names) > 1 else ""
    said = [f"{source.name}: {_counted(len(found.sound), 'image')}{of_classes}"]
    read_as = ""
    if spec.size is not None and [*found.sizes] != [spec.size]:
        read_as = f" read as {spec.size[0]}x{spec.size[1]}"
        cut = _cut_off(found, spec.size) if spec.options.fit in (None, "crop") else 0.0
        if cut >= MUCH_CUT_OFF:
            read_as += f", which cuts off {100 * cut:.0f} % (--fit pad or squash keeps all)"
    if len(found.sound):
        said[0] += f", {_sizes(found)}{read_as}, {_colours(found)}"
    if found.broken and spec.skip_broken:
        said.append(f"Skipped, cannot be read: {_named(found.skipped, FEW_NAMED)}")
    elif found.broken:
        said.append(f"{len(found.broken):,} cannot be read")
    if found.copies:
        copies = sum(len(rows) - 1 for rows in found.copies)
        said.append(_counted(copies, "exact copy", "exact copies"))
    if not listed:
        said += _findings(found, spec)
    return ". ".join(said)


def _cut_off(found: Examined, size: tuple[int, int]) -> float:
    """Return what part of the images' pixels a crop to the proportions of ``size`` loses."""
    sides = found.shapes[found.sound, :2].astype(np.float64)
    shares = sides / np.array(size)
    kept = np.minimum(shares[:, 0], shares[:, 1]) / np.maximum(shares[:, 0], shares[:, 1])
    return float(1 - kept.mean()) if len(kept) else 0.0


def _findings(found: Examined, spec: SourceSpec) -> list[str]:
    """Return what may surprise, a few of each, and what shows all."""
    source, said = found.source, []
    left_out = source.left_out()
    if left_out:
        said.append(f"Left out: {_named(left_out, FEW_NAMED)}")
    if found.across_classes:
        told = [" = ".join(map(source.row_name, rows[:4])) for rows in found.across_classes]
        said.append(f"Warning: the same image in two classes: {_some(told, FEW_NAMED)}")
    if found.copies or len(left_out) > FEW_NAMED or len(found.skipped) > FEW_NAMED:
        plain = replace(spec, size=None, colour="auto", skip_broken=False)
        command = shlex.join(["augfactory", "inspect", spec.text, *flags_of(plain)])
        said.append(f"`{command}` shows all")
    return said


def _classes(found: Examined) -> str:
    names, counts = found.source.class_names, found.counts
    if len(names) > MOST_CLASSES:
        least, most = min(counts), max(counts)
        each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        return f"{len(names):,} classes, {each} images each"
    listed = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    return f"{_counted(len(names), 'class', 'classes')} ({listed})"


def _sizes(found: Examined) -> str:
    """Return the sizes, the commonest first."""
    sizes = found.sizes.most_common()
    if len(sizes) == 1:
        (height, width), _ = sizes[0]
        return f"{height}x{width} pixels (height x width)"
    if len(sizes) <= MOST_SIZES:
        listed = ", ".join(f"{height}x{width} ({count:,})" for (height, width), count in sizes)
        return f"{len(sizes)} sizes (height x width): {listed}"
    small, large = (pick(sizes, key=lambda one: one[0][0] * one[0][1])[0] for pick in (min, max))
    return (
        f"{len(sizes):,} sizes (height x width), from {small[0]}x{small[1]} to "
        f"{large[0]}x{large[1]}, median side {found.median_side}"
    )


def _colours(found: Examined) -> str:
    grey, coloured = found.colours
    read_as = "grey" if found.source.image_shape[2] == 1 else "rgb"
    if grey and coloured:
        return f"{grey:,} grey and {coloured:,} in colour, read as {read_as}"
    stored = "grey" if grey else "rgb"
    name = {"grey": "grey", "rgb": "in colour"}[stored]
    return name if stored == read_as else f"{name}, read as {read_as}"


def _named(items: tuple[LeftOut, ...], most: int) -> str:
    return _some([f"{item.name} ({item.reason})" for item in items], most)


def _some(texts: list[str], most: int) -> str:
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


def _counted(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"

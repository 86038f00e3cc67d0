"""Classes of their own numbers of rows: exact, each image equally often, any row by itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augfactory.pipeline import draw as drawing
from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import mixing_groups, rows_by_class
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import MixStage, geometry_stage, mix_stage
from augfactory.pipeline.shares import count_decoded
from augfactory.pipeline.turns import Turns, turns_of
from augfactory.records import Int64Array
from tests.pipeline.stages import vae_stage

SHAPE = (5, 7, 3)
NAMES = ("a", "b", "c")
UNEVEN = np.repeat([0, 1, 2], (60, 6, 20))[np.random.default_rng(0).permutation(86)]

label_lists = st.lists(st.integers(0, 2), min_size=4, max_size=50).filter(lambda own: 0 in own)


def recipe_of(labels: Sequence[int] | Int64Array, **asked: Any) -> Recipe:
    counts = np.bincount(labels, minlength=3).tolist()
    images = dict(zip(NAMES, counts, strict=True))
    return Recipe(geometry=geometry_stage("test", {}), class_images=images, **asked)


def mixed(method: str, copies: int, share: float | None = None, **more: Any) -> MixStage:
    return mix_stage("test", method, copies, "expanded", more, share)


def plans_of(recipe: Recipe, labels: Sequence[int] | Int64Array) -> list[planning.PlanRows]:
    """Return the plan of each section that has rows."""
    array = np.asarray(labels, dtype=np.int64)
    origin = planning.Origin(rows_by_class(array, 3), SHAPE)
    return [
        planning.join(list(drawing.draw_rows(recipe, origin, section)))
        for section in planning.sections(recipe, len(array))
        if section.stop > section.start
    ]


def label_mass(plans: list[planning.PlanRows], labels: Int64Array) -> np.ndarray[Any, Any]:
    """Return the sum of the label shares of each class."""
    mass = np.zeros(3)
    for plan in plans:
        used = plan.source_index != planning.NONE
        np.add.at(mass, labels[plan.source_index[used]], plan.weight[used].astype(np.float64))
    return mass


@given(
    labels=label_lists,
    counts=st.lists(st.integers(0, 90), min_size=3, max_size=3),
    kept=st.integers(0, 1),
)
def test_every_row_is_known_without_the_others(
    labels: list[int], counts: list[int], kept: int
) -> None:
    class_rows = rows_by_class(np.array(labels), 3)
    sizes = np.bincount(labels, minlength=3)
    wanted = np.where(sizes > 0, counts, 0).astype(np.int64)
    turns = Turns(class_rows, wanted, kept, by_class=True)
    within = np.arange(kept * len(labels) + wanted.sum())
    turn, source = turns.of(within)
    assert np.array_equal(turns.row(turn, source), within)
    assert len({*zip(turn.tolist(), source.tolist(), strict=True)}) == len(within)
    led = np.bincount(source[kept * len(labels) :], minlength=len(labels))
    assert np.array_equal(led, turns.rows_of(np.arange(len(labels))))
    assert np.bincount(np.array(labels), weights=led, minlength=3).tolist() == wanted.tolist()
    before = [
        led[class_rows.order[: np.flatnonzero(class_rows.order == s)[0]]].sum()
        for s in range(len(labels))
    ]
    assert turns.rows_before(np.arange(len(labels))).tolist() == before
    for label in np.flatnonzero(sizes).tolist():
        own = led[np.array(labels) == label]
        assert own.max() - own.min() <= 1


def test_any_stretch_holds_as_much_of_each_class_as_it_can() -> None:
    class_rows = rows_by_class(UNEVEN, 3)
    turns = Turns(class_rows, np.array([30, 30, 30]), 0, by_class=True)
    _, source = turns.of(np.arange(90))
    for start in range(80):
        assert np.ptp(np.bincount(UNEVEN[source[start : start + 10]], minlength=3)) <= 1


def test_a_last_turn_that_is_not_whole_is_spread_over_the_class() -> None:
    turns = Turns(rows_by_class(np.zeros(100, dtype=np.int64), 1), np.array([10]), 0, by_class=True)
    assert turns.of(np.arange(10))[1].tolist() == list(range(0, 100, 10))


@settings(max_examples=60, deadline=None)
@given(
    labels=label_lists,
    rule=st.sampled_from(["per_class", "balance", "class_factors"]),
    method=st.sampled_from(["mixup", "cutmix", "ricap"]),
    pairing=st.sampled_from(["any", "same", "balanced"]),
    originals=st.booleans(),
    copies=st.integers(0, 2),
    seed=st.integers(0, 2**40),
)
def test_label_shares_of_a_class_add_up_to_its_rows(
    labels: list[int],
    rule: str,
    method: str,
    pairing: str,
    originals: bool,
    copies: int,
    seed: int,
) -> None:
    array = np.array(labels)
    sizes = np.bincount(array, minlength=3)
    if pairing == "same" and (sizes[sizes > 0] < 4).any():
        pairing = "any"  # so few have no partners, which is refused beforehand
    mix = [mixed("mixup", 0, share=0.4)]
    if copies:
        mix.append(mixed(method, copies, pairing=pairing))
    rules: dict[str, dict[str, Any]] = {
        "per_class": {"per_class": int(sizes.max()) * (copies + 2) + 3},
        "balance": {"factor": 3, "balance": True},
        "class_factors": {"factor": 2, "class_factors": {"b": 5}},
    }
    asked = rules[rule]
    recipe = recipe_of(labels, originals=originals, seed=seed, mix=tuple(mix), **asked)
    wanted = {
        "per_class": np.where(sizes > 0, asked.get("per_class", 0), 0),
        "balance": np.where(sizes > 0, sizes.max(), 0) * (3 + copies),
        "class_factors": sizes * np.array([2, 5, 2]) + sizes * copies,
    }[rule]
    plans = plans_of(recipe, labels)
    rows = recipe.class_rows
    assert rows is not None
    assert rows.sum(axis=0).tolist() == wanted.tolist()
    assert planning.count_rows(recipe, len(labels)) == wanted.sum() == sum(map(len, plans))
    led = np.concatenate([plan.source_index[:, 0] for plan in plans])
    assert np.bincount(array[led], minlength=3).tolist() == wanted.tolist()
    assert np.abs(label_mass(plans, array) - wanted).max() < 1e-4
    assert (plans[0].method == "original").sum() == (len(labels) if originals else 0)


def test_what_is_mixed_is_an_expanded_image_of_the_source() -> None:
    mix = (mixed("mixup", 0, share=0.5), mixed("ricap", 1), mixed("augmix", 2))
    first, *others = plans_of(recipe_of(UNEVEN, per_class=300, mix=mix), UNEVEN)
    for plan in others[:2]:
        used = plan.source_index != planning.NONE
        assert np.array_equal(first.source_index[plan.parent_row[used], 0], plan.source_index[used])
    views = others[2]
    image = dict(
        zip(views.source_index[:, 0].tolist(), views.parent_row[:, 0].tolist(), strict=True)
    )
    assert [image[source] for source in views.source_index[:, 0]] == views.parent_row[:, 0].tolist()


@given(share=st.floats(0, 1), per_class=st.integers(60, 200), originals=st.booleans())
@settings(max_examples=30, deadline=None)
def test_decoded_rows_are_exact_and_every_image_has_its_part(
    share: float, per_class: int, originals: bool
) -> None:
    vae = vae_stage("test", "same-class", {}, share)
    recipe = recipe_of(UNEVEN, per_class=per_class, vae=vae, originals=originals)
    (plan,) = plans_of(recipe, UNEVEN)
    decoded = plan.method == "vae"
    further = 3 * per_class - (86 if originals else 0)
    assert decoded.sum() == count_decoded(recipe, 86) == round(share * further)
    each = np.bincount(plan.source_index[decoded, 0], minlength=86)
    made = np.bincount(plan.source_index[plan.round > 0, 0], minlength=86)
    assert np.abs(each - made * decoded.sum() / max(1, further)).max() <= 1


@pytest.mark.parametrize("method", ["mixup", "ricap"])
def test_a_partner_of_another_class_is_of_another_class(method: str) -> None:
    recipe = recipe_of(UNEVEN, per_class=301, mix=(mixed(method, 2, pairing="other"),))
    plan = plans_of(recipe, UNEVEN)[1]
    lead, *partners = UNEVEN[plan.source_index.T]
    assert all((lead != partner).all() for partner in partners)
    assert np.abs(label_mass([plan], UNEVEN) - 120).max() < 1


def test_partners_come_from_all_classes_and_are_no_image_twice() -> None:
    recipe = recipe_of(UNEVEN, factor=3, balance=True, mix=(mixed("ricap", 20),))
    plan = plans_of(recipe, UNEVEN)[1]
    for row in plan.source_index:
        assert len({*row.tolist()}) == 4
    pairs = UNEVEN[plan.source_index[:, :2]]
    seen = np.zeros((3, 3))
    np.add.at(seen, (pairs[:, 0], pairs[:, 1]), 1 / len(pairs))
    assert np.abs(seen - 1 / 9).max() < 0.03
    assert len(np.unique(plan.source_index[:, 1])) == 86


def test_a_class_of_one_image_is_mixed_by_others_where_it_can_be() -> None:
    labels = np.array([0] * 9 + [1] + [2] * 5)
    class_rows = rows_by_class(labels, 3)
    leads = np.tile([0, 9, 10, 9], 16)
    partners, alike = mixing_groups(class_rows, leads, 64, 1, "any", np.random.default_rng(1))
    assert (partners[:, 0] != leads).all()
    assert np.array_equal(alike[alike], alike)


@pytest.mark.parametrize("section", [0, 1])
def test_a_block_needs_none_of_the_others(section: int) -> None:
    mix = (mixed("mixup", 2, parents=3),)
    recipe = recipe_of(UNEVEN, class_factors={"b": 40, "c": 9}, factor=4, mix=mix)
    whole = plans_of(recipe, UNEVEN)[section]
    start = int(whole.row[0]) + 64
    origin = planning.Origin(rows_by_class(UNEVEN, 3), SHAPE)
    shard = planning.Section(section, start, start + 70)
    alone = planning.join(list(drawing.draw_rows(recipe, origin, shard)))
    for name in ("row", "source_index", "parent_row", "weight", "noise_key", "round"):
        assert np.array_equal(getattr(alone, name), getattr(whole, name)[64:134])


@pytest.mark.parametrize("pairing", ["any", "other", "same"])
def test_groups_drawn_together_are_as_each_alone(
    pairing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mix = (mixed("mixup", 3, parents=3, pairing=pairing),)
    recipe = recipe_of(UNEVEN, class_factors={"b": 40, "c": 9}, factor=4, mix=mix, distinct=True)
    together = plans_of(recipe, UNEVEN)
    monkeypatch.setattr(drawing, "AT_ONCE", 64)
    for whole, alone in zip(together, plans_of(recipe, UNEVEN), strict=True):
        for name in ("row", "source_index", "parent_row", "weight", "noise_key", "round"):
            assert np.array_equal(getattr(alone, name), getattr(whole, name))


def test_ten_million_rows_take_no_memory() -> None:
    labels = np.repeat(np.arange(3), (6000, 600, 60))
    recipe = recipe_of(labels, per_class=10_000_000)
    turns = turns_of(recipe, rows_by_class(labels, 3), 0)
    within = np.array([29_999_999, 15_000_000, 6_660])
    turn, source = turns.of(within)
    assert np.array_equal(turns.row(turn, source), within)
    assert (turn > 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"factor": 2, "per_class": 100},
        {},
        {"factor": 2},
        {"factor": 2, "balance": True, "class_factors": {"a": 2}},
        {"factor": 2, "class_factors": {"d": 2}},
        {"per_class": 59},
        {"per_class": 100, "mix": (mixed("mixup", 1),)},
    ],
)
def test_recipes_that_contradict_themselves_are_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        recipe_of(UNEVEN, **wrong)

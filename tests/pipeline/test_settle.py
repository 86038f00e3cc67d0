"""Decoded rows that are drawn again: which draw stands, what it changes, and the same once more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augfactory.pipeline import draw as drawing
from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.plan import REASONS, PlanRows
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import geometry_stage
from augfactory.pipeline.settle import (
    FIT,
    MOST_DRAWS,
    Settle,
    columns_of_rejected,
    count_rejected,
    rejected_of,
    settle_as,
    settle_by,
)
from augfactory.records import Int64Array
from tests.pipeline.stages import vae_stage

LABELS = np.arange(21, dtype=np.int64) % 3
RECIPE = Recipe(
    factor=6,
    seed=4,
    geometry=geometry_stage("test", {}),
    vae=vae_stage("test", "same-class", {}, 0.4, filter=True),
)
ORIGIN = planning.Origin(rows_by_class(LABELS, 3), (5, 7, 3))
(SECTION,) = planning.sections(RECIPE, len(LABELS))


def drawn(settle: Settle | None) -> PlanRows:
    return planning.join(list(drawing.draw_rows(RECIPE, ORIGIN, SECTION, settle)))


def rejected(plan: PlanRows) -> Int64Array:
    return rejected_of(np.stack([plan.draws[name] for name in columns_of_rejected()], axis=1))


class Looker:
    """Rejects the draws of a row as often as it is told to, and keeps what it was shown."""

    def __init__(self, times: dict[int, int], reason: int = 0) -> None:
        self.left, self.reason = dict(times), reason
        self.shown: dict[int, list[int]] = {}

    def __call__(self, plan: PlanRows) -> Int64Array:
        found = np.full(len(plan), FIT, dtype=np.int64)
        for place, row in enumerate(plan.row.tolist()):
            self.shown.setdefault(row, []).append(int(plan.noise_key[place]))
            if plan.method[place] == "vae" and self.left.get(row, 0) > 0:
                self.left[row] -= 1
                found[place] = self.reason
        return found


def test_what_is_fit_at_once_stays_as_it_was_drawn() -> None:
    plain, settled = drawn(None), drawn(settle_by(Looker({})))
    np.testing.assert_array_equal(plain.noise_key, settled.noise_key)
    np.testing.assert_array_equal(plain.source_index, settled.source_index)
    for name, values in plain.draws.items():
        np.testing.assert_array_equal(values, settled.draws[name])
    decoded = settled.method == "vae"
    assert decoded.sum() == 42
    for name in columns_of_rejected():
        np.testing.assert_array_equal(settled.draws[name], np.where(decoded, 0, np.nan))


def test_a_rejected_row_is_drawn_with_its_next_key_and_no_other_changes() -> None:
    plain = drawn(None)
    decoded = np.flatnonzero(plain.method == "vae")
    first, second = decoded[3], decoded[-2]
    looker = Looker({int(first): 1, int(second): 3}, reason=2)
    settled = drawn(settle_by(looker))
    np.testing.assert_array_equal(rejected(settled)[[first, second]], [[0, 0, 1], [0, 0, 3]])
    others = np.setdiff1d(np.arange(len(plain)), [first, second])
    np.testing.assert_array_equal(plain.noise_key[others], settled.noise_key[others])
    np.testing.assert_array_equal(plain.source_index[others], settled.source_index[others])
    np.testing.assert_array_equal(
        plain.draws["vae_lambda"][others], settled.draws["vae_lambda"][others]
    )
    for row in (first, second):
        assert settled.draws["vae_lambda"][row] != plain.draws["vae_lambda"][row]
        assert len(set(looker.shown[int(row)])) == 1 + rejected(settled)[row].sum()
        assert settled.noise_key[row] == looker.shown[int(row)][-1]
        anchor, partner = settled.source_index[row]
        assert anchor == plain.source_index[row, 0]
        assert LABELS[anchor] == LABELS[partner]
        # Its pose was not at fault.
        for name in planning.draw_columns(RECIPE):
            if name.startswith("geometry_"):
                assert settled.draws[name][row] == plain.draws[name][row]


def test_nothing_is_drawn_more_often_than_it_may_be() -> None:
    row = int(np.flatnonzero(drawn(None).method == "vae")[0])
    looker = Looker({row: 1_000})
    settled = drawn(settle_by(looker))
    assert rejected(settled)[row].tolist() == [MOST_DRAWS, 0, 0]
    assert len(set(looker.shown[row])) == MOST_DRAWS
    assert settled.noise_key[row] == looker.shown[row][MOST_DRAWS - 1]
    names = ("a", "b", "c")
    counted = count_rejected(rejected(settled), LABELS[settled.source_index[:, 0]], names)
    label = names[LABELS[settled.source_index[row, 0]]]
    assert counted == {
        "unread": {label: MOST_DRAWS}, "blank": {}, "copy": {}, "kept": {label: 1},
    }  # fmt: skip


@settings(deadline=None, max_examples=20)
@given(st.dictionaries(st.integers(0, 125), st.integers(0, 12), max_size=20), st.integers(0, 2))
def test_what_was_settled_once_is_settled_so_again(times: dict[int, int], reason: int) -> None:
    once = drawn(settle_by(Looker(times, reason)))
    again = drawn(settle_as(rejected(once)))
    np.testing.assert_array_equal(once.noise_key, again.noise_key)
    np.testing.assert_array_equal(once.source_index, again.source_index)
    for name, values in once.draws.items():
        np.testing.assert_array_equal(values, again.draws[name])


@pytest.mark.parametrize("wrong", [0.5, -1.0, MOST_DRAWS + 1.0])
def test_columns_that_no_settling_wrote_are_noticed(wrong: float) -> None:
    columns = np.zeros((3, len(REASONS)))
    columns[1, 1] = wrong
    with pytest.raises(ValueError, match="draw"):
        rejected_of(columns)

"""Cells, their keys and their summaries."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from augfactory.engines import processes
from augfactory.evaluation.protocol import (
    Arm,
    Cell,
    CellResult,
    cell_key,
    run_cell,
    spread,
    summarise,
)
from augfactory.evaluation.training import TrainingSettings
from augfactory.records import SourceSpec
from tests.evaluation.memory import open_patterns, pattern_source

ARM = Arm("one", 10, SourceSpec("train/80"), None, 80, "abc")
CELL = Cell(ARM, SourceSpec("test/50"), "def", "vgg", TrainingSettings(steps=4, batch=8), 0)


@pytest.mark.parametrize(
    "other",
    [
        replace(CELL, seed=1),
        replace(CELL, classifier="another"),
        replace(CELL, test_fingerprint="xyz"),
        replace(CELL, arm=replace(ARM, fingerprint="xyz")),
        replace(CELL, settings=replace(CELL.settings, steps=5)),
        replace(CELL, settings=replace(CELL.settings, batch=9)),
        replace(CELL, settings=replace(CELL.settings, learning_rate=0.25)),
        replace(CELL, settings=replace(CELL.settings, weight_decay=0.25)),
    ],
)
def test_what_decides_a_result_decides_its_key(other: Cell) -> None:
    assert cell_key(other) != cell_key(CELL)


def test_names_and_places_do_not_decide_a_result() -> None:
    moved = replace(ARM, name="two", factor=None, source=SourceSpec("elsewhere"))
    assert cell_key(replace(CELL, arm=moved)) == cell_key(CELL)


def test_a_cell_gives_the_same_here_and_in_another_process() -> None:
    cells = [CELL, replace(CELL, seed=1)]
    run = partial(run_cell, open_source=open_patterns)
    here = dict(processes.run(run, cells, 1))
    there = dict(processes.run(run, cells, 2))
    for index in (0, 1):
        assert replace(here[index], seconds=0) == replace(there[index], seconds=0)
    assert here[0].nll != here[1].nll


def test_rows_restrict_what_a_cell_trains_on(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = (3, 14, 15)
    run = partial(run_cell, open_source=open_patterns)
    restricted = run(replace(CELL, arm=replace(ARM, rows=chosen)))

    def open_restricted(spec: SourceSpec):  # type: ignore[no-untyped-def]
        source = open_patterns(spec)
        return source.restricted_to(np.array(chosen)) if spec == ARM.source else source

    assert replace(restricted, seconds=0) == replace(run_cell(CELL, open_restricted), seconds=0)
    assert restricted.nll != run(CELL).nll


def test_arms_are_summarised_over_their_seeds_in_order() -> None:
    other = replace(ARM, name="two", factor=None, size=5)
    results = [
        (replace(CELL, seed=1), CellResult(0.75, 0.5, 2.0)),
        (replace(CELL, arm=other), CellResult(0.25, 2.0, 4.0)),
        (replace(CELL, seed=0), CellResult(0.25, 1.5, 4.0)),
    ]
    one, two = summarise(results)
    assert (one.name, one.factor, one.rows, one.seeds) == ("one", 10, 80, (0, 1))
    assert one.accuracy.values == (0.25, 0.75)
    assert one.accuracy.mean == 0.5
    assert one.accuracy.std == pytest.approx(0.125**0.5)
    assert (one.nll.mean, one.seconds.mean) == (1.0, 3.0)
    assert (two.name, two.factor, two.rows, two.accuracy.std) == ("two", None, 5, None)


def test_a_spread_has_the_sample_standard_deviation() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0]).std == pytest.approx((5 / 3) ** 0.5)
    assert spread([2.0]).std is None
    assert len(pattern_source("a", 3)) == 3

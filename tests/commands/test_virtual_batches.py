"""Rows that share a boundary reach a classifier as one batch: through every way to it."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from torch.utils.data import DataLoader

import augfactory
from augfactory.commands.evaluate.evaluate import prepare
from augfactory.commands.evaluate.request import EvaluateRequest, runs_of
from augfactory.commands.progress import Progress
from augfactory.commands.study.data import StudyRequest
from augfactory.commands.study.file import study_of
from augfactory.commands.study.study import study
from augfactory.errors import RecipeError
from augfactory.evaluation.comparison.protocol import run_key
from augfactory.evaluation.training.online import of_whole_batches, online_stage
from augfactory.evaluation.training.train import rows_of_steps
from augfactory.evaluation.training.training_set import (
    TrainingSet,
    open_training,
    training_part,
    version_set,
)
from augfactory.evaluation.training.virtual_batches import steps_of_rounds
from augfactory.methods.registry import METHODS
from augfactory.records import SourceSpec
from augfactory.store.reader import Version, open_version, read_drawn
from tests.commands.tiny import stand_in_for
from tests.report.undrawn import blank, draw_nothing

SOURCES, COPIES, BATCH = 30, 7, 12
STAGE = {"method": "ricap", "copies": COPIES, "scope": "batch", "batch_size": BATCH, "beta": 0.8}
RAMP = {"ramp_start": 1, "ramp_end": 5}
PLACE = ("mix1_boundary_row", "mix1_boundary_column")
Boundaries = npt.NDArray[np.float64]


def stage(**changes: Any) -> dict[str, Any]:
    whole = {**STAGE, **changes}
    if "ramp_start" in whole:
        del whole["beta"]
    return whole


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(4)
    for name, count in (("train", SOURCES), ("test", 20)):
        image = random.integers(0, 256, (count, 25, 31, 3), dtype=np.uint8)
        np.savez(folder / f"{name}.npz", image=image, label=np.arange(count) % 2)
    return folder / "train.npz"


def expanded(photos: Path, out: Path, **changes: Any) -> Version:
    recipe = {"mix": [stage(**changes)]}
    made = augfactory.expand(photos, out, factor=2, recipe=recipe, seed=1, workers=1)
    return open_version(made.path)


@pytest.fixture(scope="module")
def steady(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Version:
    return expanded(photos, tmp_path_factory.mktemp("steady") / "set")


@pytest.fixture(scope="module")
def growing(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Version:
    return expanded(photos, tmp_path_factory.mktemp("growing") / "set", **RAMP)


def boundaries(version: Version) -> Boundaries:
    """Return where the images of each row meet, as the plan has it; NaN for other rows."""
    return read_drawn(version, PLACE)


def in_batch(places: Boundaries, rows: Any) -> int:
    """Return how many boundaries the rows have between them; rows without any count as one."""
    return len({tuple(place) for place in np.nan_to_num(places[rows], nan=-1).tolist()})


def rows_served(loader: DataLoader[Any], epoch: int = 0) -> list[list[int]]:
    """Return the rows of each batch of an epoch, whose pixels these are."""
    sampler: Any = loader.batch_sampler
    sampler.set_epoch(epoch)
    rows = [batch.tolist() for batch in sampler]
    sampler.set_epoch(epoch)
    dataset: Any = loader.dataset
    for own, (images, _) in zip(rows, loader, strict=True):
        stored = dataset.version.source.read_images(np.array(own))
        assert np.array_equal(images.permute(0, 2, 3, 1).numpy(), stored)
    return rows


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("name", ["steady", "growing"])
def test_a_loader_serves_one_boundary_a_batch(
    name: str, workers: int, request: pytest.FixtureRequest
) -> None:
    version = request.getfixturevalue(name)
    dataset = augfactory.load(str(version.folder), images="uint8")
    loader = augfactory.loader(
        dataset, order="rounds", workers=workers, start_method="fork" if workers else None
    )
    places = boundaries(version)
    first, second = rows_served(loader), rows_served(loader, 1)
    for served in (first, second):
        assert sorted(itertools.chain(*served)) == list(range(len(version.methods)))
        assert [in_batch(places, rows) for rows in served] == [1] * len(loader)
        assert max(map(len, served)) == BATCH
        started = [version.rounds[rows].min() for rows in served]
        assert started == sorted(started)
    mixed = [rows for rows in first if not np.isnan(places[rows]).any()]
    assert [set(rows) for rows in mixed] != [
        set(rows) for rows in second if not np.isnan(places[rows]).any()
    ]
    assert any(rows != sorted(rows) for rows in mixed)
    # Of 210 rows the last 6 are less than a batch, and beta changes at rows 60, 90, 120 and 150, of
    # which 90 and 150 cut a batch in two.
    short = [len(rows) for rows in mixed if len(rows) < BATCH]
    assert short == [6] * (1 if name == "steady" else 5)


def test_drop_last_leaves_out_all_that_was_cut_off(growing: Version) -> None:
    for shard in ((0, 1), (0, 2), (1, 2)):
        loader = augfactory.loader(
            str(growing.folder), order="rounds", drop_last=True, shard=shard, seed=3
        )
        sizes = [len(images) for images, _ in loader]
        assert sizes == [BATCH] * len(loader)
    assert len(loader) > 4


def test_rows_of_a_part_share_what_is_left_of_a_batch(steady: Version) -> None:
    dataset = augfactory.load(str(steady.folder), images="uint8")
    train, _ = dataset.held_out(0.1)
    loader = augfactory.loader(dataset, order="rounds", rows=train)
    served = rows_served(loader)
    assert sorted(itertools.chain(*served)) == train.tolist()
    assert {in_batch(boundaries(steady), rows) for rows in served} == {1}


def test_another_batch_size_is_refused_with_the_one_that_fits(
    steady: Version, photos: Path
) -> None:
    address = str(steady.folder)
    assert augfactory.loader(address, BATCH, order="rounds").batch_sampler.batch_size == BATCH  # type: ignore[union-attr]
    with pytest.raises(RecipeError, match=f"Give {BATCH}"):
        augfactory.loader(address, 64, order="rounds")
    assert len(next(iter(augfactory.loader(address, 64)))[0]) == 64
    with pytest.raises(RecipeError, match=f"Give {BATCH}"):
        augfactory.online(photos, 2, recipe={"mix": [STAGE]}).batches(0, 8)
    asked = asking(steady, photos)
    with pytest.raises(RecipeError, match=f"(?s)--batch.*Give {BATCH}"):
        prepare(replace(asked, batch=8), Progress())


def test_stages_of_two_sizes_are_refused(photos: Path, tmp_path: Path) -> None:
    recipe = {"mix": [stage(copies=1), stage(copies=1, batch_size=20)]}
    made = augfactory.expand(photos, tmp_path / "set", factor=1, recipe=recipe, workers=1)
    with pytest.raises(RecipeError, match="virtual batches of 12 and of 20"):
        augfactory.loader(str(made.path), order="rounds")


@pytest.mark.parametrize("changes", [{}, RAMP])
def test_online_epochs_come_in_batches_of_one_boundary(
    photos: Path, steady: Version, growing: Version, changes: dict[str, int]
) -> None:
    stored = growing if changes else steady
    places = boundaries(stored)
    recipe = {"mix": [stage(**changes)]}
    online = augfactory.online(photos, 2, recipe=recipe, seed=1, images="uint8")
    assert len(online) == len(places)
    seen: list[int] = []
    for epoch in range(2):
        batches = online.batches(epoch)
        assert sorted(np.concatenate(batches).tolist()) == sorted(online.epoch(epoch).tolist())
        assert [in_batch(places, rows) for rows in batches] == [1] * len(batches)
        assert max(map(len, batches)) == BATCH
        assert {len(rows) for rows in online.batches(epoch, drop_last=True)} == {BATCH}
        for rows, (images, _) in zip(
            batches, DataLoader(online, batch_sampler=batches), strict=True
        ):
            pixels = stored.source.read_images(np.array(rows)).transpose(0, 3, 1, 2)
            assert np.array_equal(images.numpy(), pixels)
        seen += np.concatenate(batches).tolist()
    assert sorted(seen) == list(range(len(online)))
    plain = augfactory.online(photos, 2)
    assert [len(rows) for rows in plain.batches(1, 8)] == [8, 8, 8, 6]


def test_a_round_of_shared_draws_is_not_scattered_over_online_epochs(photos: Path) -> None:
    own = {key: value for key, value in STAGE.items() if key != "copies"}
    with pytest.raises(RecipeError, match=r"(?s)a share of 0\.5 of each round.*share = 1\.0"):
        augfactory.online(photos, 5, recipe={"mix": [{**own, "share": 0.5}]})
    online = augfactory.online(photos, 5, recipe={"mix": [{**own, "share": 1.0}]})
    for epoch in range(5):
        batches = online.batches(epoch)
        assert sum(map(len, batches)) == SOURCES
        # Of 30 rows two are whole batches of 12, or a batch begun before and one that goes on.
        assert sorted(map(len, batches)) == [6, 12, 12]
        for rows in batches:
            _, labels = online.read_batch(rows)
            assert len({tuple(np.sort(own[own > 0])) for own in places_of(online, rows)}) == 1
            assert len(labels) == len(rows)


def places_of(online: Any, rows: list[int]) -> list[npt.NDArray[np.float64]]:
    """Return where the four images of each row meet, from its plan: two numbers a row."""
    found = []
    for _, _, plan in online._planned(np.array(rows)):
        found += list(np.stack([plan.draws[name] for name in PLACE], axis=1))
    return found


def steps_of(training: TrainingSet, run: Any) -> list[Any]:
    return list(rows_of_steps(training, run.settings, 0, run.arm.batch_policy))


def asking(version: Version, photos: Path, **changes: Any) -> EvaluateRequest:
    test = SourceSpec(str(photos.with_name("test.npz")))
    return EvaluateRequest(
        (str(version.folder),), test, steps=80, order="rounds", seeds=1, **changes
    )


@pytest.mark.parametrize("name", ["steady", "growing"])
def test_every_step_of_an_evaluation_has_one_boundary(
    name: str, photos: Path, request: pytest.FixtureRequest
) -> None:
    version = request.getfixturevalue(name)
    asked = asking(version, photos, arms=("synthetic-only",))
    prepared = prepare(asked, Progress())
    assert prepared.inputs.batch == BATCH
    runs = runs_of(asked, prepared.inputs, prepared.classifier, None, 80, 1)
    assert {run.settings.batch for run in runs} == {BATCH}
    for run in runs[-2:]:
        training = training_part(open_training(run.arm.source), run.arm.part, run.arm.rows)
        places = boundaries(version)
        if run.arm.part == "synthetic":
            places = places[version.methods != "original"]
        served = steps_of(training, run)
        assert len(served) == 80
        assert [in_batch(places, rows) for rows in served] == [1] * 80
        assert {len(rows) for rows in served} == {BATCH}
        started = [training.round[rows].min() for rows in served]
        assert started == sorted(started)
        assert len({tuple(rows) for rows in served}) == 80
        # The marker makes another run of it than that of a program which shuffled them apart.
        before = replace(run.arm.batch_policy, virtual_batch=None)
        assert run_key(run) != run_key(replace(run, arm=replace(run.arm, batch_policy=before)))


def test_of_batches_that_were_all_cut_off_the_largest_serve(photos: Path, tmp_path: Path) -> None:
    ramp = {"batch_size": 64, "ramp_start": 0, "ramp_end": COPIES}
    training = version_set(expanded(photos, tmp_path / "set", **ramp))
    assert training.virtual is not None
    served = list(steps_of_rounds(training.round, training.virtual, 70, 64, 0))
    # 30 rows of each beta, and rows 64, 128 and 192 of the stage cut three of these in two parts.
    assert {len(rows) for rows in served} == {64, 30, 26, 22, 18}


def study_values(photos: Path, **changes: Any) -> dict[str, Any]:
    return {
        "title": "Boundaries",
        "source": str(photos),
        "test": str(photos.with_name("test.npz")),
        "n_train": [20],
        "subsets": 1,
        "seeds": 1,
        "steps": 8,
        "arms": [
            {"name": "originals"},
            {"name": "shared", "factor": 1, "order": "rounds", "mix": [STAGE]},
            {"name": "online", "online": [{k: v for k, v in STAGE.items() if k != "copies"}]},
        ],
        "against": ["originals"],
        **changes,
    }


def test_a_study_takes_its_batch_from_the_plan(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_nothing(monkeypatch, blank(31, 17))
    stand_in_for("quick", monkeypatch)
    seen: dict[str, list[int]] = {}
    real = rows_of_steps

    def watched(training: TrainingSet, settings: Any, seed: int, policy: Any) -> Any:
        for rows in real(training, settings, seed, policy):
            virtual = training.virtual
            numbers = [0] if virtual is None else np.unique(virtual.number[rows]).tolist()
            seen.setdefault(policy.order, []).append(len(numbers))
            yield rows

    monkeypatch.setattr("augfactory.evaluation.training.train.rows_of_steps", watched)
    asked = study_of(study_values(photos), "s.toml", "default")
    assert asked.batch == BATCH
    result = study(StudyRequest(asked, "default", tmp_path / "out"), Progress())
    assert result.trained == 3
    assert seen["rounds"] == [1] * 8
    with pytest.raises(RecipeError, match=f"(?s)s.toml: batch.*Give {BATCH}"):
        study_of(study_values(photos, batch=64), "s.toml", "default")
    shuffled = study_values(photos, batch=64)
    shuffled["arms"][1]["order"] = "shuffled"
    assert study_of(shuffled, "s.toml", "default").batch == 64


def test_an_online_arm_draws_once_for_a_whole_batch(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_nothing(monkeypatch, blank(31, 17))
    stand_in_for("quick", monkeypatch)
    method, areas = METHODS["ricap"], list[set[tuple[float, ...]]]()

    def watched(parameters: Any, drawn: Any, shape: tuple[int, int, int]) -> Any:
        found = method.weights(parameters, drawn, shape)
        areas.append({tuple(sorted(row)) for row in found.round(6).tolist()})
        return found

    monkeypatch.setitem(METHODS, "ricap", replace(method, weights=watched))
    values = study_values(photos, batch=20)
    assert BATCH < 20  # the stage's own batch_size, of which two would be drawn
    values["arms"] = [values["arms"][0], values["arms"][2]]
    asked = study_of(values, "s.toml", "default")
    assert study(StudyRequest(asked, "default", tmp_path / "out"), Progress()).trained == 2
    assert [len(own) for own in areas] == [1] * 8  # one boundary a step
    assert len(set.union(*areas)) > 1  # and not the same at all steps
    of_batch = online_stage(
        "ricap", method.parameters.model_validate({"scope": "batch", "batch_size": BATCH})
    )
    assert of_whole_batches(of_batch, BATCH) is of_batch

"""Find the recipe for some labelled images from these images alone."""

import io
import math
import textwrap
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands import evaluation_files as files
from augfactory.commands.evaluation_arms import ONLINE_MIXUP, ORIGINALS, online_stages
from augfactory.commands.evaluation_request import classifier_spec, settings_for
from augfactory.commands.expand import expand_all
from augfactory.commands.expand_request import ExpandRequest, check_dataset_name
from augfactory.commands.opening import open_any, refuse_test_split
from augfactory.commands.progress import Progress
from augfactory.commands.tune_space import DEFAULT, Candidate, candidates
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.cross_validation import compare_folds, folds
from augfactory.evaluation.diet import Diet
from augfactory.evaluation.intervals import Difference
from augfactory.evaluation.protocol import Arm, Cell, CellResult, LabelledRows
from augfactory.pipeline.composition import vae_or_default
from augfactory.pipeline.recipe import Recipe, default_geometry, geometry_stage, with_copies
from augfactory.records import Source, SourceSpec
from augfactory.report.differences_figure import differences_figure
from augfactory.report.recipe_toml import recipe_toml
from augfactory.report.tuning_page import tuning_page
from augfactory.sources.fingerprint import fingerprint
from augfactory.sources.subset import stratified_rows
from augfactory.store.atomic import make_folders, write_file
from augfactory.store.lock import Lock, only_writer
from augfactory.store.manifest import read_manifest

FOLDS = 3
# Folds that the recipes have been tried on when the worse half of them is left out.
ROUNDS = (1, 3, 6, 12, 24, 48)
REFERENCES = (ORIGINALS, ONLINE_MIXUP)
ENOUGH = 12  # folds; with fewer the answer says that more minutes tell more
VAE_STEPS = 750
MOST_ROWS = 50_000  # of a dataset that is tried


@dataclass(frozen=True)
class TuneRequest:
    """What `augfactory tune` was asked for; ``out`` is the recipe file.

    ``factor`` is that of the recipe and of the datasets that are tried. ``vae`` tries recipes with
    a model too, which is trained anew on every fold.
    """

    source: SourceSpec
    out: Path
    minutes: float
    n_train: int | None = None
    factor: int = 50
    steps: int = 400
    seed: int = 0
    vae: bool = False
    workers: int = 1
    lock: Lock = "flock"


Results = dict[tuple[str, int], CellResult]  # (recipe or reference, fold) -> …


@dataclass(frozen=True)
class Tried:
    """How a recipe or a reference fared on ``folds`` folds: accuracies from 0 to 1.

    ``against_default`` and ``against_online`` are paired differences; None where it is the same.
    """

    name: str
    words: str
    folds: int
    accuracy: float
    against_default: Difference | None
    against_online: Difference | None


@dataclass(frozen=True)
class TuneResult:
    """The recipe that was chosen, what was tried, the best first, and the files."""

    document: dict[str, Any]
    recipe: Path
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Unit:
    """One fold: its training images as a source of their own, and its test rows."""

    number: int
    folder: Path
    train: SourceSpec
    rows: int
    fingerprint: str
    test: LabelledRows


def tune(request: TuneRequest, progress: Progress) -> TuneResult:
    """Try recipes by cross-validation, ever fewer on ever more folds, until the minutes are spent.

    No test image is seen: every fold's images are held out from the datasets that are made for it.
    What is finished stands in a folder beside the recipe and is found again.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data or the disk.
    """
    begun = time.monotonic()
    source = _opened(request)
    space = candidates(source.image_shape[2], with_vae=request.vae)
    folder = request.out.with_name(f"{request.out.stem}-tuning")
    files.check_folder(folder)
    from augfactory.commands.cells import run_cells  # torch: only when the request is right

    make_folders([folder])
    with only_writer(folder, request.lock):
        files.begin(folder)
        alive, units = list(space), 0
        results: Results = {}
        seconds = 0.0  # of a classifier, by the clock
        while (target := _next(request, begun, units, len(alive) + len(REFERENCES), seconds)) > 0:
            since = time.monotonic()
            wanted = [_unit(request, source, folder, number) for number in range(target)]
            cells = [cell for unit in wanted for cell in _cells(request, unit, alive, progress)]
            text = f"trying {len(alive)} recipes on {target} folds"
            found, trained = run_cells(cells, folder, request.workers, progress, text=text)
            results = {**results, **{(cell.arm.name, cell.subset): own for cell, own in found}}
            seconds = (time.monotonic() - since) / max(trained, 1) if trained else seconds
            units = target
            if target in ROUNDS:
                alive = _better_half(alive, results)
        return _finished(request, source, space, folder, results)


def _opened(request: TuneRequest) -> Source:
    """Open the labelled images; everything that can be wrong is told before torch is loaded."""
    if not 0 < request.minutes < math.inf:
        raise RecipeError("--minutes", f"{request.minutes:g} is no time", "Give 1 or more.")
    if request.factor < 2:
        raise RecipeError(
            "--factor", f"{request.factor} makes nothing to choose", "Give 2 or more."
        )
    check_dataset_name(request.out)
    source = open_any(request.source)
    refuse_test_split(source, "a recipe chosen")
    if request.n_train is not None:
        source = source.restricted_to(stratified_rows(source.labels, request.n_train, request.seed))
    sizes = np.bincount(source.labels, minlength=len(source.class_names))
    small = np.flatnonzero(sizes < 2)
    if len(small):
        raise InputDataError(
            f"class {source.class_names[small[0]]!r}",
            f"has {sizes[small[0]]} image(s); one to learn from and one to test with are needed",
            "Add images, or use the default recipe: leave --recipe out of `augfactory expand`.",
        )
    return source


def _next(request: TuneRequest, begun: float, units: int, arms: int, seconds: float) -> int:
    """Return on how many folds to go on, as many as the minutes allow; 0 for no further.

    The first fold is tried whatever it takes.
    """
    if units == 0:
        return ROUNDS[0]
    left = 60 * request.minutes - (time.monotonic() - begun)
    fitting = units + int(left / max(seconds * arms, 1e-9))
    planned = next((target for target in ROUNDS if target > units), 0)
    target = min(planned, fitting)
    return target if target > units else 0


def _better_half(alive: Sequence[Candidate], results: Results) -> list[Candidate]:
    """Keep the better half of the recipes, two at least, and always the default."""
    ranked = sorted(alive, key=lambda one: -_mean(results, one.name))
    kept = ranked[: max(2, -(-len(ranked) // 2))]
    return [one for one in alive if one in kept or one.name == DEFAULT]


def _mean(results: Results, name: str) -> float:
    return float(np.mean([*_by_fold(results, name).values()]))


def _by_fold(results: Results, name: str) -> dict[int, float]:
    """Return the accuracy of a recipe on each fold that it was tried on."""
    return {fold: result.scores.accuracy for (own, fold), result in results.items() if own == name}


def _unit(request: TuneRequest, source: Source, folder: Path, number: int) -> Unit:
    """Write the training images of a fold, where they are not there yet."""
    repeat, fold = divmod(number, FOLDS)
    test = folds(source.labels, FOLDS, request.seed, repeat)[fold]
    train = np.setdiff1d(np.arange(len(source)), test)
    place = folder / "folds" / f"{repeat}-{fold}"
    make_folders([place])
    held, learnt = (source.restricted_to(rows) for rows in (test, train))
    for name, own in (("train", learnt), ("test", held)):
        if not (place / f"{name}.npz").exists():
            write_file(place / f"{name}.npz", _npz(own))
    return Unit(
        number,
        place,
        SourceSpec(str(place / "train.npz")),
        len(train),
        fingerprint(learnt),
        LabelledRows(SourceSpec(str(place / "test.npz")), fingerprint(held)),
    )


def _npz(source: Source) -> bytes:
    buffer, rows = io.BytesIO(), np.arange(len(source))
    np.savez(
        buffer,
        image=source.read_images(rows),
        label=source.labels,
        class_names=np.array(source.class_names),
    )
    return buffer.getvalue()


def _cells(
    request: TuneRequest, unit: Unit, alive: Sequence[Candidate], progress: Progress
) -> list[Cell]:
    """Make the datasets of a fold that are not there yet; return what is to be trained."""
    model = _model(request, unit, progress) if any(one.vae is not None for one in alive) else None
    orders = [_order(request, unit, one, model) for one in alive]
    datasets = list(expand_all(orders, 1, Progress()))
    made = [read_manifest(dataset.path) for dataset in datasets]
    classifier = classifier_spec("quick", None)
    settings = settings_for(classifier, request.steps, 64, "auto", "auto", request.steps)
    shape = made[0].image_shape
    originals = Arm(ORIGINALS, 1, unit.train, unit.rows, unit.fingerprint)
    online = Diet(online=online_stages(ONLINE_MIXUP, [made[0].recipe], shape))
    arms = [originals, replace(originals, name=ONLINE_MIXUP, factor=None, diet=online)]
    arms += [
        Arm(
            name=one.name,
            factor=manifest.recipe["factor"],
            source=SourceSpec(str(dataset.path)),
            size=dataset.rows,
            fingerprint=dataset.content_hash,
        )
        for one, dataset, manifest in zip(alive, datasets, made, strict=True)
    ]
    return [
        Cell(arm, unit.test, classifier, settings, seed=unit.number, subset=unit.number)
        for arm in arms
    ]


def _order(request: TuneRequest, unit: Unit, one: Candidate, model: Path | None) -> ExpandRequest:
    return ExpandRequest(
        SourceSpec(str(model)) if one.vae is not None else unit.train,
        unit.folder / one.name,
        (min(request.factor, max(2, MOST_ROWS // unit.rows)),),
        seed=request.seed,
        geometry=one.geometry,
        vae=one.vae or {},
        mix=one.mix,
        distinct=bool(one.mix),
        lock=request.lock,
    )


def _model(request: TuneRequest, unit: Unit, progress: Progress) -> Path:
    from augfactory.commands.vae_order import VaeTrainRequest
    from augfactory.commands.vae_train import vae_train

    out = unit.folder / "model"
    vae_train(
        VaeTrainRequest(
            unit.train, out, seed=request.seed, steps=VAE_STEPS, verdict=False, lock=request.lock
        ),
        progress,
    )
    return out


def _finished(
    request: TuneRequest,
    source: Source,
    space: Sequence[Candidate],
    folder: Path,
    results: Results,
) -> TuneResult:
    """Choose, and write the recipe, the results, the figure and the report."""
    tried = _tried(space, results)
    chosen, words = _choice(space, tried)
    recipe = _recipe(request, source, chosen)
    written = recipe_toml(recipe.model_dump(mode="json"))
    head = "".join(f"# {line}\n" for line in textwrap.wrap(words, 96))
    how = f"# augfactory tune {request.source.text}: {chosen.name}, {chosen.words}\n"
    document: dict[str, Any] = {
        "use": chosen.name,
        "text": words,
        "recipe": recipe.model_dump(mode="json"),
        "steps": request.steps,
        "originals": len(source),
        "tried": [_plain(one) for one in tried],
    }
    figure = differences_figure(document["tried"], DEFAULT)
    page = tuning_page(document, figure)
    outputs = {
        folder / "results.json": files.json_bytes(document),
        folder / "differences.png": figure,
        folder / "report.html": page,
        request.out: f"{how}{head}\n{written}".encode(),
    }
    for path, content in outputs.items():
        write_file(path, content)
    return TuneResult(document, request.out, tuple(outputs))


def _tried(space: Sequence[Candidate], results: Results) -> list[Tried]:
    """Return every recipe and reference, the best first of those that were tried the longest."""
    names = {one.name: one.words for one in space} | {
        ORIGINALS: "the originals as they are",
        ONLINE_MIXUP: "the originals, varied by geometry and mixup while training",
    }
    figures = {name: _by_fold(results, name) for name in names}
    pairs = [(name, other) for other in (DEFAULT, ONLINE_MIXUP) for name in names if name != other]
    share = 1 / (FOLDS - 1)  # of the test rows over the training rows of a fold
    gaps = compare_folds(figures, pairs, share)
    found = [
        Tried(
            name,
            words,
            len(figures[name]),
            _mean(results, name),
            gaps.get((name, DEFAULT)),
            gaps.get((name, ONLINE_MIXUP)),
        )
        for name, words in names.items()
    ]
    return sorted(found, key=lambda one: (-one.folds, -one.accuracy))


def _choice(space: Sequence[Candidate], tried: Sequence[Tried]) -> tuple[Candidate, str]:
    """Return the recipe to use: the default, unless another is surely better; and say so."""
    recipes = [one for one in tried if one.name not in REFERENCES]
    best = recipes[0] if recipes[0].name != DEFAULT else recipes[1]
    default = next(one for one in recipes if one.name == DEFAULT)
    gap = best.against_default
    assert gap is not None
    clear = gap.clear and gap.mean > 0
    use = best if clear else default
    chosen = next(one for one in space if one.name == use.name)
    if clear:
        first = f"Use {best.name}: {_points(gap)} over the default set, on {_folds(best.folds)}."
    else:
        first = (
            f"Nothing that was tried is surely better than the default set; the nearest is "
            f"{best.name} ({_points(gap)}, {_folds(best.folds)})."
        )
    online = use.against_online
    assert online is not None
    if online.clear and online.mean > 0:
        second = f"The set gains {_points(online)} over training with online geometry and mixup."
    elif online.clear:
        second = (
            f"Online geometry and mixup, which need no dataset, are better: the set is at "
            f"{_points(online)}."
        )
    else:
        second = (
            "The set is not told apart from training with online geometry and mixup, which need no "
            f"dataset ({_points(online)})."
        )
    third = ""
    if best.folds < ENOUGH:
        third = f" More minutes would tell more: there was time for {_folds(best.folds)}."
    return chosen, f"{first} {second}{third}"


def _folds(count: int) -> str:
    return f"{count} fold" if count == 1 else f"{count} folds"


def _points(gap: Difference) -> str:
    if gap.low is None or gap.high is None:
        return f"{100 * gap.mean:+.1f} points"
    return f"{100 * gap.mean:+.1f} points [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"


def _recipe(request: TuneRequest, source: Source, chosen: Candidate) -> Recipe:
    """Return the recipe as `augfactory expand` resolves it."""
    vae = None
    if chosen.vae is not None:
        vae = vae_or_default(chosen.vae, varied=True, channels=source.image_shape[2])
    preset = default_geometry(source.image_shape).parameters["preset"]
    return Recipe(
        factor=request.factor,
        geometry=geometry_stage("geometry", {"preset": preset, **chosen.geometry}),
        vae=vae,
        mix=with_copies(chosen.mix, request.factor, originals=True),
        distinct=bool(chosen.mix),
    )


def _plain(one: Tried) -> dict[str, Any]:
    values = asdict(one)
    return {**values, "accuracy": round(one.accuracy, 6)}


def as_json(result: TuneResult) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {**result.document, "files": [str(path) for path in result.files]}


def table(result: TuneResult) -> str:
    """Return one line for each recipe and reference, aligned for a terminal."""
    lines = [("recipe", "folds", "accuracy %", "from the default [95 %]", "what it does")]
    for one in result.document["tried"]:
        gap = one["against_default"]
        shown = "" if gap is None else _points(Difference(**gap)).replace(" points", "")
        accuracy = f"{100 * one['accuracy']:.1f}"
        lines.append((one["name"], str(one["folds"]), accuracy, shown, one["words"]))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )

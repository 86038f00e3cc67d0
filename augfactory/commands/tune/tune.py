"""Find the recipe for some labelled images from these images alone."""

import math
import shlex
import textwrap
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.expand.naming import check_dataset_name
from augfactory.commands.opening.groups import originals_together
from augfactory.commands.opening.look import look
from augfactory.commands.opening.notes import suited_preset
from augfactory.commands.opening.opening import flags_of
from augfactory.commands.progress import Progress
from augfactory.commands.runs import files
from augfactory.commands.tune.answer import answer
from augfactory.commands.tune.folds import (
    FOLDS,
    Learner,
    TuneRequest,
    learner_of,
    online_arms,
    open_unit,
    runs_of_fold,
)
from augfactory.commands.tune.space import DEFAULT, Candidate, candidates
from augfactory.commands.tune.trials import Results, Trials, mean_accuracy
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.comparison.tune_results import TuneResults
from augfactory.evaluation.cross_validation import Fold
from augfactory.pipeline.recipes.composition import default_variation, vae_or_default
from augfactory.pipeline.recipes.recipe import Recipe, with_copies
from augfactory.pipeline.recipes.stages import geometry_stage
from augfactory.records import Int64Array, Source
from augfactory.report.figures.differences_figure import differences_figure
from augfactory.report.recipe_toml import recipe_toml
from augfactory.report.tuning_page import tuning_page
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.sources.opening import open_source, refuse_test_split
from augfactory.store.disk.atomic import make_folders, write_file
from augfactory.store.disk.lock import only_writer

# Folds that the recipes have been tried on when the worse half of them is left out.
ROUNDS = (1, 3, 6, 12, 24, 48)
ENOUGH = 12  # folds to tell the best of the online arms, which alone goes on


class TuneResult(TuneResults):
    """What results.json holds, and the files that were written, that of the recipe last."""

    files: tuple[Path, ...]


def tune(request: TuneRequest, progress: Progress) -> TuneResult:
    """Try recipes by cross-validation, ever fewer on ever more folds, until the minutes are spent.

    No test image is seen: every fold's images are held out from the datasets that are made for it.
    What is finished stands in a folder beside the recipe and is found again.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data or the disk.
    """
    begun = time.monotonic()
    learner = learner_of(request)
    source, groups = _opened(request, progress)
    preset = suited_preset(source, progress)  # of all images: that of a fold could be another
    variation = default_variation(preset, source)
    space = candidates(preset, variation, with_vae=request.vae)
    folder = request.out.with_name(f"{request.out.stem}-tuning")
    files.check_folder(folder)
    # torch: only when the request is right
    from augfactory.evaluation.classifiers.registry import check_image_shape

    known, freeze = learner.classifier, learner.settings.freeze
    shape, classes = source.image_shape, len(source.class_names)
    check_image_shape(known.name, known.weights, shape, classes, freeze=freeze)
    progress.say(
        f"datasets and classifiers of the folds are kept in {folder}, from which the same command "
        "goes on; delete it when you have the recipe"
    )
    make_folders([folder])
    with only_writer(folder, request.lock):
        files.begin(folder)
        trials = _trials(request, source, groups, space, folder, learner, begun, progress)
        return _finished(request, source, folder, trials)


def _trials(
    request: TuneRequest,
    source: Source,
    groups: Int64Array | None,
    space: Sequence[Candidate],
    folder: Path,
    learner: Learner,
    begun: float,
    progress: Progress,
) -> Trials:
    """Try all recipes on a fold, and the better ones on more, until the minutes are spent.

    ``begun`` is when, as a monotonic time.
    """
    from augfactory.commands.runs.train_runs import train_runs
    from augfactory.commands.tune.estimate import too_few_minutes

    alive, units, online = list(space), 0, online_arms(space)
    results: Results = {}
    tested: dict[int, Fold] = {}
    seconds = 0.0  # of a classifier, by the clock
    while (target := _next(request, begun, units, len(alive) + len(online) + 1, seconds)) > 0:
        since = time.monotonic()
        runs = []
        for number in range(target):
            unit = open_unit(request, source, folder, number, groups)
            tested[number] = unit.tested
            runs += runs_of_fold(request, unit, alive, online, learner, progress)
        if units == 0 and (told := too_few_minutes(runs, request.minutes, request.workers)):
            progress.say(told)
        text = f"trying {len(alive)} recipes on {target} {'fold' if target == 1 else 'folds'}"
        found, trained = train_runs(
            runs, folder, request.workers, progress, text=text, engine=request.runs_on
        )
        results = {**results, **{(run.arm.name, run.subset): own for run, own in found}}
        seconds = (time.monotonic() - since) / max(trained, 1) if trained else seconds
        units = target
        if target in ROUNDS:
            alive = _better_half(alive, results)
        if target >= ENOUGH:
            online = (max(online, key=lambda name: mean_accuracy(results, name)),)
    return Trials(space, online_arms(space), results, tested)


def _opened(request: TuneRequest, progress: Progress) -> tuple[Source, Int64Array | None]:
    """Open the labelled images, and number the groups that stay together.

    These are equal images, with those that the request says belong together; None where each row
    is on its own. Everything that can be wrong is told before torch is loaded.
    """
    if not 0 < request.minutes < math.inf:
        raise RecipeError("--minutes", f"{request.minutes:g} is not a time", "Give more than 0.")
    if request.factor < 2:
        raise RecipeError(
            "--factor", f"{request.factor} makes nothing to choose", "Give 2 or more."
        )
    check_dataset_name(request.out)
    source = open_source(request.source)
    refuse_test_split(source, "a recipe chosen")
    source = look(request.source, source, progress).source
    if request.n_train is not None:
        source = source.restricted_to(stratified_rows(source.labels, request.n_train, request.seed))
    together = originals_together(source, request.group, progress)
    # Where all differ and nothing else is said, rows are dealt one by one.
    alone = request.group is None and len(np.unique(together)) == len(source)
    groups = None if alone else together
    own = np.arange(len(source)) if groups is None else groups
    pairs = np.unique(np.stack([source.labels, own]), axis=1)
    sizes = np.bincount(pairs[0], minlength=len(source.class_names))
    small = np.flatnonzero(sizes < FOLDS)
    if len(small):
        what = "image(s)" if groups is None else "group(s)"
        if groups is not None and request.group is None:
            what = "different image(s)"
        raise InputDataError(
            f"class {source.class_names[small[0]]!r}",
            f"has {sizes[small[0]]} {what}, {FOLDS} are needed: one to test with in each fold",
            "Add images, or use the default recipe: leave --recipe out of `augfactory expand`.",
        )
    return source, groups


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
    ranked = sorted(alive, key=lambda one: -mean_accuracy(results, one.name))
    kept = ranked[: max(2, -(-len(ranked) // 2))]
    return [one for one in alive if one in kept or one.name == DEFAULT]


def _finished(request: TuneRequest, source: Source, folder: Path, trials: Trials) -> TuneResult:
    """Choose, and write the recipe, the results, the figure and the report."""
    found = answer(trials, request.steps, len(source), ROUNDS[-1])
    chosen, words, tried = found.chosen, found.text, found.tried
    recipe = _recipe(request, source, chosen)
    written = recipe_toml(recipe.model_dump(mode="json"))
    head = "".join(f"# {line}\n" for line in textwrap.wrap(words, 96))
    how = f"# augfactory tune {request.source.text}: {chosen.name}, {chosen.words}\n"
    document = TuneResults(
        use=chosen.name,
        lead=found.lead,
        text=words,
        next=_next_command(request, chosen),
        recipe=recipe.model_dump(mode="json"),
        classifier=request.classifier,
        steps=request.steps,
        originals=len(source),
        best_online=found.best_online,
        smallest_gain=found.smallest_gain,
        smallest_gain_ever=found.smallest_gain_ever,
        rising=found.rising,
        tried=tuple(replace(one, accuracy=round(one.accuracy, 6)) for one in tried),
    )
    figure = differences_figure(tried, DEFAULT)
    page = tuning_page(document, figure)
    outputs = {
        folder / "results.json": files.json_bytes(document.plain()),
        folder / "differences.png": figure,
        folder / "report.html": page,
        request.out: f"{how}{head}\n{written}".encode(),
    }
    for path, content in outputs.items():
        write_file(path, content)
    return TuneResult(**dict(document), files=tuple(outputs))


def _next_command(request: TuneRequest, chosen: Candidate) -> str:
    """Return what makes use of the recipe: a dataset of all the images that it was chosen for."""
    source = request.source
    read = []
    if request.n_train is not None:
        read += ["--n-train", str(request.n_train), "--seed", str(request.seed)]
    read += flags_of(source)
    name = request.out.stem
    made = ["augfactory", "expand", source.text, *read]
    if chosen.recipe.vae is None:
        return shlex.join([*made, "--recipe", str(request.out), "--out", name])
    trained = shlex.join(["augfactory", "vae-train", source.text, *read, "--out", f"models/{name}"])
    expanded = ["augfactory", "expand", f"models/{name}", "--recipe", str(request.out)]
    return f"{trained} && {shlex.join([*expanded, '--out', name])}"


def _recipe(request: TuneRequest, source: Source, chosen: Candidate) -> Recipe:
    """Return the recipe as `augfactory expand` resolves it."""
    asked, vae = chosen.recipe, None
    if asked.vae is not None:
        vae = vae_or_default(asked.vae, varied=True, channels=source.image_shape[2])
    return Recipe(
        factor=request.factor,
        geometry=geometry_stage("geometry", asked.variation or {}),
        vary=asked.vary,
        vae=vae,
        mix=with_copies(asked.mix, request.factor, originals=True),
        distinct=bool(asked.distinct),
    )


def as_json(result: TuneResult) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {**result.plain(), "files": [str(path) for path in result.files]}

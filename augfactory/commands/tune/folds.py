"""The folds of `augfactory tune`: their images, their datasets, and what is trained on them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from augfactory.commands.evaluate.online_arms import ORIGINALS, baselines_of, online_stages
from augfactory.commands.evaluate.request import asked_training, classifier_spec, settings_for
from augfactory.commands.expand.expand import expand_all
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.tune.space import DEFAULT, Candidate
from augfactory.engines.processes import Engine, worker_pool
from augfactory.errors import InputDataError
from augfactory.evaluation.classifiers.registry import DEFAULT_CLASSIFIER
from augfactory.evaluation.comparison.protocol import Arm, ClassifierSpec, Run
from augfactory.evaluation.cross_validation import Fold, folds
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.virtual_batches import DEFAULT_BATCH
from augfactory.records import Int64Array, Source, SourceSpec
from augfactory.source_rows import PLAIN, SourceRows, rows_of
from augfactory.store.disk.atomic import make_folders, write_file
from augfactory.store.disk.lock import Lock
from augfactory.store.manifest import read_manifest

FOLDS = 3
VAE_STEPS = 750
MOST_ROWS = 50_000  # of a dataset that is tried


@dataclass(frozen=True)
class TuneRequest:
    """What `augfactory tune` was asked for; ``out`` is the recipe file.

    ``factor`` is that of the recipe and of the datasets that are tried. ``vae`` tries recipes with
    a model too, which is trained anew on every fold. ``runs_on`` is where classifiers are trained.
    ``group`` says which images stay together in the folds, as ``sources/choosing/splitting.py``
    has it. ``classifier``, ``weights`` and ``freeze`` are what learns them, as in an evaluation.
    """

    source: SourceSpec
    out: Path
    minutes: float
    n_train: int | None = None
    factor: int = 50
    steps: int = 250
    seed: int = 0
    vae: bool = False
    workers: int = 1
    lock: Lock = "flock"
    runs_on: Engine = worker_pool
    group: str | None = None
    classifier: str = DEFAULT_CLASSIFIER
    weights: Path | None = None
    freeze: str | None = None


@dataclass(frozen=True)
class Learner:
    """The classifier that learns every dataset, and how it is trained."""

    classifier: ClassifierSpec
    settings: TrainingSettings


def learner_of(request: TuneRequest) -> Learner:
    """Check what is asked for of the classifier.

    Raises:
        RecipeError: there is no such classifier, or ``freeze`` keeps nothing that was learnt.
        InputDataError: the file of weights cannot be read.
    """
    asked = asked_training(freeze=request.freeze, weights=request.weights)
    spec = classifier_spec(request.classifier, request.weights)
    steps = request.steps
    return Learner(spec, settings_for(spec, steps, DEFAULT_BATCH, "auto", "auto", steps, asked))


@dataclass(frozen=True)
class Unit:
    """One fold: its training images as a source of their own, its test rows, and what these are."""

    number: int
    folder: Path
    train: SourceRows
    test: SourceRows
    tested: Fold


def open_unit(
    request: TuneRequest, source: Source, folder: Path, number: int, groups: Int64Array | None
) -> Unit:
    """Write the training images of a fold, where they are not there yet; ``groups`` stay whole.

    Raises:
        InputDataError: a class would have no image to train on.
    """
    repeat, fold = divmod(number, FOLDS)
    test = folds(source.labels, FOLDS, request.seed, repeat, groups)[fold]
    train = np.setdiff1d(np.arange(len(source)), test)
    lost = np.setdiff1d(source.labels, source.labels[train])
    if len(lost):
        grouped = request.group is not None
        what = "groups" if grouped else "different images"
        remedy = "leave --group out" if grouped else "remove copies"
        raise InputDataError(
            f"class {source.class_names[lost[0]]!r}",
            f"its {what} cannot be dealt so that every fold trains on it",
            f"Add images of other groups, or {remedy}.",
        )
    held, learnt = (source.restricted_to(rows) for rows in (test, train))
    tested, trained = (rows_of(SourceSpec(source.name), part) for part in (held, learnt))
    # Named by what it holds: the same folder may have served another source or seed.
    place = folder / "folds" / f"{trained.fingerprint[:12]}-{tested.fingerprint[:12]}"
    make_folders([place])
    for name, own in (("train", learnt), ("test", held)):
        if not (place / f"{name}.npz").exists():
            write_file(place / f"{name}.npz", _npz(own))
    return Unit(
        number,
        place,
        trained.model_copy(update={"text": str(place / "train.npz"), "options": PLAIN}),
        tested.model_copy(update={"text": str(place / "test.npz"), "options": PLAIN}),
        Fold(repeat, test if groups is None else groups[test]),
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


def online_arms(space: Sequence[Candidate]) -> tuple[str, ...]:
    """Name the arms that a set has to beat: the originals varied in training, one way each."""
    default = next(one for one in space if one.name == DEFAULT)
    return baselines_of([default.recipe.model_dump(mode="json")], uneven=False)[1:]


def runs_of_fold(
    request: TuneRequest,
    unit: Unit,
    alive: Sequence[Candidate],
    online: Sequence[str],
    learner: Learner,
    progress: Progress,
) -> list[Run]:
    """Make the datasets of a fold that are not there yet; return what is to be trained.

    That are the originals, the arms ``online``, and a dataset of each recipe that is ``alive``.
    """
    decoding = any(one.recipe.vae is not None for one in alive)
    model = _model(request, unit, progress) if decoding else None
    requests = [_expand_request(request, unit, one, model) for one in alive]
    datasets = list(expand_all(requests, 1, Progress()))
    made = [read_manifest(dataset.path) for dataset in datasets]
    shape = made[0].image_shape
    originals = Arm(ORIGINALS, 1, unit.train.spec, len(unit.train.rows), unit.train.fingerprint)
    default = next(own for one, own in zip(alive, made, strict=True) if one.name == DEFAULT)
    arms = [originals]
    for name in online:
        policy = BatchPolicy(online=online_stages(name, [default.recipe], shape))
        arms.append(replace(originals, name=name, factor=None, batch_policy=policy))
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
        Run(
            arm,
            unit.test,
            learner.classifier,
            learner.settings,
            seed=unit.number,
            subset=unit.number,
        )
        for arm in arms
    ]


def _expand_request(
    request: TuneRequest, unit: Unit, one: Candidate, model: Path | None
) -> ExpandRequest:
    asked = one.recipe
    return ExpandRequest(
        SourceSpec(str(model)) if asked.vae is not None else unit.train.spec,
        unit.folder / one.name,
        (min(request.factor, max(2, MOST_ROWS // len(unit.train.rows))),),
        seed=request.seed,
        geometry=asked.variation,
        vary=asked.vary,
        vae=asked.vae or {},
        mix=asked.mix,
        distinct=bool(asked.distinct),
        lock=request.lock,
    )


def _model(request: TuneRequest, unit: Unit, progress: Progress) -> Path:
    from augfactory.commands.vae.plan import VaeTrainRequest
    from augfactory.commands.vae.train import vae_train

    out = unit.folder / "model"
    vae_train(
        VaeTrainRequest(
            unit.train.spec,
            out,
            seed=request.seed,
            steps=VAE_STEPS,
            verdict=False,
            lock=request.lock,
        ),
        progress,
    )
    return out

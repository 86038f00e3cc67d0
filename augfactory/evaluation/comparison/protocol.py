"""How arms are compared: equal steps, equal batches, paired seeds and subsets.

A run is one classifier: an arm, on one subset of the data, with one training seed. Whatever
decides its result stands in its key, so that a finished run is never run again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augfactory.evaluation.comparison.measures import CorruptedScores, Reliability, Scores
from augfactory.evaluation.corruptions.registry import REVISION
from augfactory.evaluation.training.batch_policy import DEFAULT_POLICY, BatchPolicy
from augfactory.evaluation.training.online import mixes
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.training_set import Part
from augfactory.records import SourceSpec
from augfactory.source_rows import SourceRows
from augfactory.sources.corrupted.part import CorruptedPart

if TYPE_CHECKING:
    from augfactory.evaluation.training.train import TrainingProgress  # torch takes seconds to load

# Raise this whenever training or measuring changes, so that no older run is taken for a new one.
PROTOCOL = 4
# The same for how batches are mixed while training, which no other run has to do with.
MIXED_ONLINE = 2
# Fields that came later, with what was done before there were any.
LATER_OF_BATCHES = {"virtual_batch": None}
LATER_OF_SETTINGS = {"drops": ()}


@dataclass(frozen=True)
class Arm:
    """One way of training that is compared with others.

    ``part`` says which rows of the source are used, ``rows`` restricts it further; None is all.
    ``factor`` is its images per original, None where that is not known; ``size`` the rows in all.
    ``fingerprint`` is a hash of what is trained on: pixels and labels, in their order. ``series``
    is a name that it shares with arms whose datasets differ in their factor only. ``free`` are the
    arms that need no dataset and are always there, of which a dataset has to beat the best.
    """

    name: str
    factor: int | None
    source: SourceSpec
    size: int
    fingerprint: str
    part: Part = "all"
    rows: tuple[int, ...] | None = None
    batch_policy: BatchPolicy = DEFAULT_POLICY
    series: str | None = None
    free: bool = False

    @property
    def images_per_step(self) -> int:
        """How many images the classifier sees for each of a batch."""
        return 3 if self.batch_policy.loss == "jsd" else 1


@dataclass(frozen=True)
class ClassifierSpec:
    """Which classifier, and the file of the weights that it starts from, if any."""

    name: str
    weights: Path | None = None
    weights_sha256: str | None = None


@dataclass(frozen=True)
class CorruptedTest:
    """Corrupted test images: where they are, and what is said of them.

    Attributes:
        profile: by whose corruptions they were made; "published" where they were found.
        seed: of those that were made.
        parts: each corruption at each severity.
        title: what tables call them.
        fingerprint: of those that were found; empty for those that were made.
        overlapping: corruptions that AugMix trains on.
        extra: corruptions that are no part of the mean.
    """

    profile: str
    seed: int
    parts: tuple[CorruptedPart, ...]
    title: str = ""
    fingerprint: str = ""
    overlapping: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One classifier to train and to test. Small, so that it can be sent to another process.

    ``held_out`` are training rows that no arm has, for the temperature; None measures without.
    """

    arm: Arm
    test: SourceRows
    classifier: ClassifierSpec
    settings: TrainingSettings
    seed: int
    subset: int = 0
    held_out: SourceRows | None = None
    corrupted: CorruptedTest | None = None


CURVE_ROWS = 1000  # test images that a classifier is read on while it learns, at most


@dataclass(frozen=True)
class Reading:
    """What a classifier was worth after ``step`` steps.

    ``accuracy`` and ``nll`` are on test rows, at most 1,000 of them; ``training_accuracy`` is on
    training images as they are stored, at most 500 of them, and so is ``training_nll``, the cross
    entropy with their labels. ``batch_accuracy`` and ``batch_loss`` are means over the batches
    since the reading before, of the network while it learns: varied and mixed as they are, against
    the class of the largest share. None where an older program trained.
    """

    step: int
    accuracy: float
    nll: float
    training_accuracy: float
    training_nll: float | None = None
    batch_accuracy: float | None = None
    batch_loss: float | None = None


@dataclass(frozen=True)
class RunResult:
    """What one run came to.

    Attributes:
        scores: on the test rows.
        curve: what it was worth on the way, in the order of the steps.
        predicted: the class that each test row was taken for.
        labels: the class that it is of.
        label_nll: -log p of each test row's label, in nats, rounded to 4 digits.
        collapsed: why the training counts as failed; None where it does not.
        scaled: the same after temperature scaling, None without held-out rows.
        temperature: that was fitted on the held-out rows.
        confusion: [K][K], test rows of each class (down) taken for each class (across).
        reliability: of the unscaled probabilities.
        corruption_errors: corruption -> share of wrong answers, 0 to 1, mean over the severities;
            without those that are no part of the mean.
        corrupted: the same and more, of each corruption at each severity.
        seconds: of training.
        waiting: the share of them that went into fetching and varying images.
    """

    scores: Scores
    curve: tuple[Reading, ...]
    predicted: tuple[int, ...]
    labels: tuple[int, ...]
    label_nll: tuple[float, ...]
    collapsed: str | None
    scaled: Scores | None
    temperature: float | None
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    corruption_errors: dict[str, float] | None
    seconds: float
    waiting: float
    corrupted: tuple[CorruptedScores, ...] | None = None


@dataclass(frozen=True)
class Earlier:
    """A shorter training of the same run: how far it came, and what was read on the way."""

    progress: "TrainingProgress"
    curve: tuple[Reading, ...]


def _said(values: "BatchPolicy | TrainingSettings", later: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields; of ``later`` ones only those that differ, so that older keys stay."""
    found = asdict(values)
    for stage in found.get("online", ()):
        if stage["share"] == 1:
            del stage["share"]
    return {key: own for key, own in found.items() if key not in later or own != later[key]}


def run_key(run: Run) -> str:
    """Return a hash of everything that decides the run's result; names and paths do not."""
    arm = run.arm
    corrupted = run.corrupted
    decisive = {
        "protocol": PROTOCOL,
        "torch": _torch_version(),
        "arm": [arm.fingerprint, arm.part, _said(arm.batch_policy, LATER_OF_BATCHES)],
        "test": run.test.fingerprint,
        "held_out": run.held_out.fingerprint if run.held_out else None,
        "classifier": [run.classifier.name, run.classifier.weights_sha256],
        "settings": _said(run.settings, LATER_OF_SETTINGS),
        "seed": run.seed,
        "corrupted": [corrupted.profile, corrupted.seed, REVISION, corrupted.fingerprint]
        if corrupted
        else None,
    }
    if any(mixes(stage) for stage in arm.batch_policy.online):
        decisive["mixed online"] = MIXED_ONLINE
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]


@cache
def _torch_version() -> str:
    return version("torch")  # it reads and parses a file each time


def training_key(run: Run) -> str:
    """Return a hash of everything that decides the training but how many steps it has."""
    return run_key(replace(run, settings=replace(run.settings, steps=0)))

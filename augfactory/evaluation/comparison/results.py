"""What results.json holds: the records that tables, figures, the page and ``--json`` read.

Accuracies and errors are shares from 0 to 1, NLL is in nats. The names of the fields are the keys
on disk.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from augfactory.evaluation.comparison.curves import Curve
from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.measures import CorruptedScores, Reliability
from augfactory.records import LeftOut

Text = InstanceOf[str]  # a path may hold bytes that are no UTF-8, which pydantic's str refuses


class Record(BaseModel):
    """A part of results.json whose optional keys are missing where they were not given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return self.model_dump(exclude_unset=True)


# What arms are compared by: of uneven test images, with all classes counting alike.
Measure = Literal["accuracy", "balanced_accuracy"]
IN_WORDS: dict[Measure, str] = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}


@dataclass(frozen=True)
class Summary:
    """Some values, their mean and standard deviation (ddof 1; None for a single value)."""

    mean: float
    std: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class SeverityScores:
    """Figures at one severity: of each classifier, means over the ``corruptions`` that have it."""

    severity: int
    corruptions: int
    error: Summary
    nll: Summary
    ece: Summary
    rms_calibration: Summary


@dataclass(frozen=True)
class CorruptionErrors:
    """Errors on corrupted test images, over the classifiers of an arm.

    ``mean_error`` is a plain mean over the corruptions, not normalised;
    ``mean_error_without_overlap`` leaves out those that AugMix trains on, None where there are
    none. ``errors`` are means over severities; ``extra`` are in no mean, but in ``measured``.
    """

    profile: Text
    title: Text
    mean_error: float
    mean_error_without_overlap: float | None
    errors: dict[Text, float]
    severities: tuple[SeverityScores, ...] = ()
    measured: tuple[CorruptedScores, ...] = ()
    extra: tuple[Text, ...] = ()


@dataclass(frozen=True)
class EnsembleSummary:
    """What ensembles of an arm come to; ``gain`` is in accuracy, over the mean of the members."""

    size: int
    subsets: tuple[int, ...]
    seeds: tuple[tuple[int, ...], ...]
    accuracy: Summary
    balanced_accuracy: Summary
    nll: Summary
    brier: Summary
    ece: Summary
    rms_calibration: Summary
    gain: Summary
    corruption_error: Summary | None
    severities: tuple[SeverityScores, ...] = ()


class ArmSummary(Record):
    """An arm's results; the values of a summary are in the order of ``subsets`` and ``seeds``.

    Attributes:
        name: of the arm.
        factor: images per original, where known.
        rows: that it trains on; the mean over the subsets.
        images_per_step: for each image of a batch.
        subsets: of each value.
        seeds: of each value.
        accuracy: and the following, see ``Scores``.
        scaled: these after temperature scaling, with "temperature"; None without held-out rows.
        difference: measure -> this arm less the baseline; None for the baseline.
        versus: other arm -> measure -> this arm less that one.
        class_accuracy: [K], over all runs; None for a class without test rows.
        confusion: [K][K], summed over the runs.
        reliability: over all runs.
        corruptions: errors on corrupted test images, None where none were measured.
        curve: what its classifiers were worth along the training.
        rise: see ``Curve``.
        still_from: see ``Curve``.
        collapsed: why, for each training that failed.
        accuracy_without_collapsed: of the others; None where none or all failed; not kept.
        seconds: of training one classifier.
        waiting: share of them spent on images.
        ensemble: of several of its classifiers; missing where none were asked for.
        overtook_baseline: step from which it stayed ahead of the baseline; of evaluations only.
        series: name of the datasets that differ in their factor only; not kept.
        measure: what it is compared by; missing where that is plain accuracy.
    """

    name: Text
    factor: int | None
    rows: int
    images_per_step: int
    subsets: tuple[int, ...]
    seeds: tuple[int, ...]
    accuracy: Summary
    balanced_accuracy: Summary
    nll: Summary
    brier: Summary
    ece: Summary
    rms_calibration: Summary
    scaled: dict[str, Summary] | None
    difference: dict[str, Difference] | None
    versus: dict[Text, dict[str, Difference]]
    class_accuracy: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    corruptions: CorruptionErrors | None
    curve: Curve
    rise: float | None
    still_from: int | None
    collapsed: tuple[Text, ...]
    seconds: Summary
    waiting: Summary
    overtook_baseline: int | None = None
    ensemble: EnsembleSummary | None = None
    accuracy_without_collapsed: Summary | None = Field(default=None, exclude=True)
    series: Text | None = Field(default=None, exclude=True)
    measure: Measure = Field(default="accuracy", exclude_if=lambda own: own == "accuracy")

    @property
    def gain(self) -> Difference | None:
        """``measure`` less that of the baseline; None for the baseline and where no pair exists."""
        return self.difference[self.measure] if self.difference else None

    @property
    def compared(self) -> Summary:
        """The values of ``measure``."""
        return self.accuracy if self.measure == "accuracy" else self.balanced_accuracy


@dataclass(frozen=True)
class Verdict:
    """The answer to "what do I train on?".

    Attributes:
        use: the arm to train on.
        baseline: the arm that all are compared with: the best of the baselines.
        gain: of ``use`` over the baseline; None where it is the baseline itself.
        better: arms that are surely better than the baseline, the best first.
        worse: arms that are surely worse, the worst first.
        undecided: the others.
        smallest_difference: in ``measure``, 0 to 1, that this evaluation could have seen, of the
            arms that are undecided where there are some; None with too few trainings for any.
        seeds_for_a_point: trainings of each arm that would show a difference of one point; None
            where 200 would not.
        test_images_for_a_point: how many test images that would take at least.
        test_images: how many there are.
        rising: arms that more steps would still improve, with what the last fifth brought them.
        collapsed: arm -> how many of its trainings failed.
        without_collapsed: ``use`` if failed trainings are left out, where that changes it.
        measure: what arms are compared by: accuracy or, of uneven test images, balanced accuracy.
        by_accuracy: ``use`` by plain accuracy, where that changes it.
        by_nll: ``use`` by NLL, where that changes it.
        text: all of it in sentences.
        lead: that part of the text which says what to do.
        next: the command to type next.
    """

    use: Text
    baseline: Text
    gain: Difference | None
    better: tuple[Text, ...]
    worse: tuple[Text, ...]
    undecided: tuple[Text, ...]
    smallest_difference: float | None
    seeds_for_a_point: int | None
    test_images_for_a_point: int
    test_images: int
    rising: dict[Text, float | None]
    collapsed: dict[Text, int]
    without_collapsed: Text | None
    measure: Measure = "accuracy"
    by_accuracy: Text | None = None
    by_nll: Text | None = None
    lead: Text = ""
    text: Text = ""
    next: Text = ""


@dataclass(frozen=True)
class Alert:
    """One thing to know: a "warning" can change the conclusion, a "note" limits it."""

    level: Text
    text: Text


class LabelledSet(Record):
    """Labelled images that classifiers are measured on; some say less of them."""

    text: Text
    size: tuple[int, int] | None = None
    colour: Text | None = None
    rows: int
    fingerprint: Text = ""
    skipped: tuple[LeftOut, ...] | None = Field(default=None, exclude_if=lambda names: not names)


@dataclass(frozen=True)
class DatasetSummary:
    """A dataset version that was compared; ``counts`` are rows by method and class.

    ``skipped`` are images of its source that could not be read.
    """

    name: Text
    version: Text
    rows: int
    content_hash: Text
    path: Text
    recipe: dict[Text, Any]
    recipe_id: Text
    counts: dict[Text, dict[Text, int]]
    skipped: Annotated[tuple[LeftOut, ...] | None, Field(exclude_if=lambda names: not names)] = None


class Results(Record):
    """What results.json of an evaluation holds."""

    schema_version: int
    verdict: Verdict
    alerts: tuple[Alert, ...]
    arms: tuple[ArmSummary, ...]
    baseline: Text
    classifier: Text
    settings: dict[Text, Any]
    class_names: tuple[Text, ...]
    test: LabelledSet
    held_out: LabelledSet | None
    datasets: tuple[DatasetSummary, ...]
    libraries: dict[Text, Any]
    machine: dict[Text, Any]
    request_id: Text


@dataclass(frozen=True)
class Group:
    """The arms of one number of originals, and what is said of each."""

    n_train: int
    arms: tuple[ArmSummary, ...]
    sentences: tuple[Text, ...]


class StudyResults(Record):
    """What results.json of a study holds."""

    schema_version: int
    title: Text
    about: Text
    size: Text
    study: dict[Text, Any]
    classifier: Text
    settings: dict[Text, Any]
    class_names: tuple[Text, ...]
    baseline: Text
    test: LabelledSet
    alerts: tuple[Alert, ...]
    groups: tuple[Group, ...]
    libraries: dict[Text, Any]

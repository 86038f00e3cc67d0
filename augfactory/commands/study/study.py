"""Run a study: train its VAEs, make its datasets, train its classifiers, write what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from augfactory.commands.evaluate.checks import from_weights
from augfactory.commands.evaluate.request import classifier_spec, settings_for
from augfactory.commands.progress import Progress
from augfactory.commands.runs import files
from augfactory.commands.runs.published import Published, published_test
from augfactory.commands.study.arm import StudyArm
from augfactory.commands.study.data import (
    Draw,
    StudyData,
    StudyRequest,
    draw_originals,
    open_data,
)
from augfactory.commands.study.keys import Study
from augfactory.evaluation.classifiers.registry import check_image_shape
from augfactory.evaluation.comparison.compare import summarise
from augfactory.evaluation.comparison.protocol import (
    Arm,
    ClassifierSpec,
    CorruptedTest,
    Run,
    RunResult,
)
from augfactory.evaluation.comparison.results import Alert, ArmSummary, LabelledSet, StudyResults
from augfactory.evaluation.comparison.verdict import verdict_of
from augfactory.evaluation.corruptions.registry import Profile, find_profile
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.records import Int64Array
from augfactory.store.disk.lock import only_writer
from augfactory.store.reader import open_version

if TYPE_CHECKING:
    from augfactory.report.page_figures import Picture

MOST_PAIRS = 5_000  # of arms that are compared: seconds, and little memory


class StudyResult(StudyResults):
    """What results.json holds, and the files that were written."""

    out: Path
    files: tuple[Path, ...]
    trained: int = Field(exclude=True)


@dataclass(frozen=True)
class Prepared:
    """A study that can be carried out: its data opened, its originals drawn.

    ``classifiers`` are those of the arms, by the arm's name.
    """

    data: StudyData
    draws: tuple[Draw, ...]
    classifiers: dict[str, ClassifierSpec]
    profile: Profile | None
    published: Published | None = None


def prepare(request: StudyRequest, progress: Progress) -> Prepared:
    """Check everything that can be checked before anything is trained.

    Raises:
        AugfactoryError: saying what is wrong with the study or the data.
    """
    asked = request.study
    classifiers = {
        arm.name: classifier_spec(arm.classifier or asked.classifier, arm.weights or asked.weights)
        for arm in asked.arms
    }
    profile = find_profile(asked.corruptions) if asked.corruptions else None
    data = open_data(request, progress)
    draws = tuple(
        draw_originals(data, n_train, subset)
        for subset in range(asked.subsets)
        for n_train in asked.n_train
    )
    published = None
    if asked.corrupted is not None:
        spec = data.test_rows.spec
        published = published_test(asked.corrupted, data.test, spec, progress, asked.test_rows)
    return Prepared(data, draws, classifiers, profile, published)


def study(request: StudyRequest, progress: Progress) -> StudyResult:
    """Carry out what is missing of the study and write tables, figures and the report.

    Everything finished stands in ``out`` and is found again: models, datasets and classifiers.

    Raises:
        AugfactoryError: saying what is wrong with the study or the data.
    """
    prepared = prepare(request, progress)
    # These load torch, which takes seconds: only when the study is right.
    from augfactory.commands.runs.corrupted import corrupted_test
    from augfactory.commands.runs.networks import folder_of
    from augfactory.commands.runs.train_runs import train_runs
    from augfactory.commands.study.plan import make_arms, train_models
    from augfactory.commands.study.results import write_results

    asked, out, profile = request.study, request.out, prepared.profile
    workers, engine = request.workers, request.runs_on
    data, draws = prepared.data, prepared.draws
    baseline = next(arm for arm in asked.arms if arm.name == asked.against[0])
    files.check_folder(out)
    check_classifiers(asked, prepared)
    with only_writer(out, request.lock):
        networks = folder_of(out, asked=False, ensemble=asked.ensemble is not None)
        files.begin(out, networks)
        models = train_models(request, data, draws, progress)
        missing: list[str] = []
        planned = make_arms(request, data, draws, models, missing, progress)
        published = prepared.published
        alerts = (*data.alerts, *_from_weights(prepared), *(published.alerts if published else ()))
        corrupted = None if published is None else published.test
        if profile is not None:
            corrupted = corrupted_test(data.test_rows, profile, out, workers, progress, engine)
        groups = _cells(asked, prepared, planned, corrupted)
        results, trained = train_runs(
            list(groups), out, workers, progress, engine=engine, networks=networks
        )
        arms, verdicts = _compared(asked, groups, results, data.test_groups)
        if networks is not None:
            arms = _with_ensembles(request, networks, arms, groups, results, progress)
        document, written = write_results(
            out,
            asked,
            request.size,
            arms,
            missing,
            results,
            verdicts=verdicts,
            test=_test_set(asked, data),
            settings=asdict(_settings(asked, baseline, prepared)),
            class_names=data.test.class_names,
            alerts=alerts,
            pictures=_pictures(planned, models),
        )
        return StudyResult(**dict(document), out=out, files=tuple(written), trained=trained)


def check_classifiers(asked: Study, prepared: Prepared) -> None:
    """Check that the classifiers of the study can take its images; this loads torch.

    Raises:
        AugfactoryError: one cannot, or its weights or what stays fixed do not fit.
    """
    test = prepared.data.test
    frozen = {(prepared.classifiers[arm.name], asked.freeze_of(arm)) for arm in asked.arms}
    for known, freeze in frozen:
        check_image_shape(
            known.name, known.weights, test.image_shape, len(test.class_names), freeze=freeze
        )


def _cells(
    asked: Study,
    prepared: Prepared,
    planned: Sequence[tuple[Draw, list[Arm]]],
    corrupted: CorruptedTest | None,
) -> dict[Run, int]:
    """Return all runs, seed by seed, with the number of originals of each."""
    settings = {arm.name: _settings(asked, arm, prepared) for arm in asked.arms}
    return {
        Run(
            arm=arm,
            test=prepared.data.test_rows,
            classifier=prepared.classifiers[arm.name],
            settings=settings[arm.name],
            seed=seed,
            subset=draw.subset,
            held_out=draw.held_out,
            corrupted=corrupted,
        ): draw.n_train
        for seed in range(asked.seeds)
        for draw, arms in planned
        for arm in arms
    }


def _settings(asked: Study, arm: StudyArm, prepared: Prepared) -> TrainingSettings:
    settings = settings_for(
        prepared.classifiers[arm.name], asked.steps, asked.batch, "auto", "auto", asked.steps,
        asked.training,
    )  # fmt: skip
    return replace(settings, freeze=asked.freeze_of(arm))


def _from_weights(prepared: Prepared) -> list[Alert]:
    """Say what of the classifiers starts from files."""
    shape = prepared.data.test.image_shape
    of_arms: dict[ClassifierSpec, list[str]] = {}
    for name, known in prepared.classifiers.items():
        of_arms.setdefault(known, []).append(name)
    return [
        alert
        for known, names in of_arms.items()
        for alert in from_weights(known, shape, names if len(of_arms) > 1 else ())
    ]


def as_json(result: StudyResult) -> dict[str, Any]:
    """Return what ``--json`` prints: results.json and where it lies."""
    return {
        **result.plain(),
        "out": str(result.out),
        "files": [str(path) for path in result.files],
    }


def _test_set(asked: Study, data: StudyData) -> LabelledSet:
    return LabelledSet(
        text=asked.test,
        rows=len(data.test),
        fingerprint=data.test_rows.fingerprint,
        skipped=data.test_rows.skipped,
    )


def _compared(
    asked: Study,
    groups: dict[Run, int],
    results: Sequence[tuple[Run, RunResult]],
    test_groups: Int64Array | None,
) -> tuple[dict[int, tuple[ArmSummary, ...]], dict[int, str]]:
    """Return the arms of each number of originals, and which of them to use, in words."""
    arms, verdicts = {}, {}
    for count in asked.n_train:
        own = _of_count(asked, count, groups, results)
        arms[count] = summarise(own, asked.against, test_groups)
        verdicts[count] = _verdict(asked, own, arms[count], test_groups)
    return arms, verdicts


def _of_count(
    asked: Study, n_train: int, groups: dict[Run, int], results: Sequence[tuple[Run, RunResult]]
) -> list[tuple[Run, RunResult]]:
    """Return the runs of so many originals, in the order of the arms."""
    own = [(run, result) for run, result in results if groups[run] == n_train]
    order = [arm.name for arm in asked.arms]
    return sorted(own, key=lambda pair: order.index(pair[0].arm.name))


def _verdict(
    asked: Study,
    own: Sequence[tuple[Run, RunResult]],
    arms: Sequence[ArmSummary],
    test_groups: Int64Array | None,
) -> str:
    """Say which arm to use, against the best of those that need no dataset; of one arm nothing."""
    if len(arms) < 2:
        return ""
    free = [arm.name for arm in asked.arms if arm.recipe is None] or list(asked.against)
    if len(arms) * len(free) > MOST_PAIRS:
        return (
            f"Which arm to use is not said: {len(arms):,} beside {len(free):,} that need no "
            "dataset are too many for intervals that hold together."
        )
    return verdict_of(own, arms, free, test_groups).text


def _with_ensembles(
    request: StudyRequest,
    networks: Path,
    arms: Mapping[int, tuple[ArmSummary, ...]],
    groups: dict[Run, int],
    results: Sequence[tuple[Run, RunResult]],
    progress: Progress,
) -> dict[int, tuple[ArmSummary, ...]]:
    from augfactory.commands.runs.ensembles import with_ensembles  # loads torch

    size, workers, engine = request.study.ensemble or 0, request.workers, request.runs_on
    found = {}
    for count, own in arms.items():
        here = [(run, result) for run, result in results if groups[run] == count]
        found[count] = with_ensembles(own, here, size, networks, workers, progress, engine)
    return found


def _pictures(
    planned: Sequence[tuple[Draw, list[Arm]]], models: dict[str, Path]
) -> list["Picture"]:
    """Show the datasets of the first draw, and how the VAEs learnt."""
    from augfactory.commands.evaluate import pictures as report_pictures

    datasets = [Path(arm.source.text) for arm in planned[0][1] if arm.rows is None]
    return [
        *report_pictures.of_versions([open_version(path) for path in datasets]),
        *report_pictures.of_models(models.values()),
    ]

"""Train classifiers on datasets and on their originals alone, and say what the datasets gain."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from augfactory.commands.evaluate import checks
from augfactory.commands.evaluate.document import document_of
from augfactory.commands.evaluate.inputs import Inputs, gather
from augfactory.commands.evaluate.next import next_command
from augfactory.commands.evaluate.request import (
    EvaluateRequest,
    check_request,
    check_training,
    classifier_spec,
    runs_of,
)
from augfactory.commands.progress import Progress
from augfactory.commands.runs import files
from augfactory.commands.runs.published import Published, published_test
from augfactory.errors import one_of
from augfactory.evaluation.classifiers.registry import check_image_shape
from augfactory.evaluation.comparison.compare import by_arm, same_trainings, summarise
from augfactory.evaluation.comparison.protocol import ClassifierSpec, CorruptedTest, Run, RunResult
from augfactory.evaluation.comparison.results import Alert, Results
from augfactory.evaluation.comparison.verdict import verdict_of
from augfactory.evaluation.corruptions.registry import Profile, find_profile
from augfactory.evaluation.training.settings import Freeze
from augfactory.store.disk.atomic import write_file
from augfactory.store.disk.lock import only_writer
from augfactory.store.places import typed_here


class EvaluateResult(Results):
    """What results.json holds, and the files that were written.

    ``trained`` counts the classifiers trained now, the others were kept from an earlier run of the
    same evaluation. ``next_here`` is the verdict's next command with the paths of this machine.
    """

    out: Path
    files: tuple[Path, ...]
    trained: int = Field(exclude=True)
    next_here: str = Field(exclude=True)


@dataclass(frozen=True)
class Prepared:
    """A request that can be carried out: its data opened and found to fit together."""

    inputs: Inputs
    classifier: ClassifierSpec
    profile: Profile | None
    published: Published | None = None
    freeze: Freeze = False


def prepare(request: EvaluateRequest, progress: Progress) -> Prepared:
    """Check everything that can be checked before anything is trained.

    Raises:
        AugfactoryError: saying what is wrong with the request or the data.
    """
    wanted = check_request(request)
    if request.out is not None:
        files.check_folder(request.out)
    classifier = classifier_spec(request.classifier, request.weights)
    profile = find_profile(request.corruptions) if request.corruptions else None
    inputs = gather(
        request.datasets, request.test, request.held_out, wanted, progress, request.group
    )
    names = [arm.name for arm in inputs.arms]
    if request.baseline is not None:
        one_of("--baseline", "arm", request.baseline, names)
    published = None
    if request.corrupted is not None:
        spec = inputs.test_rows.spec
        published = published_test(request.corrupted, inputs.test, spec, progress)
    return Prepared(inputs, classifier, profile, published, check_training(request).freeze)


def check_classifier(prepared: Prepared) -> None:
    """Check that the classifier can take the images; this loads torch.

    Raises:
        AugfactoryError: it cannot, or its weights do not fit.
    """
    test, classifier = prepared.inputs.test, prepared.classifier
    shape, classes, freeze = test.image_shape, len(test.class_names), prepared.freeze
    check_image_shape(classifier.name, classifier.weights, shape, classes, freeze=freeze)


def evaluate(request: EvaluateRequest, progress: Progress) -> EvaluateResult:
    """Train and test every arm with every seed, and write the results.

    All arms get the same number of optimiser steps, the same batch size and the same initial
    weights for the same seed. Finished classifiers are kept in ``out``, so that the same command
    goes on where a killed one stood. One evaluation at a time may write to a folder.

    Raises:
        AugfactoryError: saying what is wrong with the request or the data.
    """
    prepared = prepare(request, progress)
    # These load torch, which takes seconds: only when the request is right.
    from augfactory.commands.runs.ensembles import with_ensembles
    from augfactory.commands.runs.networks import drop_others, folder_of, network_path
    from augfactory.commands.runs.stages import train_for

    inputs = prepared.inputs
    check_classifier(prepared)
    baselines = inputs.baselines if request.baseline is None else (request.baseline,)
    out = request.out or _default_folder(inputs)
    files.check_folder(out)
    with only_writer(out, request.lock):
        networks = folder_of(out, asked=request.save_weights, ensemble=request.ensemble is not None)
        files.begin(out, networks)
        alerts = told_before(request, prepared, progress)
        corrupted = _corrupted(request, prepared, out, progress)
        runs_at = partial(runs_of, request, inputs, prepared.classifier, corrupted)
        asked = files.request_id(runs_at(request.steps or 0, request.seeds), request.baseline)
        if (note := files.other_results(out, asked)) is not None:
            progress.say(note)
        runs, trained = train_for(
            request.steps, request.minutes, request.seeds, runs_at, out, request.workers, progress,
            request.runs_on,
            networks=networks,
        )  # fmt: skip
        groups = inputs.test_groups
        arms = summarise(runs, tuple(dict.fromkeys((*baselines, *inputs.baselines))), groups)
        verdict = verdict_of(runs, arms, baselines, groups)
        alerts += checks.after_training(arms, same_trainings(by_arm(runs)))
        if request.ensemble is not None and networks is not None:
            arms = with_ensembles(
                arms, runs, request.ensemble, networks, request.workers, progress, request.runs_on
            )
            if not request.save_weights:
                drop_others(networks, [run for run, _ in runs])
        settings = runs[0][0].settings
        results = document_of(request, inputs, settings, arms, verdict, alerts, asked)
        here = next_command(request, verdict, settings.steps, inputs, typed_here)
        written = _write(out, results, inputs, runs)
        if request.save_weights and networks is not None:
            written += dict.fromkeys(network_path(networks, run) for run, _ in runs)
        return EvaluateResult(
            **dict(results), out=out, files=tuple(written), trained=trained, next_here=here
        )


def told_before(request: EvaluateRequest, prepared: Prepared, progress: Progress) -> list[Alert]:
    """Say and return what is to be known before anything is trained."""
    published, profile = prepared.published, prepared.profile
    if published is not None:
        profile = published.profile
    alerts = [
        *checks.before_training(prepared.inputs, request.seeds, profile),
        *(() if published is None else published.alerts),
        *checks.from_weights(prepared.classifier, prepared.inputs.test.image_shape),
    ]
    for alert in alerts:
        progress.say(f"{alert.level}: {alert.text}")
    return alerts


def _corrupted(
    request: EvaluateRequest, prepared: Prepared, out: Path, progress: Progress
) -> CorruptedTest | None:
    """Return the corrupted test images: published ones, or made in ``out``."""
    from augfactory.commands.runs.corrupted import corrupted_test

    if prepared.published is not None:
        return prepared.published.test
    if prepared.profile is None:
        return None
    rows, workers = prepared.inputs.test_rows, request.workers
    return corrupted_test(rows, prepared.profile, out, workers, progress, request.runs_on)


def _write(
    out: Path, results: Results, inputs: Inputs, runs: Sequence[tuple[Run, RunResult]]
) -> list[Path]:
    """Write results, tables and the report; return the paths."""
    from augfactory.commands.evaluate.report import write_report

    contents = {
        out / files.RESULTS: files.json_bytes(results.plain()),
        out / "results.csv": files.runs_csv(runs),
        out / files.CURVES: files.curves_csv(runs),
    }
    for path, data in contents.items():
        write_file(path, data)
    written = [*contents, *write_report(out, results, inputs, runs)]
    if (lines := files.corruptions_csv(runs)) is not None:
        write_file(out / files.CORRUPTIONS, lines)
        written.append(out / files.CORRUPTIONS)
    return written


def as_json(result: EvaluateResult) -> dict[str, Any]:
    """Return what ``--json`` prints: results.json and where it lies."""
    return {
        **result.plain(),
        "out": str(result.out),
        "files": [str(path) for path in result.files],
    }


def _default_folder(inputs: Inputs) -> Path:
    dataset = inputs.versions[0].folder.parent
    return dataset.with_name(f"{dataset.name}-evaluation")

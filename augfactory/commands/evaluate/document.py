"""What results.json of an evaluation holds."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from augfactory.commands.evaluate.inputs import Inputs
from augfactory.commands.evaluate.next import next_command, told
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.evaluation.comparison.curves import crossing
from augfactory.evaluation.comparison.machine import machine
from augfactory.evaluation.comparison.results import (
    Alert,
    ArmSummary,
    DatasetSummary,
    LabelledSet,
    Results,
    Verdict,
)
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.store.manifest import library_versions
from augfactory.store.places import place_from, portable
from augfactory.store.reader import Version

SCHEMA_VERSION = 3


def document_of(
    request: EvaluateRequest,
    inputs: Inputs,
    settings: TrainingSettings,
    arms: Sequence[ArmSummary],
    verdict: Verdict,
    alerts: Sequence[Alert],
    request_id: str,
) -> Results:
    """Return what results.json holds; times apart, the same whenever it is run."""
    baseline = next(arm for arm in arms if arm.name == verdict.baseline)
    test, held_out = inputs.test_rows, inputs.held_out_source
    return Results(
        schema_version=SCHEMA_VERSION,
        verdict=replace(
            verdict,
            text=told(request, verdict, inputs),
            next=next_command(request, verdict, settings.steps, inputs),
        ),
        alerts=tuple(alerts),
        arms=tuple(
            arm.model_copy(
                update={
                    "difference": arm.versus.get(baseline.name),
                    "overtook_baseline": crossing(arm.curve, baseline.curve),
                }
            )
            for arm in arms
        ),
        baseline=baseline.name,
        classifier=request.classifier,
        settings={**asdict(settings), "loss": request.loss, "order": request.order},
        class_names=inputs.test.class_names,
        test=LabelledSet(
            text=portable(test.text),
            size=test.size,
            colour=test.colour,
            rows=len(inputs.test),
            fingerprint=test.fingerprint,
            skipped=test.skipped,
        ),
        held_out=None
        if held_out is None or inputs.held_out is None
        else LabelledSet(
            text=portable(held_out.name), rows=len(held_out), skipped=inputs.held_out.skipped
        ),
        datasets=tuple(_dataset(version, request.out or Path()) for version in inputs.versions),
        libraries=library_versions(),
        machine=machine(settings.device, request.workers),
        request_id=request_id,
    )


def _dataset(version: Version, out: Path) -> DatasetSummary:
    manifest = version.manifest
    return DatasetSummary(
        name=manifest.name,
        version=manifest.version,
        rows=manifest.rows,
        content_hash=manifest.content_hash,
        path=place_from(out, version.folder) or version.address,
        recipe=manifest.recipe,
        recipe_id=manifest.recipe_id,
        counts=manifest.counts,
        skipped=manifest.source.skipped,
    )

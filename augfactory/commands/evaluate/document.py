"""What results.json of an evaluation holds."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from augfactory.commands.evaluate.checks import Alert
from augfactory.commands.evaluate.inputs import Inputs
from augfactory.commands.evaluate.next import next_command
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.runs import files
from augfactory.evaluation.comparison.compare import ArmSummary
from augfactory.evaluation.comparison.curves import crossing
from augfactory.evaluation.comparison.machine import machine
from augfactory.evaluation.comparison.protocol import Run, RunResult
from augfactory.evaluation.comparison.verdict import Verdict, spoken
from augfactory.store.manifest import library_versions
from augfactory.store.reader import Version

SCHEMA_VERSION = 3


def document_of(
    request: EvaluateRequest,
    inputs: Inputs,
    results: Sequence[tuple[Run, RunResult]],
    arms: Sequence[ArmSummary],
    verdict: Verdict,
    alerts: Sequence[Alert],
) -> dict[str, Any]:
    """Return what results.json holds; times apart, the same whenever it is run."""
    run = results[0][0]
    shown = [files.arm_document(arm, verdict.baseline, request.corruptions) for arm in arms]
    curves = {arm.name: arm.curve for arm in arms}
    for own in shown:
        own["overtook_baseline"] = crossing(curves[own["name"]], curves[verdict.baseline])
    test, held_out = inputs.test_rows, inputs.held_out_source
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": {
            **asdict(verdict),
            "text": spoken(verdict, arms),
            "next": next_command(request, verdict, run.settings.steps, inputs),
        },
        "alerts": [asdict(alert) for alert in alerts],
        "arms": shown,
        "baseline": verdict.baseline,
        "classifier": request.classifier,
        "settings": {**asdict(run.settings), "loss": request.loss, "order": request.order},
        "class_names": list(inputs.test.class_names),
        "test": {
            "text": test.source.text,
            "size": test.source.size,
            "colour": test.source.colour,
            "rows": len(inputs.test),
            "fingerprint": test.fingerprint,
        },
        "held_out": held_out and {"text": held_out.name, "rows": len(held_out)},
        "datasets": [_dataset(version) for version in inputs.versions],
        "libraries": library_versions(),
        "machine": machine(run.settings.device, request.workers),
    }


def _dataset(version: Version) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "rows": manifest.rows,
        "content_hash": manifest.content_hash,
        "path": str(version.folder),
        "recipe": manifest.recipe,
        "recipe_id": manifest.recipe_id,
        "counts": manifest.counts,
    }

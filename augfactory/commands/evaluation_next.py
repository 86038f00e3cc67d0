"""The command that an evaluation's reader would type next."""

import shlex

from augfactory.commands.evaluation_inputs import Inputs
from augfactory.commands.evaluation_request import EvaluateRequest
from augfactory.evaluation.verdict import Verdict

FACTOR = 50  # of a stored set that stands for endless online variation
LONGER = 4  # times the minutes, or the steps


def next_command(request: EvaluateRequest, verdict: Verdict, steps: int, inputs: Inputs) -> str:
    """Return what to type next: a longer or a surer evaluation, else what makes use of its answer.

    Where an arm still rises, more steps; where something is undecided that more seeds would
    decide, those; else, of a dataset, what reads it, and of an online arm, what stores it.
    """
    again = ["augfactory", "evaluate", *request.datasets, "--test", request.test.text]
    if request.classifier != EvaluateRequest.classifier:
        again += ["--classifier", request.classifier]
    again += [word for arm in request.arms for word in ("--arm", arm)]
    if request.out is not None:
        again += ["--out", str(request.out)]
    if verdict.rising:
        if request.minutes is not None:
            again += ["--minutes", f"{LONGER * request.minutes:g}"]
        elif request.steps is not None:
            again += ["--steps", str(LONGER * steps)]
        return shlex.join([*again, "--seeds", str(request.seeds)])
    wanted = verdict.seeds_for_a_point
    if verdict.undecided and not verdict.better and wanted is not None and wanted > request.seeds:
        return shlex.join([*again, "--seeds", str(wanted)])
    made = {version.manifest.name: version.address for version in inputs.versions}
    if verdict.use in made:
        return shlex.join(["augfactory", "info", made[verdict.use]])
    origin = inputs.versions[0].manifest.source
    source = origin.text if origin.split is None else f"{origin.text}:{origin.split}"
    stored = ["augfactory", "expand", source, "--n-train", str(len(origin.rows))]
    stored += ["--out", "stored", "--factor", str(FACTOR)]
    if "+mixup" in verdict.use:
        stored += ["--mixup", str(FACTOR)]
    return shlex.join(stored)

"""The command that an evaluation's reader would type next."""

import json
import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from augfactory.commands.evaluate.inputs import Inputs
from augfactory.commands.evaluate.online_arms import (
    BASELINES,
    ONLINE_GEOMETRY,
    WEIGHTED,
    online_stages,
    preset_of,
)
from augfactory.commands.evaluate.request import DEFAULT_SEEDS, EvaluateRequest
from augfactory.commands.opening.opening import flags_of, spec_of
from augfactory.evaluation.comparison.results import Verdict
from augfactory.pipeline.recipes.composition import RANDAUGMENTED, large_factor
from augfactory.pipeline.recipes.stages import geometry_stage, mix_stage
from augfactory.pipeline.recipes.vary import VARYING, vary_stage
from augfactory.store.places import told_others

LONGER = 4  # times the minutes, or the steps
MINUTES = 20  # of an evaluation that is to decide something
QUICK = "So few steps show that it runs, and decide nothing. "
AND_WEIGH = "; weigh the classes in your loss"
KEPT = (
    "classifier", "weights", "freeze", "optimiser", "learning_rate", "weight_decay",
    "label_smoothing", "drops", "batch", "loss", "order", "baseline", "real_share", "corruptions",
    "corrupted", "ensemble", "group", "precision", "device", "out",
)  # fmt: skip


def next_command(
    request: EvaluateRequest,
    verdict: Verdict,
    steps: int,
    inputs: Inputs,
    typed: Callable[[str], str] = told_others,
) -> str:
    """Return what to type next: a longer or a surer evaluation, else what makes use of its answer.

    After one that only shows that it runs, the evaluation itself. Where an arm still rises, more
    steps; of single trainings, more of them; where something is undecided that more seeds would
    decide, those; else, of a dataset, what reads it, and of an online arm, what stores it.
    ``typed`` says how a path is told.
    """
    if request.quick and request.order != "rounds" and request.drops is None:  # they need --steps
        return _again(request, typed, {"--minutes": request.minutes or MINUTES})
    if verdict.rising or verdict.smallest_difference is None:
        longer: dict[str, float] = {"--steps": LONGER * steps if verdict.rising else steps}
        if request.minutes is not None:
            longer = {"--minutes": max(MINUTES, LONGER * request.minutes)}
        elif request.steps is None and not verdict.rising:
            longer = {}
        seeds = max(DEFAULT_SEEDS, request.seeds)  # one training of each arm decides nothing
        return _again(request, typed, {"--seeds": seeds, **longer})
    wanted = verdict.seeds_for_a_point
    if verdict.undecided and not verdict.better and wanted is not None and wanted > request.seeds:
        steps_asked = {} if request.steps is None else {"--steps": steps}
        return _again(request, typed, {**steps_asked, "--seeds": wanted})
    made = {version.manifest.name: version.address for version in inputs.versions}
    if verdict.use in made:
        return shlex.join(["augfactory", "info", made[verdict.use]])
    if verdict.use not in inputs.baselines[1:]:
        return "augfactory methods"  # the originals as they are: what else could vary them
    version = inputs.versions[0]
    origin = version.manifest.source
    source = spec_of(origin, version.folder)
    stored = ["augfactory", "expand", typed(source.text), "--n-train", str(len(origin.rows))]
    stored += flags_of(source)
    preset = preset_of(version.manifest.recipe)
    image_bytes = math.prod(version.manifest.image_shape)
    factor = str(large_factor(len(origin.rows), preset, image_bytes))
    stored += ["--preset", preset] if preset else []
    # Said in both cases: some images are varied further, and mixed, by default.
    methods = verdict.use.removesuffix(WEIGHTED).removeprefix(ONLINE_GEOMETRY).split("+")[1:]
    varied = [method for method in methods if method != "mixup"]
    if not varied and (preset in RANDAUGMENTED or not set(inputs.baselines) <= set(BASELINES)):
        varied = ["none"]
    stored += ["--out", "stored", "--factor", factor]
    stored += [word for method in varied for word in ("--vary", method)]
    return shlex.join([*stored, "--mixup", factor if "mixup" in methods else "0"])


def told(request: EvaluateRequest, verdict: Verdict, inputs: Inputs) -> str:
    """Return the verdict's text, with how little a quick look says, and what does without a set."""
    text = (QUICK if request.quick else "") + verdict.text
    if verdict.use not in inputs.baselines[1:]:
        return text
    recipe = _in_a_loop(verdict.use, inputs)
    return (
        f"{text} In a loop of your own, augfactory.online(SOURCE, EPOCHS, recipe={recipe}) does so "
        f"anew in every epoch{AND_WEIGH if verdict.use.endswith(WEIGHTED) else ''}."
    )


def _in_a_loop(arm: str, inputs: Inputs) -> dict[str, Any]:
    """Return the recipe by which `augfactory.online` varies and mixes images as ``arm`` does."""
    recipes = [version.manifest.recipe for version in inputs.versions]
    stages = online_stages(arm.removesuffix(WEIGHTED), recipes, inputs.test.image_shape)
    found: dict[str, Any] = {"geometry": {}}
    for stage in stages:
        asked = json.loads(stage.parameters)
        if stage.method == "geometry":
            usual = geometry_stage(arm, {"preset": asked["preset"]}).parameters
            found["geometry"] = {"preset": asked["preset"], **_changed(asked, usual)}
        elif stage.method in VARYING:
            own = _changed(asked, vary_stage(arm, stage.method, {}).parameters)
            found.setdefault("vary", []).append({"method": stage.method, **own})
        else:
            usual = mix_stage(arm, stage.method, 1, "expanded", {}).parameters
            own = {"method": stage.method, "share": 1.0, **_changed(asked, usual)}
            found.setdefault("mix", []).append(own)
    return found


def _changed(asked: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value != usual[name]}


def _again(
    request: EvaluateRequest, typed: Callable[[str], str], changed: Mapping[str, float]
) -> str:
    """Return the command of the request with some options changed; the others as they were."""
    words = ["augfactory", "evaluate", *map(typed, request.datasets)]
    words += ["--test", typed(request.test.text), *flags_of(request.test)]
    for name in KEPT:
        value = getattr(request, name)
        if value is not None and value != getattr(EvaluateRequest, name):
            told = typed(str(value)) if isinstance(value, Path) else str(value)
            words += [f"--{name.replace('_', '-')}", told]
    words += ["--save-weights"] if request.save_weights else []
    words += [word for arm in request.arms for word in ("--arm", arm)]
    if request.held_out is not None:
        words += ["--held-out", typed(request.held_out.text)]
    words += [word for name, value in changed.items() for word in (name, f"{value:g}")]
    return shlex.join(words)

"""What a study trains on: the draws of its originals, their VAEs, their datasets, the arms."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from augfactory.commands.evaluate.arms import in_order, series_of
from augfactory.commands.evaluate.online_arms import online_policy
from augfactory.commands.expand.classes import ALIKE, read_rule
from augfactory.commands.expand.expand import expand_all
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.study.arm import StudyArm
from augfactory.commands.study.data import Draw, StudyData, StudyRequest
from augfactory.commands.study.keys import Study
from augfactory.commands.vae.train import VaeTrainRequest, vae_train
from augfactory.engines import processes
from augfactory.errors import RecipeError
from augfactory.evaluation.comparison.protocol import Arm
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.batches import images_with_views
from augfactory.evaluation.training.online import check_views, of_whole_batches
from augfactory.evaluation.training.training_set import open_training, training_part
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipes.recipe_file import AskedRecipe
from augfactory.pipeline.sides import check_sides
from augfactory.records import SourceSpec
from augfactory.store.manifest import read_manifest
from augfactory.vae.checkpoint import load_model
from augfactory.vae.training import checkpoint_name

MODELS, DATA = "models", "data"
LONGEST_SLUG = 80


def train_models(
    request: StudyRequest, data: StudyData, draws: Sequence[Draw], progress: Progress
) -> dict[str, Path]:
    """Train one VAE on each draw, where an arm needs it."""
    asked = request.study
    if not any(arm.vae for arm in asked.arms):
        return {}
    folders = {draw.name: request.out / MODELS / draw.name for draw in draws}
    requests = [
        VaeTrainRequest(
            data.spec,
            folders[draw.name],
            n_train=draw.n_train,
            seed=draw.subset,
            save_at_loss=asked.losses,
            lock=request.lock,
            verdict=False,
            preset=data.preset if asked.vae.geometry else None,
            **asked.vae.model_dump(),
        )
        for draw in draws
    ]
    with progress.bar("training VAEs", len(requests), "VAE") as bar:
        train = partial(vae_train, progress=Progress())
        for _ in processes.run(train, requests, request.workers, engine=request.runs_on):
            bar.advance()
    return folders


def make_arms(
    request: StudyRequest,
    data: StudyData,
    draws: Sequence[Draw],
    models: dict[str, Path],
    missing: list[str],
    progress: Progress,
) -> list[tuple[Draw, list[Arm]]]:
    """Make every dataset; return the arms of each draw, and say in ``missing`` what is lacking.

    Raises:
        RecipeError: an arm's name or recipe asks for what there is not.
    """
    asked = request.study
    wanted: list[tuple[Draw, StudyArm, ExpandRequest]] = []
    for draw in draws:
        for arm in asked.arms:
            if arm.recipe is None:
                continue
            own = _expand_request(request, data, draw, arm, models)
            if own is None:
                missing.append(f"{arm.name}, {draw.n_train} originals, draw {draw.subset}")
            else:
                wanted.append((draw, arm, own))
    made = {}
    requests = [own for _, _, own in wanted]
    with progress.bar("making datasets", len(requests), "dataset") as bar:
        datasets = expand_all(requests, request.workers, Progress(), request.runs_on)
        for (draw, arm, _), dataset in zip(wanted, datasets, strict=True):
            made[draw.name, arm.name] = dataset.path
            bar.advance()
    recipes = [
        read_manifest(path).recipe for (draw, _), path in made.items() if draw == draws[0].name
    ]
    return [
        (
            draw,
            [
                _arm(data, draw, arm, made.get((draw.name, arm.name)), recipes, asked.batch)
                for arm in asked.arms
                if arm.recipe is None or (draw.name, arm.name) in made
            ],
        )
        for draw in draws
    ]


def _expand_request(
    request: StudyRequest,
    data: StudyData,
    draw: Draw,
    arm: StudyArm,
    models: dict[str, Path],
) -> ExpandRequest | None:
    """Return what makes the arm's dataset, None where its VAE never reached the loss."""
    recipe = arm.recipe
    assert recipe is not None
    rule, factors = read_rule(ALIKE, (), recipe, f"arm {arm.name}")
    spec, n_train, checkpoint = data.spec, draw.n_train, None
    if arm.vae:
        spec, n_train = SourceSpec(str(models[draw.name])), 0
        if not isinstance(arm.vae, bool):
            checkpoint = checkpoint_name(arm.vae)
            if checkpoint not in load_model(models[draw.name]).config.result.reached:
                return None
    unsaid = None if as_by_default(recipe) else ()
    return ExpandRequest(
        source=spec,
        out=request.out / DATA / f"{_slug(arm.name)}-{draw.name}",
        factors=factors,
        classes=rule,
        checkpoint=checkpoint,
        n_train=n_train or None,
        originals=recipe.originals if recipe.originals is not None else True,
        seed=draw.subset,
        geometry=None if recipe.variation is None else {"preset": data.preset, **recipe.variation},
        vary=recipe.vary or unsaid,
        vae={"share": 1.0, **(recipe.vae or {})},
        mix=recipe.mix or unsaid,
        distinct=bool(recipe.distinct),
        unlabelled=None if recipe.pseudo_label is None else data.unlabelled,
        pseudo_label=recipe.pseudo_label or {},
        weights=_labellers_weights(request.study, arm),
        workers=request.workers,
        lock=request.lock,
    )


def as_by_default(recipe: AskedRecipe) -> bool:
    """Tell whether an arm says nothing of how images are made: it is the default, all of it."""
    return recipe.geometry is None and recipe.distinct is None and not (recipe.vary or recipe.mix)


def _labellers_weights(asked: Study, arm: StudyArm) -> Path | None:
    """Return what labels start from: the arm's weights, where the arm names its own classifier."""
    said = (arm.recipe and arm.recipe.pseudo_label) or {}
    named = said.get("classifier") == (arm.classifier or asked.classifier)
    return (arm.weights or asked.weights) if named else None


def _arm(
    data: StudyData,
    draw: Draw,
    arm: StudyArm,
    dataset: Path | None,
    recipes: Sequence[dict[str, Any]],
    batch: int,
) -> Arm:
    if dataset is None:
        batch_policy = BatchPolicy(order=arm.order, real_share=arm.real_share, loss=arm.loss)
        if arm.online is not None:
            check_sides(
                (METHODS[stage.method] for stage in arm.online),
                data.source.image_shape,
                f"arm {arm.name}",
            )
            if arm.loss == "jsd":
                check_views(arm.online, f"arm {arm.name!r}")
            stages = tuple(of_whole_batches(stage, batch) for stage in arm.online)
            batch_policy = BatchPolicy(online=stages, loss=arm.loss)
        elif arm.name != "originals":
            batch_policy = online_policy(arm.name, recipes, data.source.image_shape, batch)
            if arm.loss != "ce":
                batch_policy = replace(batch_policy, loss=arm.loss)
        return Arm(
            name=arm.name,
            factor=None if batch_policy.online else 1,
            source=data.spec,
            size=draw.n_train,
            fingerprint=draw.rows.fingerprint,
            rows=draw.rows.rows,
            batch_policy=batch_policy,
        )
    manifest = read_manifest(dataset)
    spec = SourceSpec(str(dataset))
    training = training_part(open_training(spec), arm.part)
    batch_policy = replace(in_order(training, arm.order), real_share=arm.real_share, loss=arm.loss)
    if arm.loss == "jsd" and not len(images_with_views(training)[0]):
        raise RecipeError(
            f"arm {arm.name!r}: loss",
            "jsd needs two views of each image",
            'Add [[arms.mix]] with method = "augmix" and copies = 2 or more.',
        )
    return Arm(
        name=arm.name,
        factor=manifest.recipe.get("factor"),
        source=spec,
        size=len(training.source),
        fingerprint=manifest.content_hash,
        part=arm.part,
        batch_policy=batch_policy,
        series=series_of(arm.name, manifest.recipe.get("factor")),
    )


def _slug(name: str) -> str:
    """Return a name for the folder of an arm: of a long name a part, and what tells it apart."""
    slug = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") or "arm"
    if len(slug) <= LONGEST_SLUG:
        return slug
    return f"{slug[:LONGEST_SLUG]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

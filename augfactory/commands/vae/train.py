"""Train a VAE on a source and leave a model folder; go on where an earlier run was stopped."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from augfactory.commands.progress import Progress
from augfactory.commands.vae import figures as vae_figures
from augfactory.commands.vae.decoded_images import judge_decoded
from augfactory.commands.vae.folder import (
    begin,
    finished_config,
    mark_diverged,
    read_saved,
    refuse_foreign,
    saver,
)
from augfactory.commands.vae.plan import PlannedTraining, VaeTrainRequest, plan_training
from augfactory.engines import processes
from augfactory.keyed_random import generator
from augfactory.methods.method import Slots
from augfactory.methods.registry import METHODS
from augfactory.records import UInt8Array
from augfactory.store.disk.atomic import remove, write_file
from augfactory.store.disk.lock import only_writer
from augfactory.store.manifest import creation_time, library_versions
from augfactory.vae.checkpoint import Model, checkpoint_path, weights_bytes
from augfactory.vae.config import ModelConfig, TrainingPlan, TrainingResult, document_bytes
from augfactory.vae.device import resolve_device
from augfactory.vae.divergence import TrainingDivergedError
from augfactory.vae.files import CONFIG, RESUME, WEIGHTS
from augfactory.vae.history import history_csv
from augfactory.vae.networks.registry import build_network
from augfactory.vae.team import ALONE, Team
from augfactory.vae.training import Callbacks, Training, checkpoint_name, train
from augfactory.vae.training_batches import Vary, unvaried
from augfactory.vae.training_rows import held_out_rows
from augfactory.vae.training_state import TrainingProgress

__all__ = ["VaeTrainRequest", "VaeTrainResult", "as_json", "vae_train"]

FINISHED = b"finished"  # told to the others of a team where there is nothing to train
SMALL_IMAGE = 32 * 32 * 3  # values; above, threads gain more than they lose


@dataclass(frozen=True)
class VaeTrainResult:
    """A finished model in ``out``; ``existing`` where it had been trained before."""

    out: Path
    config: ModelConfig
    existing: bool

    @property
    def checkpoints(self) -> dict[str, Path]:
        """The weights kept at each loss that was reached."""
        return {name: self.out / checkpoint_path(name) for name in self.config.result.reached}


def vae_train(
    request: VaeTrainRequest,
    progress: Progress,
    planned: PlannedTraining | None = None,
    team: Team = ALONE,
) -> VaeTrainResult:
    """Train the model of the request, unless it is there; ``planned`` is its plan, if it has one.

    Of a ``team`` this is the first process; the others ``follow``.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data, the disk or the training.
    """
    if planned is None:
        planned = plan_training(request, progress)
    device = resolve_device(request.device)
    if (there := _finished(request.out, planned, progress)) is not None:
        team.told(FINISHED)
        return there
    refuse_foreign(request.out)
    with only_writer(request.out / RESUME, request.lock):
        if (there := _finished(request.out, planned, progress)) is not None:
            team.told(FINISHED)
            return there  # by another process, just now
        begin(request.out, planned.plan, progress)
        training = _training(planned, team.place(device), team)
        with processes.pinned_threads(_threads(planned.plan.image_shape)):
            _train(training, request.out, progress)
        config = _write_model(request, planned, training, progress)
        remove(request.out / RESUME)
    return VaeTrainResult(request.out, config, existing=False)


def follow(request: VaeTrainRequest, team: Team) -> None:
    """Train the same network as the first process of a team, and keep nothing of it.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data or the training.
    """
    planned = plan_training(request, Progress())
    training = _training(planned, team.place(resolve_device(request.device)), team)
    saved = team.told(FINISHED)
    if saved != FINISHED:
        with processes.pinned_threads(_threads(planned.plan.image_shape)):
            train(training, saved or None)


def _finished(out: Path, planned: PlannedTraining, progress: Progress) -> VaeTrainResult | None:
    config = finished_config(out, planned.plan)
    if config is None:
        return None
    progress.say(f"{out} holds this very model already")
    return VaeTrainResult(out, config, existing=True)


def _threads(image_shape: tuple[int, int, int]) -> int:
    """Small images train faster on one thread: two wait for each other longer than they work."""
    return 1 if math.prod(image_shape) <= SMALL_IMAGE else torch.get_num_threads()


def _training(planned: PlannedTraining, device: torch.device, team: Team) -> Training:
    plan = planned.plan
    held_out = held_out_rows(planned.source.labels, plan.training.validation, plan.training.seed)
    learned = np.setdiff1d(np.arange(len(planned.source)), held_out)
    return Training(
        network=build_network(plan.architecture, plan.network_shape, plan.training.seed),
        latent=plan.latent,
        source=planned.source.restricted_to(learned),
        validation=planned.source.restricted_to(held_out) if len(held_out) else None,
        settings=plan.training,
        device=device,
        vary=_vary(plan),
        unlabelled=planned.unlabelled,
        standing=TrainingProgress(order=plan.identity),
        team=team,
    )


def _vary(plan: TrainingPlan) -> Vary:
    """Return how the images of a step are varied: new draws at each step, keyed by it."""
    if plan.geometry is None:
        return unvaried
    method = METHODS["geometry"]
    parameters = method.parameters.model_validate(plan.geometry)

    def vary(images: UInt8Array, step: int) -> UInt8Array:
        def keyed(what: str, number: int) -> np.random.Generator:
            return generator(plan.training.seed, "vae geometry", step, what, number)

        rows = np.arange(len(images))
        slots = Slots(rows, np.zeros_like(rows), plan.image_shape, keyed)
        return method.apply(parameters, images[:, None], method.draw(parameters, slots))

    return vary


def _train(training: Training, out: Path, progress: Progress) -> None:
    saved, standing = read_saved(out, training, progress)
    if standing.step:
        progress.say(f"going on after step {standing.step:,}, where an earlier run was saved")
    total = training.settings.steps
    with progress.bar("training the VAE", total, "step", standing.step) as bar:

        def on_step(_step: int, loss: float, reconstruction: float, kl: float) -> None:
            bar.advance(1, loss=loss, reconstruction=reconstruction, kl=kl)

        training.callbacks = Callbacks(save=saver(out), on_step=on_step)
        training.team.told(saved or b"")
        try:
            train(training, saved)
        except TrainingDivergedError as error:
            mark_diverged(out, error)
            raise
    if training.stopped_early:
        best = training.standing.best_step
        progress.say(f"stopped at step {training.standing.step:,}: no better since step {best:,}")


def _write_model(
    request: VaeTrainRequest, planned: PlannedTraining, training: Training, progress: Progress
) -> ModelConfig:
    out = request.out
    weights = weights_bytes(training.network)
    write_file(out / WEIGHTS, weights)
    files = {WEIGHTS: hashlib.sha256(weights).hexdigest()}
    for loss, sha256 in training.standing.kept.items():
        files[checkpoint_path(checkpoint_name(loss))] = sha256
    config = ModelConfig(
        **dict(planned.plan),
        result=_result(training),
        files=files,
        libraries=library_versions(),
        created=creation_time(),
    )
    write_file(out / "history.csv", history_csv(training.standing.history))
    model = Model(training.network, config, files[WEIGHTS])
    if request.verdict:
        decoded = judge_decoded(model, planned.source, progress)
        config = config.model_copy(
            update={"result": config.result.model_copy(update={"decoded": decoded})}
        )
    for name, data in vae_figures.draw(model, planned.source, training.standing).items():
        write_file(out / name, data)
    write_file(out / CONFIG, document_bytes(config))
    return config


def _result(training: Training) -> TrainingResult:
    standing = training.standing
    kept = standing.best_step if training.best else None
    row = next((row for row in standing.history if row.step == kept), standing.history[-1])
    return TrainingResult(
        steps=standing.step,
        stopped="patience" if training.stopped_early else "steps",
        kept_step=row.step,
        loss=row.loss,
        reconstruction=row.reconstruction,
        kl=row.kl,
        validation_loss=row.validation_loss,
        reached={checkpoint_name(loss): step for loss, step in standing.reached.items()},
        not_reached=[
            loss for loss in training.settings.save_at_loss if loss not in standing.reached
        ],
        seconds=standing.history[-1].seconds,
        device=training.device.type,
    )


def as_json(result: VaeTrainResult) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    config = result.config
    return {
        "model": str(result.out),
        "existing": result.existing,
        "rows": len(config.source.rows),
        "architecture": config.architecture,
        "sha256": config.files[WEIGHTS],
        **config.result.model_dump(mode="json"),
        "decoded_words": None if config.result.decoded is None else config.result.decoded.words(),
        "checkpoints": {name: str(path) for name, path in result.checkpoints.items()},
    }

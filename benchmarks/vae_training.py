"""Processor time to a held-out ELBO: `vae-train` beside pythae, with an equal network.

    pip install --no-deps pythae cloudpickle imageio
    python benchmarks/vae_training.py [--quick]

Both train the default network from the same first weights on the bundled digits, on one core, in
batches of 64, by Adam. pythae has its own trainer and its own VAE, whose encoder and decoder are
ours; the class is told to neither, because pythae's VAE knows none. Held out are 1,000 digits, and
both are measured alike while the clock stands still. A target is what the peer has reached at its
end; the ratio says how much more processor time the peer took to get there than ours.
"""

import argparse
import copy
import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from augfactory.records import Source, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.torchvision_import import import_torchvision
from augfactory.vae.networks.names import NetworkShape
from augfactory.vae.networks.network import Network
from augfactory.vae.networks.registry import build_network
from augfactory.vae.settings import TrainingSettings
from augfactory.vae.training import Callbacks, Training, train
from augfactory.vae.training_batches import validation_loss

BATCH = 64
LATENT = 20
EPOCHS, REPEATS = 19, 3  # 1,501 steps of 5,000 images, about as many as vae-train takes by default
RATES = (1e-4, 1e-3, 2e-3)  # pythae's default first


@dataclass
class Trace:
    """The held-out loss in nats against the processor's seconds; measuring takes none of them."""

    held_out: Source
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _spent: float = 0.0
    _since: float = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self._since = time.process_time()

    def measure(self, network: Network) -> None:
        """Stop the clock, measure, and start it again."""
        self._spent += time.process_time() - self._since
        self.seconds.append(self._spent)
        self.losses.append(validation_loss(network, self.held_out, LATENT, 0))
        network.train()
        self._since = time.process_time()

    def to_reach(self, loss: float) -> float:
        """Return the seconds after which the loss was there first; infinite where it never was."""
        there = [at for at, found in zip(self.seconds, self.losses, strict=True) if found <= loss]
        return there[0] if there else float("inf")


def ours(network: Network, source: Source, trace: Trace, epochs: int, **more: Any) -> None:
    """Train as ``vae-train`` does, but for the settings in ``more``."""
    each = -(-len(source) // BATCH)
    settings = TrainingSettings(steps=epochs * each, batch=BATCH, interval=each, patience=0, **more)
    callbacks = Callbacks(on_interval=lambda _row: trace.measure(network))
    trace.begin()
    train(Training(network, LATENT, source, None, settings, callbacks=callbacks))


def pythae(network: Network, source: Source, trace: Trace, epochs: int, rate: float) -> None:
    """Train the network as a VAE of pythae, by its own trainer."""
    import_torchvision("torchvision")  # pythae imports it, and must find it in one piece
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> Any:
            mean, log_variance = network.encode(images, torch.ones(len(images), 1))
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, latents: Tensor) -> Any:
            logits = network.decode(latents, torch.ones(len(latents), 1))
            return ModelOutput(reconstruction=logits.sigmoid())

    class Measure(TrainingCallback):  # type: ignore[misc]
        def on_epoch_end(self, *_given: Any, **_more: Any) -> None:
            trace.measure(network)

    height, width, channels = source.image_shape
    shape = {"input_dim": (channels, height, width), "latent_dim": LATENT}
    model = VAE(VAEConfig(**shape, reconstruction_loss="bce"), Encoder(), Decoder())
    images = torch.from_numpy(source.read_images(np.arange(len(source)))).permute(0, 3, 1, 2)
    data = BaseDataset(images.to(torch.float32) / 255, torch.ones(len(images)))
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder, per_device_train_batch_size=BATCH, num_epochs=epochs,
            learning_rate=rate, keep_best_on_train=True, no_cuda=True,
        )  # fmt: skip
        trainer = BaseTrainer(model, data, training_config=settings, callbacks=[Measure()])
        trace.begin()
        trainer.train()


def digits(part: str, count: int) -> Source:
    """Return the first bundled digits, in memory, as images of one class."""
    opened = open_source(SourceSpec(f"sample:{part}"))
    images = opened.read_images(np.arange(min(count, len(opened))))
    return replace(
        opened,
        class_names=("any",),
        labels=np.zeros(len(images), dtype=np.int64),
        read_images=lambda rows: images[rows],
        read_soft_labels=lambda rows: np.ones((len(rows), 1), dtype=np.float32),
    )


CONTENDERS: dict[str, Callable[[Network, Source, Trace, int], None]] = {
    "vae-train": ours,
    "vae-train, constant rate": partial(ours, schedule="constant", clip=False, warmup=0),
    **{f"pythae, rate {rate:g}": partial(pythae, rate=rate) for rate in RATES},
}


def main() -> None:
    """Print a line for each training, and how ours compare."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--quick", action="store_true", help="few epochs, once: no figures")
    chosen = options.parse_args()
    os.environ.setdefault("TQDM_DISABLE", "1")  # the peer's bars take time
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    source, held_out = digits("train", 5000), digits("test", 1000)
    epochs, repeats = (3, 1) if chosen.quick else (EPOCHS, REPEATS)
    shape = NetworkShape(source.image_shape, 1, LATENT)
    for repeat in range(repeats):
        first, traces = build_network("conditional", shape, repeat), {}
        for name, contender in CONTENDERS.items():
            trace = traces[name] = Trace(held_out)
            contender(copy.deepcopy(first), source, trace, epochs)
            print(f"{name:26} {trace.seconds[-1]:6.1f} s {trace.losses[-1]:8.2f} nats", flush=True)
        mine = [name for name in traces if name.startswith("vae-train")]
        for peer in (name for name in traces if name not in mine):
            target = traces[peer].losses[-1]
            for name in mine:
                faster = traces[peer].to_reach(target) / traces[name].to_reach(target)
                told = f"{faster:.2f} times as fast" if faster else "not there"
                print(f"to the {target:.2f} nats of {peer}: {name} {told}", flush=True)


if __name__ == "__main__":
    main()

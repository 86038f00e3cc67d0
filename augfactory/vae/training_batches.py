"""From rows of a source to tensors on a device."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from augfactory.keyed_random import generator
from augfactory.records import Source, UInt8Array
from augfactory.vae.networks.network import Network
from augfactory.vae.objective import kl_divergence, reconstruction_loss, sampled
from augfactory.vae.settings import TrainingSettings

VALIDATION_BATCH = 64

# (images uint8 [n, H, W, C], step counted from 0) -> the images that are learned in their place
Vary = Callable[[UInt8Array, int], UInt8Array]


def unvaried(images: UInt8Array, step: int) -> UInt8Array:
    """Return ``images`` as they are."""
    del step
    return images


def draw_batch(
    source: Source,
    settings: TrainingSettings,
    latent: int,
    step: int,
    vary: Vary = unvaried,
    unlabelled: Source | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the batch of ``step``: images [n, C, H, W], labels [n, K], noise [n, latent], float32.

    Rows and noise follow from the seed and the step alone. No row comes twice. With ``unlabelled``
    images, labelled ones are the first half of the batch, so that classes are learned, too. Where
    ``settings.noise`` is "batch", the rows of the noise are equal.
    """
    random = generator(settings.seed, "vae", step)
    sources = [(source, settings.batch if unlabelled is None else (settings.batch + 1) // 2)]
    if unlabelled is not None and settings.batch > 1:
        sources.append((unlabelled, settings.batch // 2))
    images, labels = [], []
    for own, most in sources:
        count = min(most, len(own))
        rows = np.sort(random.choice(len(own), count, replace=False, shuffle=False))
        images.append(own.read_images(rows))
        labels.append(own.read_soft_labels(rows))
    shown = vary(np.concatenate(images), step)
    drawn = 1 if settings.noise == "batch" else len(shown)
    noise = random.standard_normal((drawn, latent), dtype=np.float32)
    noise = np.repeat(noise, len(shown) // drawn, axis=0)
    return as_tensor(shown), torch.from_numpy(np.concatenate(labels)), torch.from_numpy(noise)


def as_tensor(images: UInt8Array) -> Tensor:
    """Return uint8 [n, H, W, C] as float32 [n, C, H, W] in [0, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return tensor.to(torch.float32) / 255


def validation_loss(network: Network, source: Source, latent: int, seed: int) -> float:
    """Return reconstruction + KL of all rows, in nats per image; the noise is the same each time.

    The network is left in evaluation mode.
    """
    network.eval()
    device = next(network.parameters()).device
    random = generator(seed, "vae", "validation")
    total = 0.0
    with torch.inference_mode():
        for rows in source.blocks(VALIDATION_BATCH):
            images = as_tensor(source.read_images(rows)).to(device)
            labels = torch.from_numpy(source.read_soft_labels(rows)).to(device)
            noise = random.standard_normal((len(rows), latent), dtype=np.float32)
            mean, log_variance = network.encode(images, labels)
            latents = sampled(mean, log_variance, torch.from_numpy(noise).to(device))
            loss = reconstruction_loss(network.decode(latents, labels), images)
            total += (loss + kl_divergence(mean, log_variance)).item() * len(rows)
    return total / len(source)

"""Images to latent vectors and back, with a trained model.

Rows go through the network in micro-batches of 64, the last one padded, because the last bit of a
result can depend on the size of the batch that it stood in. So a row's result depends on the row
and its place within its micro-batch, not on how many rows are asked for. Two things are left to the
caller: to keep a row at its place (row modulo 64), and ``torch.set_num_threads(1)``, since the
number of threads can change that bit too.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from augfactory.errors import InputDataError
from augfactory.records import BLOCK_ROWS, Float32Array, UInt8Array
from augfactory.vae.checkpoint import Model
from augfactory.vae.training_batches import as_tensor


def encode(
    model: Model, images: UInt8Array, labels: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Return mean and log-variance, float32 [n, latent], of images [n, H, W, C], labels [n, K].

    Raises:
        InputDataError: the weights give numbers that are none.
    """

    def both(images: Tensor, labels: Tensor) -> Tensor:
        return _finite(model, torch.cat(model.network.encode(images, labels), dim=1))

    latent = model.config.latent
    latents = np.empty((len(images), 2 * latent), dtype=np.float32)
    for start in range(0, len(images), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        latents[rows] = _through(both, as_tensor(images[rows]), labels[rows]).numpy()
    return latents[:, :latent].copy(), latents[:, latent:].copy()


def decode(model: Model, latents: Float32Array, labels: Float32Array) -> UInt8Array:
    """Return images uint8 [n, H, W, C] of latent vectors [n, latent] and labels [n, K].

    Raises:
        InputDataError: the weights give numbers that are none.
    """

    def pixels(latents: Tensor, labels: Tensor) -> Tensor:
        shares = _finite(model, torch.sigmoid(model.network.decode(latents, labels)))
        return torch.round(255 * shares).to(torch.uint8).permute(0, 2, 3, 1)

    images = np.empty((len(latents), *model.config.image_shape), dtype=np.uint8)
    for start in range(0, len(latents), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        images[rows] = _through(pixels, torch.from_numpy(latents[rows]), labels[rows]).numpy()
    return images


def _finite(model: Model, found: Tensor) -> Tensor:
    """Refuse what finite but absurd weights come to: every image of them would be alike."""
    if not bool(found.isfinite().all()):
        raise InputDataError(
            f"the model {model.sha256[:12]}",
            "its weights give numbers that are not finite",
            "Restore its files, or train it again with `augfactory vae-train`.",
        )
    return found


def _through(
    network: Callable[[Tensor, Tensor], Tensor], rows: Tensor, labels: Float32Array
) -> Tensor:
    """Run at most 64 rows as if they were 64."""
    count = len(rows)
    with torch.inference_mode():
        return network(_padded(rows), _padded(torch.from_numpy(labels)))[:count]


def _padded(rows: Tensor) -> Tensor:
    padding = rows.new_zeros((BLOCK_ROWS - len(rows), *rows.shape[1:]))
    return torch.cat([rows, padding])

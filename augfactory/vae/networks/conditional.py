"""The default network: conditional on the class, and fast on a CPU.

Strided convolutions bring each side down to 4 to 8 pixels, a wide dense layer stands on either side
of the latent vector, and the label enters beside it there: in the encoder, so that the vector need
not hold the class, and in the decoder, so that a moved vector stays in its class. SiLU, no batch
norm: a row is encoded alike in any batch, and training images may be few. About 7 MFLOP for
a 28×28 grey image.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from augfactory.vae.networks.names import NetworkShape
from augfactory.vae.networks.network import Network, bounded

SMALL_SIDE = 8
FIRST_CHANNELS, CHANNELS = 16, 64  # the first layer works at the largest size, so it is narrow
WIDE = 256


class ConditionalNetwork(Network):
    """Every side is halved until it is at most 8 pixels long, each on its own."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        height, width, channels = shape.image_shape
        self.sizes = _sizes(height, width)
        steps = len(self.sizes) - 1
        widths = [channels, *[FIRST_CHANNELS] * min(1, steps - 1), *[CHANNELS] * max(1, steps - 1)]
        self.small_shape = (*self.sizes[-1], widths[-1])
        flat = math.prod(self.small_shape)
        down, up = [], []
        for step in range(steps):
            kernel, stride = _kernel(self.sizes[step], self.sizes[step + 1])
            inner, outer = widths[step + 1], widths[step]
            down.append(nn.Conv2d(outer, inner, kernel, stride=stride, padding=1))
            up.append(nn.ConvTranspose2d(inner, outer, kernel, stride=stride, padding=1))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up[::-1])
        self.describe = nn.Linear(flat + shape.classes, WIDE)
        self.code = nn.Linear(WIDE + shape.classes, 2 * shape.latent)
        self.recall = nn.Linear(shape.latent + shape.classes, WIDE)
        self.spread = nn.Linear(WIDE + shape.classes, flat)
        # Convolutions take a third less time so; torch's stubs do not know the argument.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the latents of ``images``, given their labels."""
        features = images.contiguous(memory_format=torch.channels_last)
        for layer in self.down:
            features = functional.silu(layer(features))
        flat = features.permute(0, 2, 3, 1).flatten(1)
        wide = functional.silu(self.describe(torch.cat([flat, labels], dim=1)))
        mean, log_variance = self.code(torch.cat([wide, labels], dim=1)).chunk(2, dim=1)
        return mean, bounded(log_variance)

    def decode(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Return the logits of images of the classes that ``labels`` say."""
        wide = functional.silu(self.recall(torch.cat([latents, labels], dim=1)))
        flat = functional.silu(self.spread(torch.cat([wide, labels], dim=1)))
        features = flat.reshape(-1, *self.small_shape).permute(0, 3, 1, 2)
        *inner, last = zip(self.up, self.sizes[-2::-1], strict=True)
        for layer, size in inner:
            features = functional.silu(layer(features, output_size=size))
        layer, size = last
        logits: Tensor = layer(features, output_size=size)
        return logits


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the (height, width) of each stage, from the image down to the smallest."""
    sizes = [(height, width)]
    while max(sizes[-1]) > SMALL_SIDE:
        height, width = (side // 2 if side > SMALL_SIDE else side for side in sizes[-1])
        sizes.append((height, width))
    return sizes


def _kernel(
    large: tuple[int, int], small: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return kernel and stride that, padded by 1, take ``large`` to ``small`` and back."""
    strides = [2 if outer != inner else 1 for outer, inner in zip(large, small, strict=True)]
    return (2 + strides[0], 2 + strides[1]), (strides[0], strides[1])

"""The network of the VAE article (docs/documents.md, 003), for any image size.

Batch norm throughout; it is not given the class.

(28, 28, 1) -> (28, 28, 32) -> (14, 14, 64) -> (14, 14, 64) -> (14, 14, 64) -> 32 -> latent, and
back by way of (14, 14, 64) and (28, 28, 32), as in its Keras code, with the batch norm
constants of Keras. Four things differ. Its sampling layer draws one noise vector for a whole batch,
here each image has its own unless the training's noise is "batch": batch norms take off what a
batch shares, and samples then are not around the image that was encoded. Keras pads a stride of two
on the right and below, here the padding is even, a shift by one pixel. Initial weights have the
spread of Keras', but are not cut off at two deviations. The log-variance is bounded. Much slower
than ``conditional``: the convolutions run at full and half size.
"""

import math
from typing import TypeVar

from torch import Tensor, nn

from augfactory.vae.networks.names import NetworkShape
from augfactory.vae.networks.network import Network, bounded

ENCODER = ((32, 1), (64, 2), (64, 1), (64, 1))  # channels, stride
DENSE = 32
DECODER_CHANNELS = 32

Layer = TypeVar("Layer", nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


class KerasMnistNetwork(Network):
    """Convolutions at full and half size around a dense layer of 32; labels are ignored."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        height, width, channels = shape.image_shape
        self.size = (height, width)
        self.half_shape = (ENCODER[-1][0], math.ceil(height / 2), math.ceil(width / 2))
        flat = math.prod(self.half_shape)
        self.convolutions = nn.Sequential()
        incoming = channels
        for outgoing, stride in ENCODER:
            layer = nn.Conv2d(incoming, outgoing, 3, stride=stride, padding=1)
            self.convolutions.extend([_he(layer), _norm_2d(outgoing), nn.LeakyReLU(0.2)])
            incoming = outgoing
        self.dense = nn.Sequential(_he(nn.Linear(flat, DENSE)), _norm_1d(DENSE), nn.LeakyReLU(0.2))
        self.mean = _glorot(nn.Linear(DENSE, shape.latent))
        self.log_variance = _glorot(nn.Linear(DENSE, shape.latent))
        self.widen = nn.Sequential(
            _he(nn.Linear(shape.latent, flat)), _norm_1d(flat), nn.LeakyReLU(0.2)
        )
        self.enlarge = _he(
            nn.ConvTranspose2d(ENCODER[-1][0], DECODER_CHANNELS, 3, stride=2, padding=1)
        )
        self.paint = nn.Sequential(
            _norm_2d(DECODER_CHANNELS),
            nn.LeakyReLU(0.2),
            _glorot(nn.Conv2d(DECODER_CHANNELS, channels, 3, padding=1)),
            _norm_2d(channels),
        )

    def encode(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance; ``labels`` are not looked at."""
        del labels
        features = self.dense(self.convolutions(images).flatten(1))
        return self.mean(features), bounded(self.log_variance(features))

    def decode(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Return the logits; ``labels`` are not looked at."""
        del labels
        features = self.widen(latents).reshape(-1, *self.half_shape)
        logits: Tensor = self.paint(self.enlarge(features, output_size=self.size))
        return logits


def _he(layer: Layer) -> Layer:
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return _without_bias(layer)


def _glorot(layer: Layer) -> Layer:
    init = nn.init.xavier_uniform_ if isinstance(layer, nn.Linear) else nn.init.xavier_normal_
    init(layer.weight)
    return _without_bias(layer)


def _without_bias(layer: Layer) -> Layer:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _norm_1d(features: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(features, eps=1e-3, momentum=0.01)


def _norm_2d(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)

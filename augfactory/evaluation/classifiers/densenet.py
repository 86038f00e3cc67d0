"""DenseNets for small images (Huang et al. 2017, arXiv:1608.06993).

AugMix's paper names DenseNet-BC with 100 layers; its code trains one of 40 layers without the
bottlenecks and the compression that "BC" stands for, beginning with 24 channels where Huang et al.
have 16. Both grow by 12 channels a layer.
"""

import math

import torch
from torch import nn

GROWTH = 12
DENSE_BLOCKS = 3


class DenseLayer(nn.Module):
    """Adds ``GROWTH`` channels: batch norm, ReLU and a 3×3 convolution of all channels before.

    With ``bottleneck``, a 1×1 convolution to four times as many channels comes first.
    """

    def __init__(self, inward: int, *, bottleneck: bool) -> None:
        super().__init__()
        layers = _activated(inward, 4 * GROWTH, 1) if bottleneck else []
        layers += _activated(4 * GROWTH if bottleneck else inward, GROWTH, 3)
        self.layers = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return [N, C + 12, H, W]."""
        return torch.cat([images, self.layers(images)], dim=1)


def densenet_bc(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return DenseNet-BC of 100 layers: float32 [N, C, H, W] in [0, 1] -> logits."""
    return _densenet(image_shape, classes, 100, bottleneck=True, kept=0.5)


def densenet40(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return DenseNet of 40 layers: float32 [N, C, H, W] in [0, 1] -> logits."""
    return _densenet(image_shape, classes, 40, bottleneck=False, kept=1.0)


def _densenet(
    image_shape: tuple[int, int, int], classes: int, depth: int, *, bottleneck: bool, kept: float
) -> nn.Module:
    """Return three dense blocks; between them a 1×1 convolution keeps the share ``kept``."""
    width = 2 * GROWTH
    layers: list[nn.Module] = [_convolution(image_shape[2], width, 3)]
    for block in range(DENSE_BLOCKS):
        if block:
            narrower = math.floor(width * kept)
            layers += [*_activated(width, narrower, 1), nn.AvgPool2d(2, ceil_mode=True)]
            width = narrower
        for _ in range((depth - 4) // (2 * DENSE_BLOCKS if bottleneck else DENSE_BLOCKS)):
            layers.append(DenseLayer(width, bottleneck=bottleneck))
            width += GROWTH
    last = nn.Linear(width, classes)
    nn.init.zeros_(last.bias)
    layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last]
    return nn.Sequential(*layers)


def _activated(inward: int, outer: int, size: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(inward), nn.ReLU(), _convolution(inward, outer, size)]


def _convolution(inward: int, outer: int, size: int) -> nn.Conv2d:
    layer = nn.Conv2d(inward, outer, size, padding=size // 2, bias=False)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (size * size * outer)))
    return layer

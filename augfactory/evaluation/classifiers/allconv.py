"""All-Convolutional net (Springenberg et al. 2015, arXiv:1412.6806), as the AugMix code has it."""

import math

import torch
from torch import nn

WIDTHS = (96, 192)


class FastGELU(nn.Module):
    """x·σ(1.702 x), Hendrycks and Gimpel's shorter form of GELU (2016, arXiv:1606.08415)."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the same shape."""
        return features * torch.sigmoid(1.702 * features)


class WithoutLastTwo(nn.Module):
    """[N, C, H, W] without its last two rows and columns."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return [N, C, H - 2, W - 2]."""
        return features[:, :, :-2, :-2]


def allconv(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the classifier for images of any size: float32 [N, C, H, W] in [0, 1] -> logits.

    Three 3×3 convolutions of 96 channels, three of 192, then one unpadded 3×3 and two 1×1 of 192,
    these padded by one pixel, each followed by batch norm and x·σ(1.702 x); a 2×2 max pool and
    dropout 0.5 after each of the first two groups.
    The mean is over all but the last two rows and columns, which at 32 pixels are the 8×8 of the
    authors' code. Images below 12 pixels a side are padded in the third group, where the others are
    not.
    """
    wide = WIDTHS[-1]
    layers: list[nn.Module] = []
    inward = image_shape[2]
    for width in WIDTHS:
        for _ in range(3):
            layers += _block(inward, width, 3, 1)
            inward = width
        layers += [nn.MaxPool2d(2, ceil_mode=True), nn.Dropout(0.5)]
    padding = 1 if min(image_shape[:2]) < 12 else 0
    layers += _block(wide, wide, 3, padding) + _block(wide, wide, 1, 1) + _block(wide, wide, 1, 1)
    last = nn.Linear(wide, classes)
    layers += [WithoutLastTwo(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last]
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            fan = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
            nn.init.normal_(layer.weight, std=math.sqrt(2 / fan))
    nn.init.zeros_(last.bias)
    return network


def _block(inward: int, width: int, size: int, padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inward, width, size, padding=padding), nn.BatchNorm2d(width), FastGELU()]

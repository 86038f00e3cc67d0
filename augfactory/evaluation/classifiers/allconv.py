"""All-Convolutional net (Springenberg et al. 2015, arXiv:1412.6806), as the AugMix code has it."""

import math

from torch import nn

WIDTHS = (96, 192)


def allconv(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the classifier for images of any size: float32 [N, C, H, W] in [0, 1] -> logits.

    Three 3×3 convolutions of 96 channels, three of 192, then one unpadded 3×3 and two 1×1 of 192,
    with GELU and batch norm; a 2×2 max pool and dropout 0.5 after each of the first two groups.
    Images below 12 pixels a side are padded in the third group, where the others are not.
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
    layers += _block(wide, wide, 3, padding) + _block(wide, wide, 1, 0) + _block(wide, wide, 1, 0)
    last = nn.Linear(wide, classes)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), last]
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            fan = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
            nn.init.normal_(layer.weight, std=math.sqrt(2 / fan))
    nn.init.zeros_(last.bias)
    return network


def _block(inward: int, width: int, size: int, padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inward, width, size, padding=padding), nn.GELU(), nn.BatchNorm2d(width)]

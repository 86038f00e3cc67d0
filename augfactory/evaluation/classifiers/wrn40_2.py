"""Wide ResNet 40-2 (Zagoruyko & Komodakis 2016, arXiv:1605.07146), as the AugMix code has it."""

import math

import torch
from torch import nn

DEPTH, WIDEN = 40, 2
BLOCKS = (DEPTH - 4) // 6
STAGES = ((16 * WIDEN, 1), (32 * WIDEN, 2), (64 * WIDEN, 2))  # width, stride


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut, each after batch norm and ReLU.

    Where the shape changes, the shortcut too starts from the activated input.
    """

    def __init__(self, inward: int, outer: int, stride: int) -> None:
        super().__init__()
        self.before = _activation(inward)
        self.convolutions = nn.Sequential(
            _convolution(inward, outer, 3, stride),
            _activation(outer),
            _convolution(outer, outer, 3),
        )
        self.shortcut = None if inward == outer else _convolution(inward, outer, 1, stride)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Add what the convolutions make of ``images`` to them."""
        active = self.before(images)
        kept = images if self.shortcut is None else self.shortcut(active)
        added: torch.Tensor = kept + self.convolutions(active)
        return added


def wrn40_2(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the classifier for images of any size: float32 [N, C, H, W] in [0, 1] -> logits."""
    layers: list[nn.Module] = [_convolution(image_shape[2], 16, 3)]
    inward = 16
    for width, stride in STAGES:
        for block in range(BLOCKS):
            layers.append(BasicBlock(inward, width, 1 if block else stride))
            inward = width
    last = nn.Linear(inward, classes)
    nn.init.zeros_(last.bias)
    layers += [_activation(inward), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last]
    return nn.Sequential(*layers)


def _activation(width: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())


def _convolution(inward: int, outer: int, size: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inward, outer, size, stride, padding=size // 2, bias=False)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (size * size * outer)))
    return layer

"""ResNeXt-29 (Xie et al. 2017, arXiv:1611.05431, section 5.3), as the AugMix code has it.

There it has four groups of 32 channels, where AugMix's paper says 32×4: 4.9 million weights.
"""

import math

import torch
from torch import nn

DEPTH, GROUPS, WIDTH = 29, 4, 32  # channels of a group in the first stage
BLOCKS = (DEPTH - 2) // 9
STAGES = ((64, 1), (128, 2), (256, 2))  # planes, stride
EXPANSION = 4


class Bottleneck(nn.Module):
    """A 1×1, a grouped 3×3 and a 1×1 convolution beside a shortcut, each before batch norm.

    ReLU follows the first two and the sum; where the shape changes, the shortcut is a convolution.
    """

    def __init__(self, inward: int, planes: int, stride: int, groups: int, width: int) -> None:
        super().__init__()
        inner, outer = groups * (planes * width // STAGES[0][0]), planes * EXPANSION
        self.convolutions = nn.Sequential(
            _convolution(inward, inner, 1),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            _convolution(inner, inner, 3, stride, groups),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            _convolution(inner, outer, 1),
            nn.BatchNorm2d(outer),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inward != outer:
            changed = _convolution(inward, outer, 1, stride)
            self.shortcut = nn.Sequential(changed, nn.BatchNorm2d(outer))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Add what the convolutions make of ``images`` to them."""
        return torch.relu(self.shortcut(images) + self.convolutions(images))


def resnext29(
    image_shape: tuple[int, int, int], classes: int, groups: int = GROUPS, width: int = WIDTH
) -> nn.Module:
    """Return the classifier for images of any size: float32 [N, C, H, W] in [0, 1] -> logits.

    ``groups`` of ``width`` channels each, in the first of three stages.
    """
    inward = STAGES[0][0]
    first = _convolution(image_shape[2], inward, 3)
    layers: list[nn.Module] = [first, nn.BatchNorm2d(inward), nn.ReLU()]
    for planes, stride in STAGES:
        for block in range(BLOCKS):
            layers.append(Bottleneck(inward, planes, 1 if block else stride, groups, width))
            inward = planes * EXPANSION
    last = nn.Linear(inward, classes)
    nn.init.kaiming_normal_(last.weight)
    nn.init.zeros_(last.bias)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), last]
    return nn.Sequential(*layers)


def _convolution(inward: int, outer: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inward, outer, size, stride, padding=size // 2, groups=groups, bias=False)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (size * size * outer)))
    return layer

"""ResNet-20 with pre-activation (He et al. 2016, arXiv:1603.05027), as in Keras' CIFAR-10 example.

What the mixup article (docs/documents.md, 000) trained: ``ResNet20v2`` of that example, by its
rule 9 n + 2 for depth.
"""

import torch
from torch import nn

STAGES = ((16, 64, 1), (64, 128, 2), (128, 256, 2))  # inner width, outer width, stride
BLOCKS = 2


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions beside a shortcut, each after batch norm and ReLU.

    The very first block has been through both already, so it begins with its convolution.
    """

    def __init__(self, inward: int, inner: int, outer: int, stride: int, *, first: bool) -> None:
        super().__init__()
        self.before = nn.Identity() if first else _activation(inward)
        self.convolutions = nn.Sequential(
            nn.Conv2d(inward, inner, 1, stride),
            _activation(inner),
            nn.Conv2d(inner, inner, 3, padding=1),
            _activation(inner),
            nn.Conv2d(inner, outer, 1),
        )
        same = inward == outer and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inward, outer, 1, stride)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Add what the convolutions make of ``images`` to them."""
        added: torch.Tensor = self.shortcut(images) + self.convolutions(self.before(images))
        return added


def resnet20(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the classifier for images of any size: float32 [N, C, H, W] in [0, 1] -> logits."""
    layers: list[nn.Module] = [nn.Conv2d(image_shape[2], 16, 3, padding=1), _activation(16)]
    inward = 16
    for inner, outer, stride in STAGES:
        for block in range(BLOCKS):
            first = len(layers) == 2
            layers.append(Bottleneck(inward, inner, outer, 1 if block else stride, first=first))
            inward = outer
    layers += [
        _activation(inward),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(inward, classes),
    ]
    network = nn.Sequential(*layers)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def _activation(width: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))

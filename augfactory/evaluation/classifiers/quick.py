"""The default classifier: small, and quick to learn from few images."""

import torch
from torch import nn

WIDTHS = (32, 96, 128)
NARROW = (16, 48, 64)  # a third of the time
# Pixels. Larger images are thinned by the first layer, so that a step costs about the same.
SIDE = 32
LOGIT_SCALE = 0.3


class Pooled(nn.Module):
    """The mean and the maximum of every channel: [N, C, H, W] -> [N, 2 C]."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return both, side by side."""
        return torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)


class Scaled(nn.Module):
    """Multiply logits by a constant, so that the first steps are cautious."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the scaled logits."""
        return logits * LOGIT_SCALE


def quick(
    image_shape: tuple[int, int, int], classes: int, widths: tuple[int, ...] | None = None
) -> nn.Module:
    """Return the classifier for images of any size: float32 [N, C, H, W] in [0, 1] -> logits.

    A block for each of ``widths``, by default 32, 96 and 128 channels for images in colour, half of
    that for grey ones, which digits gain nothing from: a 3×3 convolution, a 2×2 max pool that
    rounds up, batch norm, SiLU; another 3×3 convolution, batch norm, SiLU. Then mean and maximum of
    each channel and one dense layer, whose logits are scaled by 0.3. The pool comes before the
    nonlinearity, as in the fastest CIFAR-10 trainings (Jordan 2024, arXiv:2404.00498, section 3).
    Of images with a shorter side of s pixels, the first convolution takes every
    ``round(s / 32)``-th place.
    ``docs/experiments.md`` has the measurements of its kin that led to it.
    """
    height, width, channels = image_shape
    stride = max(1, round(min(height, width) / SIDE))
    layers: list[nn.Module] = []
    inward = channels
    if widths is None:
        widths = WIDTHS if channels > 1 else NARROW
    for place, wide in enumerate(widths):
        first = stride if place == 0 else 1
        layers += [
            nn.Conv2d(inward, wide, first + 2, first, padding=1, bias=False),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.BatchNorm2d(wide),
            nn.SiLU(inplace=True),
            nn.Conv2d(wide, wide, 3, padding=1, bias=False),
            nn.BatchNorm2d(wide),
            nn.SiLU(inplace=True),
        ]
        inward = wide
    network = nn.Sequential(*layers, Pooled(), nn.Linear(2 * inward, classes), Scaled())
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network

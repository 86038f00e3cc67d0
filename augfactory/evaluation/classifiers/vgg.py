"""The small VGG of the experiment that augfactory grew from, for any image size."""

from torch import nn

WIDTHS = (16, 64)


def small_vgg(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the classifier: float32 [N, C, H, W] in [0, 1] -> logits [N, classes].

    Two blocks of 16 and 64 channels, each (3×3 convolution, batch norm, ReLU) twice and a 2×2 max
    pool that rounds up; then dropout 0.3, a dense layer of 512, dropout 0.5 and the last layer.
    He normal weights (He et al. 2015), Glorot normal in the last layer, biases 0: the Keras network
    of that experiment, which had 28×28×1 and 10 classes.
    """
    height, width, channels = image_shape
    layers: list[nn.Module] = []
    for wide in WIDTHS:
        layers += _block(channels, wide)
        height, width, channels = -(-height // 2), -(-width // 2), wide
    last = nn.Linear(512, classes)
    network = nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(height * width * channels, 512),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        last,
    )
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    nn.init.xavier_normal_(last.weight)
    return network


def _block(channels: int, wide: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inward in (channels, wide):
        layers += [
            nn.Conv2d(inward, wide, 3, padding=1),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
        ]
    return [*layers, nn.MaxPool2d(2, ceil_mode=True)]

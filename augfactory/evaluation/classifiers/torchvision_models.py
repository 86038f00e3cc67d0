"""torchvision's classifiers by name, from first weights or from a file of weights."""

from pathlib import Path

import torch
from torch import nn

from augfactory.evaluation.classifiers.weights import load_weights
from augfactory.torchvision_import import import_torchvision

# What published weights were trained with (ImageNet, in [0, 1]).
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class TorchvisionClassifier(nn.Module):
    """A torchvision model that takes grey images too, as three equal channels."""

    def __init__(self, model: nn.Module, *, normalised: bool) -> None:
        super().__init__()
        self.model = model
        self.normalised = normalised
        self.mean = torch.tensor(MEAN)[:, None, None]
        self.std = torch.tensor(STD)[:, None, None]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of float32 [N, 1 or 3, H, W] in [0, 1]."""
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        if self.normalised:
            images = (images - self.mean) / self.std
        logits: torch.Tensor = self.model(images)
        return logits


def model_names() -> list[str]:
    """Return the names that ``torchvision_model`` knows."""
    models = import_torchvision("torchvision.models")
    return list(models.list_models(module=models))


def torchvision_model(name: str, classes: int, weights: Path | None) -> nn.Module:
    """Build a model of ``model_names``; nothing is downloaded.

    With ``weights`` all but the last layer starts from the file, and images are normalised as
    ImageNet's were, unless it says that it was trained without that.

    Raises:
        InputDataError: the file cannot be read, or does not fit the model.
    """
    model = import_torchvision("torchvision.models").get_model(
        name, weights=None, num_classes=classes
    )
    normalised = weights is not None and load_weights(model, name, weights)
    return TorchvisionClassifier(model, normalised=normalised)

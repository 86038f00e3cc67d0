"""The classifiers by name. A new one is a file beside this one and a line here."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from augfactory.errors import RecipeError
from augfactory.evaluation.training.settings import Freeze, Optimiser

if TYPE_CHECKING:
    from torch import nn

# image shape (H, W, C), number of classes -> module: float32 [N, C, H, W] in [0, 1] -> logits
Builder = Callable[[tuple[int, int, int], int], "nn.Module"]


@dataclass(frozen=True)
class Classifier:
    """How to build a classifier, and what it is trained with; see ``TrainingSettings``."""

    build: Builder
    optimiser: Optimiser
    learning_rate: float
    weight_decay: float
    label_smoothing: float = 0.0


def _built_by(file: str, function: str) -> Builder:
    """Load the file only when a network is built: torch takes seconds, a typo should not."""

    def build(image_shape: tuple[int, int, int], classes: int) -> "nn.Module":
        module = import_module(f"augfactory.evaluation.classifiers.{file}")
        network: nn.Module = getattr(module, function)(image_shape, classes)
        return network

    return build


DEFAULT_CLASSIFIER = "quick"
# Only what "quick" and "wide" have was measured; the rates of the others, and of torchvision's, are
# what AdamW learnt well with around another network at a constant rate (docs/experiments.md).
CLASSIFIERS: dict[str, Classifier] = {
    "quick": Classifier(_built_by("quick", "quick"), "muon", 2e-2, 0.15, 0.1),
    "wide": Classifier(_built_by("wide", "wide"), "muon", 2e-2, 0.15, 0.1),
    "vgg": Classifier(_built_by("vgg", "small_vgg"), "adamw", 4e-3, 0.5),
    "resnet20": Classifier(_built_by("resnet20", "resnet20"), "adamw", 4e-3, 0.05),
    "wrn40-2": Classifier(_built_by("wrn40_2", "wrn40_2"), "adamw", 4e-3, 0.05),
    "allconv": Classifier(_built_by("allconv", "allconv"), "adamw", 4e-3, 0.05),
    "resnext29": Classifier(_built_by("resnext29", "resnext29"), "adamw", 4e-3, 0.05),
    "densenet-bc": Classifier(_built_by("densenet", "densenet_bc"), "adamw", 4e-3, 0.05),
    "densenet40": Classifier(_built_by("densenet", "densenet40"), "adamw", 4e-3, 0.05),
}
TORCHVISION_LEARNING_RATE, TORCHVISION_WEIGHT_DECAY = 1e-3, 0.05


def find_classifier(name: str, weights: Path | None = None) -> Classifier:
    """Return the classifier called ``name``: one of ours, else torchvision's.

    With ``weights`` all but its last layer starts from that file.

    Raises:
        RecipeError: there is none of that name, and the nearest right name is told.
    """
    if name in CLASSIFIERS:
        known = CLASSIFIERS[name]
        return known if weights is None else replace(known, build=_from_file(known, name, weights))
    from augfactory.evaluation.classifiers.torchvision_models import model_names, torchvision_model

    if name not in model_names():
        raise _unknown_classifier(name, model_names())

    def build(image_shape: tuple[int, int, int], classes: int) -> "nn.Module":
        del image_shape
        return torchvision_model(name, classes, weights)

    return Classifier(build, "adamw", TORCHVISION_LEARNING_RATE, TORCHVISION_WEIGHT_DECAY)


def _from_file(known: Classifier, name: str, weights: Path) -> Builder:
    def build(image_shape: tuple[int, int, int], classes: int) -> "nn.Module":
        from augfactory.evaluation.classifiers.weights import load_weights

        network = known.build(image_shape, classes)
        load_weights(network, name, weights)
        return network

    return build


def _unknown_classifier(name: str, of_torchvision: Sequence[str]) -> RecipeError:
    """Name the nearest, else ours; torchvision's alone are 80."""
    near = difflib.get_close_matches(name, [*CLASSIFIERS, *of_torchvision], 1, 0.5)
    ours = f"Ours are {', '.join(CLASSIFIERS)}; torchvision's names, such as resnet18, serve too."
    return RecipeError(
        "--classifier",
        f"there is no classifier {name!r}",
        f"Did you mean {near[0]!r}? {ours}" if near else ours,
    )


def check_image_shape(
    name: str,
    weights: Path | None,
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    freeze: Freeze = False,
) -> None:
    """Refuse images that are too small for a classifier; with ``freeze`` one that cannot freeze.

    Raises:
        RecipeError: it cannot take them, or has no such layers to keep fixed.
        InputDataError: its file of weights cannot be read, or does not fit.
    """
    import torch

    from augfactory.evaluation.classifiers.last_layer import fixed_layers

    height, width, channels = image_shape
    with torch.random.fork_rng(devices=[]):
        network = find_classifier(name, weights).build(image_shape, classes).eval()
    fixed_layers(network, freeze)
    try:
        with torch.inference_mode():
            network(torch.zeros(1, channels, height, width))
    except RuntimeError as error:
        raise RecipeError(
            "--classifier",
            f"{name} cannot take images of {height}×{width}: {str(error).splitlines()[0]}",
            "Name another, such as quick, or enlarge the images with --size when expanding.",
        ) from error

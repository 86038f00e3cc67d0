"""The classifiers by name. A new one is a file beside this one and a line here."""

from collections.abc import Callable

from torch import nn

from augfactory.errors import unknown_name
from augfactory.evaluation.classifiers.vgg import small_vgg

# image shape (H, W, C), number of classes -> module: float32 [N, C, H, W] in [0, 1] -> logits
Builder = Callable[[tuple[int, int, int], int], nn.Module]

CLASSIFIERS: dict[str, Builder] = {
    "vgg": small_vgg,
}


def classifier_builder(name: str) -> Builder:
    """Return the builder of the classifier called ``name``.

    Raises:
        RecipeError: there is none of that name; the nearest right name is told.
    """
    if name not in CLASSIFIERS:
        raise unknown_name("--classifier", "classifier", name, list(CLASSIFIERS))
    return CLASSIFIERS[name]

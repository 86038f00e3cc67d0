"""How the rows of a method are made, in the words that a card uses."""

from augfactory.methods.registry import METHODS
from augfactory.store.manifest import Manifest

ORIGINAL, DECODED, LABELLED = "original", "vae", "pseudo-label"


def is_residual(manifest: Manifest) -> bool:
    """Tell whether decoded rows are source images and what a move among codes changes in them."""
    return (manifest.recipe.get("vae") or {}).get("decode") == "residual"


def method_in_words(name: str, *, residual: bool) -> str:
    """Return how a row of this method is made, in the words of the method's card."""
    if name == ORIGINAL:
        return "taken from the source as it was"
    if name == DECODED and residual:
        return "add to a source image what a move near its code changes"
    if name == DECODED:
        return "decode a code near that of a source image"
    if name == LABELLED:
        return "an unlabelled image, labelled by classifiers of the labelled ones"
    method = METHODS.get(name)
    return method.card.splitlines()[0].partition(": ")[2].rstrip(".") if method else ""

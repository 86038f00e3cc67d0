"""How the rows of a method are made, in the words that a card uses."""

from augfactory.guarded.text import escaped
from augfactory.methods.registry import METHODS
from augfactory.source_rows import skipped_in_words
from augfactory.store.documents.markdown import quoted
from augfactory.store.manifest import Manifest
from augfactory.store.manifest_parts import About

# As the Hugging Face hub calls the usual ones; it takes others by a name of their own.
LICENCES = (
    *("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "unlicense", "odbl", "pddl"),
    *("cc0-1.0", "cc-by-4.0", "cc-by-3.0", "cc-by-2.0", "cc-by-sa-4.0", "cc-by-sa-3.0"),
    *("cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0"),
    *("odc-by", "cdla-permissive-2.0"),
)
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


def licence_lines(manifest: Manifest) -> str:
    """Return the lines of a card's front matter that tell the licence."""
    licence = manifest.about.licence if manifest.about else None
    if licence is None:
        return "license: other\nlicense_name: as-the-source"
    if licence.lower() in LICENCES:
        return f"license: {licence.lower()}"
    return f"license: other\nlicense_name: {quoted(escaped(licence))}"


def licence_in_words(manifest: Manifest) -> str:
    """Say what is known of the licence, and who answers for the dataset."""
    about = manifest.about or About()
    author = f" {escaped(about.author)} answers for it." if about.author else ""
    if about.licence:
        return f"Its maker gives the licence as {escaped(about.licence)}.{author}"
    return (
        "The licence is that of the source, which augfactory does not know: ask whoever it comes "
        f"from.{author}"
    )


def left_out_in_words(manifest: Manifest) -> str:
    """Say which images could not be read and were left out, a sentence each; "" for none."""
    held = manifest.validation
    entries = {
        "source": manifest.source,
        "validation": held and held.source,
        "unlabelled": manifest.unlabelled,
    }
    told = {what: skipped_in_words(entry.skipped) for what, entry in entries.items() if entry}
    return "".join(
        f" Left out of the {what} images, since they cannot be read: {escaped(skipped)}."
        for what, skipped in told.items()
        if skipped
    )

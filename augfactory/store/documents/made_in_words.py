"""How the rows of a method are made, in the words that a card uses."""

import json

from augfactory.guarded.text import escaped
from augfactory.methods.registry import METHODS
from augfactory.store.documents.markdown import numbers, quoted
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


def redrawn_in_words(manifest: Manifest) -> str | None:
    """Say which rows were rejected and drawn anew; None where there are none."""
    rounds = [
        f"{numbers(rows)} of {escaped(of.name)}@{of.version}"
        for rows, of in zip(manifest.rejected_rows, manifest.redrawn_from, strict=True)
    ]
    if not rounds:
        return None
    return (
        "Somebody looked at it and rejected rows, which were drawn anew: "
        f"{'; then '.join(rounds)}. All others are as they were."
    )


def recipe_json(manifest: Manifest) -> str:
    """Return the recipe, but for the rows that were rejected: these are told in words."""
    plain = {key: value for key, value in manifest.recipe.items() if key != "redrawn"}
    return json.dumps(plain, indent=2)

"""How the rows of a method are made, in the words that a card uses."""

import json
from collections.abc import Mapping
from typing import Any

from augfactory.guarded.text import escaped
from augfactory.methods.registry import METHODS
from augfactory.source_rows import SourceRows, skipped_in_words
from augfactory.store.documents.markdown import code, numbers, quoted
from augfactory.store.manifest import Manifest
from augfactory.store.manifest_parts import About, LabellingEntry

# As the Hugging Face hub calls the usual ones; it takes others by a name of their own.
LICENCES = (
    *("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "unlicense", "odbl", "pddl"),
    *("cc0-1.0", "cc-by-4.0", "cc-by-3.0", "cc-by-2.0", "cc-by-sa-4.0", "cc-by-sa-3.0"),
    *("cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0"),
    *("odc-by", "cdla-permissive-2.0"),
)
ORIGINAL, DECODED, LABELLED = "original", "vae", "pseudo-label"
MOST_CLASSES = 10


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


def rejected_in_words(manifest: Manifest) -> str | None:
    """Say how many draws of decoded images were rejected; None where they were not filtered."""
    if manifest.rejected is None:
        return None
    total = {reason: sum(draws.values()) for reason, draws in manifest.rejected.items()}
    decoded = sum(manifest.counts.get(DECODED, {}).values())
    return (
        f"Decoded images were filtered: {total.get('unread', 0):,} were drawn again because "
        "classifiers that did not learn their original read them as another class, "
        f"{total.get('blank', 0):,} because they were blank, {total.get('copy', 0):,} because they "
        f"were copies; of {decoded:,} rows {total.get('kept', 0):,} were kept although none of "
        "their draws was fit."
    )


def class_rows_in_words(rows: Mapping[str, int]) -> str:
    """Return how many rows classes have, from class name -> rows."""
    numbers = {count for count in rows.values() if count}
    if len(numbers) == 1:
        return f"{max(numbers):,}"
    if len(rows) > MOST_CLASSES:
        return f"{min(rows.values()):,} to {max(rows.values()):,} of {len(rows):,} classes"
    return ", ".join(f"{escaped(name)} {count:,}" for name, count in rows.items())


def classes_in_words(manifest: Manifest) -> str | None:
    """Say how many rows classes have; None where they are expanded alike."""
    if manifest.class_rows is None:
        return None
    told = f"Rows of each class: {class_rows_in_words(manifest.class_rows)}."
    stages = manifest.recipe.get("mix") or ()
    if not stages:
        return told
    told += " In these numbers a mixture counts in the class of its first parent."
    if any(stage["parameters"].get("pairing") == "other" for stage in stages):
        return told
    if manifest.redrawn_from:  # a mixture that is drawn anew has other partners than its group
        return told
    return f"{told} The label shares of each class add up to its rows."


def varied_in_words(manifest: Manifest) -> str | None:
    """Say by what images were changed once more after they were made; None for nothing."""
    stages = varied_by(manifest)
    if not stages:
        return None
    by = ", then by ".join(stages)
    return f"Images made of one original each were then changed once more: by {by}."


def varied_by(manifest: Manifest) -> list[str]:
    """Return the methods by which images were changed once more, with shares that are below 1."""
    return [
        escaped(stage["method"])
        + (f" ({100 * stage['share']:g} % of them)" if stage.get("share", 1) < 1 else "")
        for stage in manifest.recipe.get("vary") or ()
    ]


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


def without_in_words(manifest: Manifest) -> str | None:
    """Say which rows it is stored without; None where it has all."""
    of, rows = manifest.left_out_from, manifest.left_out
    if of is None:
        return None
    return (
        f"Somebody looked at it and rejected {len(rows):,} row{'s' * (len(rows) > 1)} of "
        f"{escaped(of.name)}@{of.version}, which {'are' if len(rows) > 1 else 'is'} left out: "
        f"{numbers(rows)}. `left-out.parquet` tells of what they were made, and `row_before` in "
        "`plan.parquet` is the number that a row had there."
    )


def exported_in_words(manifest: Manifest) -> str:
    """Say of which version it is an export, after a space; "" where it is none."""
    origin = manifest.exported_from
    if origin is None:
        return ""
    rows = "the same rows, stored in another way"
    if manifest.left_out_from is not None:
        rows = "the rows that were kept, as they were"
    return f" Exported from {escaped(origin.name)}@{origin.version}: {rows}."


def recipe_json(manifest: Manifest) -> str:
    """Return the recipe, but for the rows that were rejected: these are told in words."""
    apart = ("redrawn", "left_out")
    plain = {key: value for key, value in manifest.recipe.items() if key not in apart}
    return json.dumps(plain, indent=2)


def unlabelled_in_words(entry: SourceRows, recipe: Mapping[str, Any]) -> str:
    """Say which unlabelled images serve, and what labelled them."""
    labelling = recipe.get("pseudo_label") or {}
    name, digest = labelling.get("classifier"), labelling.get("weights_sha256")
    kind = "classifiers" if name is None else f"classifiers, `{code(name)}`,"
    start = "" if digest is None else f" They started from weights with the SHA-256 `{digest}`."
    return (
        f"Unlabelled images: `{code(entry.title)}`, {len(entry.rows):,} of them, with the "
        f"fingerprint `{entry.fingerprint}`; `pseudo-labels.parquet` has the label that "
        f"{kind} give to each, and whether it serves.{start} `source_index` counts them behind the "
        "source rows."
    )


def labelling_in_words(entry: LabellingEntry | None) -> str:
    """Say how far labels of classifiers are to be trusted, after a space; "" where that is unknown.

    What makes them worth little comes with it.
    """
    if entry is None or not entry.labelled:
        return ""
    warnings = "".join(f" **Warning**: {escaped(told)}." for told in entry.warnings)
    return (
        f" Of {entry.labelled:,} labelled images that they had not learnt they read "
        f"{entry.right:,} right ({100 * entry.right / entry.labelled:.0f} %; blind naming: "
        f"{100 * entry.chance:.0f} %), and they are {100 * entry.sureness:.0f} % sure of the "
        f"labels that serve.{warnings}"
    )

"""What the card says of validation images."""

from augfactory.guarded.text import escaped
from augfactory.store.documents.markdown import wrapped
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest import Manifest
from augfactory.store.splits import VAL


def validation_files(manifest: Manifest) -> str:
    """Return the lines of the front matter that name their files."""
    if manifest.validation is None:
        return ""
    ending = FORMATS[manifest.format].data_files.rpartition("/")[2]
    return f"\n  - split: validation\n    path: {VAL}/{ending}"


def validation_in_words(manifest: Manifest) -> str:
    """Return a paragraph on them; nothing where there are none."""
    entry = manifest.validation
    if entry is None:
        return ""
    counts = ", ".join(f"{name} {number:,}" for name, number in entry.counts.items())
    address = f"{escaped(manifest.name)}@{manifest.version}"
    text = (
        f"`{VAL}/` holds {len(entry.source.rows):,} more images to validate on, originals all of "
        f"them ({counts}): {entry.in_words}. No row of the table was made from one of them. "
        f'`augfactory.load("{address}", split="val")` reads them, and `{address}:val` names them '
        "as a SOURCE."
    )
    return "\n\n" + wrapped(text)

"""Every storage format, by its name in ``names.py``."""

from augfactory.errors import one_of
from augfactory.names import FORMATS as NAMES
from augfactory.names import registered
from augfactory.store.formats.storage_format import StorageFormat

FORMATS: dict[str, StorageFormat] = registered("store.formats", NAMES, "FORMAT")


def read_format(text: str, where: str = "--format") -> str:
    """Check a storage format; ``where`` is the option that names it.

    Raises:
        RecipeError: there is none of this name.
    """
    return one_of(where, "format", text, list(FORMATS))

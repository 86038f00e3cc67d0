"""Every storage format, by its name in ``names.py``."""

from augfactory.names import FORMATS as NAMES
from augfactory.names import registered
from augfactory.store.formats.storage_format import StorageFormat

FORMATS: dict[str, StorageFormat] = registered("store.formats", NAMES, "FORMAT")

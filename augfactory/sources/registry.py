"""Every kind of source that is kept at a path, by its name in ``names.py``."""

from augfactory.names import SOURCES as NAMES
from augfactory.names import registered
from augfactory.sources.kind import SourceKind

SOURCES: dict[str, SourceKind] = registered("sources", tuple(NAMES), "SOURCE")

"""augfactory: a small labelled image set in, a large, versioned training set out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augfactory.commands.loading import load as load
    from augfactory.commands.loading import loader as loader

__version__ = "0.1.0"
__all__ = ["__version__", "load", "loader"]


def __getattr__(name: str) -> Any:
    """Import ``load`` and ``loader`` when first asked for: they bring torch, the rest does not."""
    if name in ("load", "loader"):
        from augfactory.commands import loading

        return getattr(loading, name)
    raise AttributeError(f"module 'augfactory' has no attribute {name!r}")

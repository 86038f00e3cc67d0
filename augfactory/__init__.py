"""augfactory: a small labelled image set in, a large, versioned training set out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augfactory.commands.loading import load as load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """Load ``augfactory.load`` when it is first asked for: it brings torch, the rest does not."""
    if name == "load":
        from augfactory.commands.loading import load

        return load
    raise AttributeError(f"module 'augfactory' has no attribute {name!r}")

"""augfactory: a small labelled image set in, a large, versioned training set out.

``train_vae``, ``expand`` and ``evaluate`` are the commands as functions; ``load`` and ``loader``
read what they make; ``online`` makes the rows while training. What is wrong with a request, the
data or the disk is told by an ``AugfactoryError``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augfactory.api import evaluate as evaluate
    from augfactory.api import expand as expand
    from augfactory.api import train_vae as train_vae
    from augfactory.errors import AugfactoryError as AugfactoryError
    from augfactory.loading.load import load as load
    from augfactory.loading.load import loader as loader
    from augfactory.loading.online import online as online

__version__ = "0.1.0"
__all__ = [
    "AugfactoryError",
    "__version__",
    "evaluate",
    "expand",
    "load",
    "loader",
    "online",
    "train_vae",
]


def __getattr__(name: str) -> Any:
    """Import a function when it is first asked for: they bring torch, the rest does not."""
    if name == "AugfactoryError":
        from augfactory.errors import AugfactoryError

        return AugfactoryError
    if name in ("load", "loader"):
        from augfactory.loading import load as loading

        return getattr(loading, name)
    if name == "online":
        from augfactory.loading import online as made_online

        return made_online.online
    if name in ("evaluate", "expand", "train_vae"):
        from augfactory import api

        return getattr(api, name)
    raise AttributeError(f"module 'augfactory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

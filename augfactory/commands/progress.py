"""How a command tells what it is doing; silent unless someone listens."""

import contextlib
from collections.abc import Iterator


class Bar:
    """The progress of one counted piece of work."""

    def advance(self, done: int = 1, latest: str = "", **figures: float) -> None:
        """Say that ``done`` more units are finished, with figures worth seeing beside them.

        ``latest`` names the one that has just been finished, where units have names.
        """


class Progress:
    """What a command says while it works; this one says nothing."""

    def say(self, text: str) -> None:
        """Tell one thing in words."""

    @contextlib.contextmanager
    def bar(self, text: str, total: int, unit: str, done: int = 0) -> Iterator[Bar]:
        """Count work of ``total`` units, ``done`` of which were finished before."""
        del text, total, unit, done
        yield Bar()

"""Progress on stderr: bars on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator

from augfactory.cli.session import show
from augfactory.commands.progress import Bar, Progress
from augfactory.guarded.text import escaped

LINE_SECONDS = 15.0


class TerminalBar(Bar):
    """A tqdm bar."""

    def __init__(self, text: str, total: int, unit: str, done: int) -> None:
        from tqdm import tqdm

        self.bar = tqdm(
            desc=escaped(text),
            total=total,
            initial=done,
            unit=unit,
            unit_scale=total >= 10_000,
            file=sys.stderr,
            dynamic_ncols=True,
            mininterval=0.2,
        )

    def advance(self, done: int = 1, **figures: float) -> None:
        """Move on by ``done`` units."""
        if figures:
            self.bar.set_postfix(
                {name: f"{value:.4g}" for name, value in figures.items()}, refresh=False
            )
        self.bar.update(done)


class LineBar(Bar):
    """A line at most every 15 seconds, for logs."""

    def __init__(self, text: str, total: int, unit: str, done: int) -> None:
        self.text, self.total, self.unit, self.done = text, total, unit, done
        self.before, self.began = done, time.monotonic()
        self.said = self.began

    def advance(self, done: int = 1, **figures: float) -> None:
        """Move on by ``done`` units."""
        self.done += done
        if time.monotonic() - self.said >= LINE_SECONDS:
            self.said = time.monotonic()
            shown = "".join(f", {name} {value:.4g}" for name, value in figures.items())
            show(f"{self.text}: {self.done:,} of {self.total:,} {self.unit}s{shown}", error=True)

    def close(self) -> None:
        """Say that the work is done."""
        seconds = time.monotonic() - self.began
        now = f", {self.done - self.before:,} of them now," if self.before else ""
        show(f"{self.text}: {self.done:,} {self.unit}s{now} in {seconds:.1f} s", error=True)


class StderrProgress(Progress):
    """Progress for a person at a terminal, or for a log."""

    def say(self, text: str) -> None:
        """Print one line."""
        show(text, error=True)

    @contextlib.contextmanager
    def bar(self, text: str, total: int, unit: str, done: int = 0) -> Iterator[Bar]:
        """Count work of ``total`` units, ``done`` of which were finished before."""
        if sys.stderr.isatty():
            terminal_bar = TerminalBar(text, total, unit, done)
            with terminal_bar.bar:
                yield terminal_bar
        else:
            line_bar = LineBar(text, total, unit, done)
            yield line_bar
            line_bar.close()

"""Progress on stderr: bars on a terminal, a line now and then elsewhere."""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator, Mapping

from augfactory.cli.session import show
from augfactory.commands.progress import Bar, Progress
from augfactory.guarded.text import escaped

LINE_SECONDS = 15.0
ROOMY = 110  # columns of a terminal that has room for a name beside the bar


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

    def advance(self, done: int = 1, latest: str = "", **figures: float) -> None:
        """Move on by ``done`` units."""
        roomy = shutil.get_terminal_size().columns >= ROOMY
        self.bar.set_postfix_str(_shown(latest if roomy else "", figures), refresh=False)
        self.bar.update(done)


class LineBar(Bar):
    """A line at most every 15 seconds, for logs."""

    def __init__(self, text: str, total: int, unit: str, done: int) -> None:
        self.text, self.total, self.unit, self.done = text, total, unit, done
        self.before, self.began = done, time.monotonic()
        self.said = self.began

    def advance(self, done: int = 1, latest: str = "", **figures: float) -> None:
        """Move on by ``done`` units."""
        self.done += done
        now = time.monotonic()
        if now - self.said >= LINE_SECONDS:
            self.said = now
            parts = [f"{self.done:,} of {self.total:,} {self.unit}s"]
            if self.done < self.total:
                each = (now - self.began) / (self.done - self.before)
                parts.append(f"about {duration(each * (self.total - self.done))} left")
            parts += [shown] if (shown := _shown(latest, figures)) else []
            show(f"{self.text}: {', '.join(parts)}", error=True)

    def close(self) -> None:
        """Say that the work is done."""
        seconds = time.monotonic() - self.began
        now = f", {self.done - self.before:,} of them now," if self.before else ""
        show(f"{self.text}: {self.done:,} {self.unit}s{now} in {seconds:.1f} s", error=True)


def _shown(latest: str, figures: Mapping[str, float]) -> str:
    """Return ``parts-x10: accuracy 0.953``, or what there is of it."""
    told = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
    return ": ".join(part for part in (escaped(latest), told) if part)


def duration(seconds: float) -> str:
    """Return ``40 s``, ``3 min`` or ``2.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


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

"""How many rows equal an earlier one, counted in memory that does not grow with the rows."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.guarded.files import open_regular
from augfactory.store.disk.atomic import write_file

Words = npt.NDArray[np.uint64]
DIGEST_WORDS = 4  # a row's digest as uint64 numbers
LEAST_RUN = 2**18  # words that are sorted at once
MOST_RUNS = 256


class Repeats:
    """Counts repeats among digests, by a quarter of each.

    Ten million rows meet by chance once in 300,000 times. Words wait until a run of them is sorted
    and written to a file; at the end all runs are read side by side, range by range. Up to
    ``LEAST_RUN`` rows no file is made.
    """

    def __init__(self, rows: int, folder: Path) -> None:
        """Expect about ``rows`` rows; runs are written to ``folder``, and left there."""
        self._run = max(LEAST_RUN, rows // MOST_RUNS)
        self._folder = folder
        self._waiting: list[Words] = []
        self._held = self._rows = 0
        self._files: list[tuple[Path, npt.NDArray[np.int64]]] = []  # and where its ranges start
        ranges = max(1, -(-rows // self._run))
        self._edges = np.array(
            [2**64 * number // ranges for number in range(1, ranges)], dtype=np.uint64
        )

    def add(self, digests: bytes) -> None:
        """Take the digests of further rows, 32 bytes each."""
        words = np.frombuffer(digests, dtype="<u8")[::DIGEST_WORDS].astype(np.uint64)
        self._waiting.append(words)
        self._held += len(words)
        self._rows += len(words)
        if self._held > self._run:
            self._write()

    def count(self) -> int:
        """Return how many of the rows equal an earlier one.

        Raises:
            OSError: a run cannot be read again.
        """
        last = self._sorted()
        if not self._files:
            return self._rows - len(last)
        starts, different = self._starts(last), 0
        for number in range(len(self._edges) + 1):
            parts = [last[starts[number] : starts[number + 1]]]
            parts += [_read(path, *there[number : number + 2]) for path, there in self._files]
            different += len(np.unique(np.concatenate(parts)))
        return self._rows - different

    def _sorted(self) -> Words:
        """Return what waits, each word once."""
        words = np.concatenate([np.empty(0, dtype=np.uint64), *self._waiting])
        self._waiting, self._held = [], 0
        return np.unique(words)

    def _starts(self, words: Words) -> npt.NDArray[np.int64]:
        inner = np.searchsorted(words, self._edges)
        return np.concatenate([[0], inner, [len(words)]]).astype(np.int64)

    def _write(self) -> None:
        words = self._sorted()
        path = self._folder / f"repeats-{len(self._files):03d}"
        write_file(path, words.tobytes())
        self._files.append((path, self._starts(words)))


def _read(path: Path, start: Any, stop: Any) -> Words:
    with open_regular(path, follow=False) as file:
        return np.fromfile(file, np.uint64, int(stop - start), offset=int(start) * 8)

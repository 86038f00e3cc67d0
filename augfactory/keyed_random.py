"""Random numbers that depend on what they are for, never on who draws them or when.

Every generator in augfactory is made here from a key: (seed, what for, block, …). Two processes
that draw for the same key draw the same numbers, so the order of work cannot matter.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

Size = int | tuple[int, ...]


def key_of(*parts: int | str) -> int:
    """Fold ``parts`` into a 63-bit key; ("a", 1) and ("a1",) differ."""
    text = "/".join(f"{type(part).__name__}:{part}" for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def generator(*parts: int | str) -> np.random.Generator:
    """Return the counter-based generator (Philox) that belongs to ``parts``."""
    return from_key(key_of(*parts))


def from_key(key: int) -> np.random.Generator:
    """Return the generator of a key that ``key_of`` gave."""
    seed: Any = _Key(key)  # NumPy takes any ISeedSequence, and its types do not say so
    return np.random.Generator(np.random.Philox(seed))


class _Key(ISeedSequence):
    """A seed that is the key itself: ``Philox(key=…)`` asks the system for a seed it never uses."""

    def __init__(self, key: int) -> None:
        self._key = key

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        """Return the key as Philox wants it: ``n_words`` words of ``dtype``, two of 64 bits."""
        state = np.zeros(n_words, dtype=dtype)
        state[0] = self._key
        return state


def from_keys(keys: Iterable[int]) -> Iterator[np.random.Generator]:
    """Yield the generator of each key; a generator serves until the next one is asked for.

    It is one generator that is set anew: to make one takes longer than what it draws for a latent
    vector.
    """
    bits = np.random.Philox(key=0)
    state, drawn = bits.state, np.random.Generator(bits)
    for key in keys:
        state["state"]["key"][0] = key
        bits.state = state
        yield drawn


@dataclass(frozen=True)
class InBlocks:
    """Draws for the rows of several blocks at once, each block from its own generator.

    It has those of a generator's functions that are in use, and gives what they would give block by
    block, joined. The first axis of what is drawn runs along the rows, as many in each block; an
    array whose first axis does so, too, is cut into blocks, any other goes to all of them.
    """

    generators: Sequence[np.random.Generator]

    def random(self, size: Size) -> np.ndarray:
        """Draw from [0, 1)."""
        return self._drawn("random", size)

    def uniform(self, low: float, high: float, size: Size) -> np.ndarray:
        """Draw from [low, high)."""
        return self._drawn("uniform", size, low, high)

    def integers(
        self, low: Any, high: Any = None, size: Size | None = None, *, endpoint: bool = False
    ) -> np.ndarray:
        """Draw whole numbers; without ``size``, as many as bounds that run along the rows."""
        return self._drawn("integers", size, low, high, endpoint=endpoint)

    def choice(self, values: Sequence[int], size: Size) -> np.ndarray:
        """Draw among ``values``."""
        return self._drawn("choice", size, values)

    def standard_gamma(self, shape: Any, size: Size) -> np.ndarray:
        """Draw Gamma variates."""
        return self._drawn("standard_gamma", size, shape)

    def standard_exponential(self, size: Size) -> np.ndarray:
        """Draw exponential variates."""
        return self._drawn("standard_exponential", size)

    def _drawn(self, function: str, size: Size | None, *given: Any, **more: Any) -> np.ndarray:
        rows, *rest = (size,) if isinstance(size, int) else size or (_length(given),)
        each = rows // len(self.generators)
        parts = []
        for number, own in enumerate(self.generators):
            block = slice(number * each, (number + 1) * each)
            cut = [
                value[block] if isinstance(value, np.ndarray) and len(value) == rows else value
                for value in given
            ]
            if size is not None:
                more["size"] = (each, *rest)
            parts.append(getattr(own, function)(*cut, **more))
        return np.concatenate(parts)


def _length(given: Iterable[Any]) -> int:
    return next(len(value) for value in given if isinstance(value, np.ndarray))


Randoms = np.random.Generator | InBlocks


def by_block(keyed: Callable[[int], np.random.Generator], blocks: Sequence[int]) -> Randoms:
    """Return what draws for ``blocks``, each from the generator that ``keyed`` gives for it."""
    if len(blocks) == 1:
        return keyed(blocks[0])
    return InBlocks([keyed(block) for block in blocks])


def each_block(randoms: Randoms, rows: int) -> Iterator[tuple[slice, np.random.Generator]]:
    """Yield where the rows of each block are among ``rows``, and its generator."""
    if isinstance(randoms, np.random.Generator):
        yield slice(0, rows), randoms
        return
    each = rows // len(randoms.generators)
    for number, own in enumerate(randoms.generators):
        yield slice(number * each, (number + 1) * each), own

"""Random numbers that depend on what they are for, never on who draws them or when.

Every generator in augfactory is made here from a key: (seed, what for, block, …). Two processes
that draw for the same key draw the same numbers, so the order of work cannot matter.
"""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np


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
    return np.random.Generator(np.random.Philox(key=key))


def from_keys(keys: Iterable[int]) -> Iterator[np.random.Generator]:
    """Yield the generator of each key; a generator serves until the next one is asked for.

    It is one generator that is set anew: to make one takes five times as long as what it draws for
    a latent vector.
    """
    bits = np.random.Philox(key=0)
    state, drawn = bits.state, np.random.Generator(bits)
    for key in keys:
        state["state"]["key"][0] = key
        bits.state = state
        yield drawn

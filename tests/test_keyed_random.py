"""Keys are stable over time and tell their parts apart."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.keyed_random import (
    InBlocks,
    Randoms,
    by_block,
    from_key,
    from_keys,
    generator,
    key_of,
)


def test_golden_key() -> None:
    # A changed key changes every dataset: raise pipeline.recipe.RENDERING with it.
    assert key_of(0, "vae draw", 3) == KEY
    assert generator(0, "vae draw", 3).integers(0, 2**31, 3).tolist() == NUMBERS


@pytest.mark.parametrize(
    "other",
    [
        (1, "a", 2),
        (0, "b", 2),
        (0, "a", 3),
        (0, "a", 2, 0),
        (
            0,
            "a2",
        ),
        ("0", "a", 2),
    ],
)
def test_keys_tell_their_parts_apart(other: tuple[int | str, ...]) -> None:
    assert key_of(*other) != key_of(0, "a", 2)


def test_generator_is_that_of_its_key() -> None:
    direct = from_key(key_of(7, "x")).random(5)
    assert np.array_equal(generator(7, "x").random(5), direct)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5), st.integers(0, 9))
def test_generators_in_a_row_are_those_of_their_keys(keys: list[int], drawn: int) -> None:
    for key, keyed in zip(keys, from_keys(keys), strict=True):
        alone = from_key(key)
        for own in (keyed, alone):
            own.standard_normal(drawn, dtype=np.float32)  # leaves half a number behind
        assert np.array_equal(
            keyed.integers(0, 99, 3, dtype=np.int32), alone.integers(0, 99, 3, dtype=np.int32)
        )
        assert np.array_equal(keyed.standard_normal(drawn), alone.standard_normal(drawn))


@given(st.integers(0, 2**63 - 1))
def test_a_key_is_that_of_philox(key: int) -> None:
    direct = np.random.Generator(np.random.Philox(key=key))
    assert np.array_equal(from_key(key).integers(0, 2**62, 9), direct.integers(0, 2**62, 9))


DRAWS: dict[str, Callable[[Randoms, int], np.ndarray]] = {
    "random": lambda own, rows: own.random((rows, 3)),
    "random of rows": lambda own, rows: own.random(rows),
    "uniform": lambda own, rows: own.uniform(-2, 5, (rows, 2)),
    "integers": lambda own, rows: own.integers(0, (7, 30), (rows, 2)),
    "integers below": lambda own, rows: own.integers(9, size=rows),
    "integers to": lambda own, rows: own.integers(-3, 3, rows, endpoint=True),
    "choice": lambda own, rows: own.choice([-1, 1], (rows, 2)),
    "gamma": lambda own, rows: own.standard_gamma(0.7, size=(2 * rows, 2)),
    "exponential": lambda own, rows: own.standard_exponential((rows, 2)),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("blocks", [1, 3])
def test_blocks_draw_as_each_alone(name: str, blocks: int) -> None:
    rows, draw = 8, DRAWS[name]
    together = by_block(from_key, range(blocks))
    first, second = draw(together, blocks * rows), draw(together, blocks * rows)
    for found, again in ((first, False), (second, True)):
        alone = []
        for key in range(blocks):
            own = from_key(key)
            if again:
                draw(own, rows)
            alone.append(draw(own, rows))
        assert np.array_equal(found, np.concatenate(alone))


def test_bounds_are_cut_into_blocks() -> None:
    low = np.outer(np.arange(12), (1, 1000))
    own = InBlocks([from_key(1), from_key(2), from_key(3)])
    parts = [from_key(1 + k).integers(low[4 * k : 4 * k + 4], 20_000) for k in range(3)]
    assert np.array_equal(own.integers(low, 20_000), np.concatenate(parts))
    shapes = np.linspace(0.2, 9, 12)[:, None]
    gammas = [from_key(k).standard_gamma(shapes[6 * k : 6 * k + 6], (6, 3)) for k in range(2)]
    drawn = InBlocks([from_key(0), from_key(1)]).standard_gamma(shapes, (12, 3))
    assert np.array_equal(drawn, np.concatenate(gammas))


KEY = 4392628947045206001
NUMBERS = [271366290, 1788175502, 998270617]

"""Keys are stable over time and tell their parts apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.keyed_random import from_key, from_keys, generator, key_of


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


KEY = 4392628947045206001
NUMBERS = [271366290, 1788175502, 998270617]

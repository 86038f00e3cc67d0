"""What is drawn for rows: from which keys, and as which columns of a plan."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from augfactory.keyed_random import Randoms, by_block, generator, key_of
from augfactory.methods.method import Draws, Slots
from augfactory.pipeline.plan import NONE, Origin
from augfactory.records import BLOCK_ROWS, Int64Array


def slots(seed: int, name: str, origin: Origin, within: Int64Array, round_: Int64Array) -> Slots:
    """Return what numbers are drawn for: blocks of rows ``within`` a section, keyed by ``name``."""

    def keyed(what: str, number: int) -> np.random.Generator:
        return generator(seed, name, what, number)

    return Slots(within, round_, origin.image_shape, keyed, BLOCK_ROWS)


def keyed_blocks(seed: int, name: str, within: Int64Array, *more: int | str) -> Randoms:
    """Return what draws for the blocks of rows ``within`` a section, by the key of each."""

    def keyed(block: int) -> np.random.Generator:
        return generator(seed, name, block, *more)

    return by_block(keyed, (within[::BLOCK_ROWS] // BLOCK_ROWS).tolist())


def noise_keys(
    seed: int, rows: Int64Array, number: Int64Array, used: npt.NDArray[np.bool_]
) -> Int64Array:
    """Return the keys int64 [n] of the noise of ``rows``, by the draw ``number`` of each.

    It is -1 for rows that are not ``used``, since a key takes longer than many a pixel.
    """
    keys = np.full(len(rows), NONE, dtype=np.int64)
    for place in np.flatnonzero(used).tolist():
        keys[place] = key_of(seed, "noise", int(rows[place]), *again(int(number[place])))
    return keys


def again(draw: int) -> tuple[int | str, ...]:
    """Return what the key of a further draw has behind that of the first."""
    return ("again", draw) if draw else ()


def columns(
    prefix: str, fields: Sequence[str], drawn: Draws, used: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the plan's columns of what is ``drawn`` [n, fields]: NaN for rows not ``used``."""
    return {
        f"{prefix}_{field}": np.where(used, drawn[:, column], np.nan)
        for column, field in enumerate(fields)
    }


def padded(values: np.ndarray, width: int, filler: int) -> np.ndarray:
    """Return ``values`` [n, m] with columns of ``filler`` behind them: [n, width]."""
    padding = np.full((len(values), width - values.shape[1]), filler, dtype=values.dtype)
    return np.concatenate([values, padding], axis=1)

"""Weights that are at least 0 and sum to 1: drawn exactly, and stored so that nothing is lost."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from augfactory.keyed_random import Randoms
from augfactory.records import Float32Array, Float64Array

SMALLEST, LARGEST = 1e-6, 1e6
STEPS = 65536


def _in_range(concentration: float) -> float:
    if not (concentration == 0 or SMALLEST <= concentration <= LARGEST):
        raise ValueError(f"must be 0 or lie between {SMALLEST:g} and {LARGEST:g}")
    return concentration


Concentration = Annotated[float, AfterValidator(_in_range)]
"""The one parameter of a symmetric Dirichlet or Beta distribution; 0 stands for no mixing."""


def dirichlet_rows(
    alpha: float | Float64Array, count: int, parents: int, generator: Randoms
) -> Float64Array:
    """Draw ``count`` rows of weights from Dirichlet(alpha, …, alpha).

    The logarithms of the Gamma variates are drawn, as log Gamma(alpha + 1) + log(uniform) / alpha
    (Marsaglia and Tsang 2000, section 6; proposed for torch in pytorch#90663), and the largest is
    taken off before they are raised: at small alpha the variates themselves would all be 0.

    Args:
        alpha: one for all rows, or float64 [count]; 0 gives the first parent the whole weight.
        count: how many rows.
        parents: how many weights a row has.
        generator: where the random numbers come from.

    Returns:
        float64 [count, parents], each row at least 0 and summing to 1.

    Raises:
        ValueError: an alpha is neither 0 nor between 1e-6 and 1e6.
    """
    given = np.asarray(alpha, dtype=np.float64)[..., None]
    unmixed = given == 0
    if not (unmixed | ((given >= SMALLEST) & (given <= LARGEST))).all():
        raise ValueError(f"alpha must be 0 or lie between {SMALLEST:g} and {LARGEST:g}")
    above_zero = np.where(unmixed, 1.0, given)
    shape = float(above_zero[0]) + 1 if above_zero.size == 1 else above_zero + 1  # half the time
    weights = np.log(generator.standard_gamma(shape, size=(count, parents)))
    weights -= generator.standard_exponential((count, parents)) / above_zero
    weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.where(unmixed, np.eye(1, parents), weights) if unmixed.any() else weights


def beta_rows(alpha: float | Float64Array, count: int, generator: Randoms) -> Float64Array:
    """Draw float64 [count] from Beta(alpha, alpha), as exactly; alpha 0 gives 1."""
    return dirichlet_rows(alpha, count, 2, generator)[:, 0]


def in_steps(weights: Float64Array) -> Float32Array:
    """Move each weight to a multiple of 1/65536 near it, so that every row sums to exactly 1.

    Times a byte, such a weight fills at most the 24 bits that a float32 has: products and sums of
    them are exact in float32 and float64 alike, in any order.

    Args:
        weights: float64 [n, P], each row at least 0 and summing to 1 but for rounding.

    Returns:
        float32 [n, P], each weight at most 1/65536 from the one given; a weight of 0 stays 0.
    """
    ends = np.rint(np.cumsum(weights, axis=1) * STEPS)
    ends[:, -1] = STEPS
    return (np.diff(ends, axis=1, prepend=0) / STEPS).astype(np.float32)

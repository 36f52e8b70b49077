"""A few batches with fluctuating curvature and gradient, and means over their orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import fmpq

from theory.multiplicative import SampleQuadratics
from validation.evidence.subjects.protocol import FloatArray

__all__ = ["direction_losses", "drawn_orders", "fluctuations", "means_over_orders", "population"]


def population(steps: int) -> tuple[list[fmpq], list[fmpq]]:
    """Curvature and gradient fluctuations of M batches, whole numbers less their mean.

    Neither the variance nor the covariance is zero for 2 to 13 batches.
    """
    curvatures = [fmpq(k * k % 11 + k) for k in range(steps)]
    gradients = [fmpq(2 * (k * k % 11 + k) + k * k * k % 7) for k in range(steps)]
    return tuple(  # type: ignore[return-value]
        [v - sum(values, fmpq(0)) / steps for v in values] for values in (curvatures, gradients)
    )


def fluctuations(steps: int) -> tuple[FloatArray, FloatArray]:
    """The same in doubles."""
    a, g = (np.array([int(v.p) / int(v.q) for v in part]) for part in population(steps))
    return a, g


def direction_losses(slope: float, a: FloatArray, g: FloatArray) -> SampleQuadratics:
    """One quadratic loss per batch, of curvature slope + a and gradient g at the stationary point."""
    curvatures = slope + a
    return SampleQuadratics(
        factors=np.sqrt(np.abs(curvatures))[:, None, None], signs=np.sign(curvatures)[:, None],
        gradients=g[:, None], curvatures=np.array([slope]), directions=np.ones((1, 1)), minimum=np.zeros(1),
    )


def drawn_orders(count: int, rng: np.random.Generator, steps: int) -> Any:
    """Independent random orders of M batches. Shape (count, M)."""
    return rng.permuted(np.tile(np.arange(steps), (count, 1)), axis=1)


def means_over_orders(
    steps: int, start: tuple[Any, ...], step: Callable[[tuple[Any, ...], int], tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    r"""Means over all orders of the numbers after every set of batches, the sets by their bits.

    ``step`` takes the numbers before batch k to those after it and must be affine: then the mean after a
    set is the mean, over which of its batches came last, of that step from the mean after the others.
    All M! orders need :math:`M2^{M-1}` steps. Any numbers and matrices that can be divided by an integer.
    """
    table = [start]
    for chosen in range(1, 2**steps):
        last = [k for k in range(steps) if chosen >> k & 1]
        ends = [step(table[chosen ^ (1 << k)], k) for k in last]
        table.append(tuple(
            sum(parts[1:], parts[0]) / len(last) for parts in zip(*ends, strict=True)
        ))
    return table

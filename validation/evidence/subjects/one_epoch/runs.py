r"""Real permutations of a few batches, for which the second order is the whole mean.

Three batches with curvature fluctuations (a, 0, -a) and gradient fluctuations (g, 0, -g): the third order
vanishes by symmetry, and three steps have no fourth, so the formula is the mean of the simulated epoch
without truncation. In a flat direction their drift is the same for every order and shows nothing; there
four batches have fluctuations of two signs, small enough for the fourth order (1e-4 of the second).
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.subjects.batch_population import drawn_orders
from validation.evidence.subjects.defaults import generator, shifted
from validation.evidence.subjects.protocol import FloatArray, Replicas

__all__ = ["replicas"]

IndexArray = npt.NDArray[np.int64]

_REPLICAS = 400_000
_EPOCHS = 2
_ETA, _LAMBDA, _KAPPA, _FLAT = 0.5, 0.25, 0.5, 1e-9
_A, _G, _START = np.array([0.5, 0.0, -0.5]), np.array([0.25, 0.0, -0.25]), 0.5
_SMALL_A, _SMALL_G = np.array([1.0, -1.0, 1.0, -1.0]) / 100, np.array([3.0, -1.0, -1.0, -1.0]) / 4


def replicas(entry: Entry, formula: Formula, salt: int, share: int) -> Replicas:
    """One number per run of one epoch (of two, out of a saddle)."""
    rng = generator(entry, salt)
    count = _REPLICAS // share
    if entry.quantity == "saddle-escape-ratio":
        return _escape(formula, rng, count)
    slope, a, g = (_LAMBDA, _A, _G) if entry.exact else (_FLAT, _SMALL_A, _SMALL_G)
    steps = len(a)
    point: dict[str, Any] = {
        "learning_rate": _ETA, "curvature": slope, "steps_per_epoch": steps, "displacement": _START,
        "curvature_variance": float(np.mean(a**2)), "curvature_gradient_covariance": float(np.mean(a * g)),
    }
    predicted = float(formula.evaluate(**{s.name: point[s.name] for s in formula.parameters}))
    weight = entry.quantity == "epoch-regularizer-weight"
    start = 0.0 if weight else _START
    factors = 1 - _ETA * (slope + a)
    drawn = drawn_orders(count, rng, steps)
    every = np.array(list(permutations(range(steps))))  # the lowest end bounds every run

    def scaled(orders: IndexArray) -> FloatArray:
        moved = _ends(orders, factors, g, start) - (1 - _ETA * slope) ** steps * start
        scale = -_ETA**2 * point["curvature_gradient_covariance"] / (steps - 1) if weight else 1.0
        return np.asarray(moved / scale)

    return shifted(predicted, scaled(drawn), -float(scaled(every).min()))


def _ends(orders: IndexArray, factors: FloatArray, gradients: FloatArray, start: float) -> FloatArray:
    """Weight after the epoch, for each order. Shape (orders, M) to (orders,)."""
    weight = np.full(len(orders), start)
    for batch in orders.T:
        weight = factors[batch] * weight - _ETA * gradients[batch]
    return weight


def _escape(formula: Formula, rng: np.random.Generator, count: int) -> Replicas:
    steps = len(_G)
    point: dict[str, Any] = {
        "learning_rate": _ETA, "negative_curvature": _KAPPA, "steps_per_epoch": steps,
    }
    predicted = float(formula.evaluate(**{s.name: point[s.name] for s in formula.parameters}))
    p = 1 + _ETA * _KAPPA
    weight = np.zeros(count)
    for _ in range(_EPOCHS):
        orders = drawn_orders(count, rng, steps)
        weight = p**steps * weight + _ends(orders, np.full(steps, p), _G, 0.0)
    fresh = _ETA**2 * float(np.mean(_G**2)) * sum(p ** (2 * k) for k in range(_EPOCHS * steps))
    return Replicas(predicted=predicted, numbers=weight**2 / fresh)

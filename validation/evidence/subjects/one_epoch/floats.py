r"""The same quantities in doubles, by methods that share nothing.

The library's matrix functions over a population of batches; a list of all orders, evaluated on a circle of
:math:`\epsilon` and transformed; the sum over pairs of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np

from theory.one_epoch.epoch import Epoch
from theory.one_epoch.expected_map import expected_map
from theory.one_epoch.second_moment import end_of_epoch
from theory.optimizers import NumericRule
from validation.evidence.subjects.batch_population import direction_losses, fluctuations
from validation.evidence.subjects.protocol import FloatArray

__all__ = ["doubles"]

#: up to here all orders are listed
_MOST_LISTED = 6


def doubles(quantity: str, point: Mapping[str, Any]) -> Mapping[str, float]:
    """By name of the method; see the module."""
    at = {name: float(value) for name, value in point.items()}
    steps, eta = int(point["steps_per_epoch"]), at["learning_rate"]
    slope = -at["negative_curvature"] if "negative_curvature" in at else at.get("curvature", 0.0)
    name, other = ("all orders on a circle", _circle) if steps <= _MOST_LISTED else ("pairs of steps", _pairs)
    found = {
        "averages of batch Hessians": _averages(quantity, steps, eta, slope),
        name: other(quantity, steps, 1 - eta * slope, eta),
    }
    return {name: _combined(quantity, at, steps, eta, *pair) for name, pair in found.items()}


def _combined(
    quantity: str, at: Mapping[str, float], steps: int, eta: float, first: float, second: float
) -> float:
    if quantity == "saddle-escape-ratio":
        return first
    if quantity == "epoch-regularizer-weight":
        return -first * (steps - 1) / eta**2
    start = at["curvature_variance"] * at["displacement"]
    return at["curvature_gradient_covariance"] * first + start * second


def _epoch(steps: int, eta: float, slope: float, a: FloatArray, g: FloatArray) -> Epoch:
    rule = NumericRule(keep=np.ones((1, 1)), inject=np.array([-eta]), evaluate_at=np.ones(1))
    return Epoch(quadratics=direction_losses(slope, a, g), batch_sizes=(1,) * steps, rule=rule)


def _averages(quantity: str, steps: int, eta: float, slope: float) -> tuple[float, float]:
    """By the library's matrix functions."""
    a, g = fluctuations(steps)
    if quantity == "saddle-escape-ratio":
        epoch = _epoch(steps, eta, slope, 0 * a, g)
        whole, fresh = end_of_epoch(epoch), end_of_epoch(epoch, draws="batch")
        return float(whole.covariance[0, 0, 0, 0] / fresh.covariance[0, 0, 0, 0]), 0.0
    found = expected_map(_epoch(steps, eta, slope, a, g))
    return float(found.offset[0, 0] / np.mean(a * g)), float(found.matrix[0, 0, 0, 0] / np.mean(a * a))


def _circle(quantity: str, steps: int, p: float, eta: float) -> tuple[float, float]:
    """Coefficient of epsilon² of the mean over a list of all orders, from its values on a circle."""
    a, g = fluctuations(steps)
    orders = np.array(list(permutations(range(steps))))
    if quantity == "saddle-escape-ratio":
        ends = sum(g[orders[:, k]] * p ** (steps - 1 - k) for k in range(steps))
        return float(np.mean(ends**2) / (np.mean(g**2) * sum(p ** (2 * k) for k in range(steps)))), 0.0
    count = steps + 2
    roots = np.exp(2j * np.pi * np.arange(count) / count) / np.abs(eta * a).max()
    out = []
    for start, noise in ((0.0, g), (1.0, 0 * g)):
        state = np.full((count, len(orders)), start, dtype=np.complex128)
        for k in range(steps):
            push, bend = noise[orders[:, k]], a[orders[:, k]]
            state = (p - eta * roots[:, None] * bend) * state - eta * roots[:, None] * push
        out.append(float(np.mean(state.mean(axis=1) / roots**2).real))
    return out[0] / float(np.mean(a * g)), out[1] / float(np.mean(a * a))


def _pairs(quantity: str, steps: int, p: float, eta: float) -> tuple[float, float]:
    """A Toeplitz matrix of powers, summed."""
    responses = p ** np.arange(steps, dtype=np.float64)[::-1]
    if quantity == "saddle-escape-ratio":
        gaps = responses[:, None] - responses
        return float(np.sum(gaps**2) / 2 / ((steps - 1) * np.sum(responses**2))), 0.0
    k = np.arange(1, steps + 1)
    lag = k[:, None] - k - 1
    path = np.where(lag >= 0, responses[:, None] * p ** np.maximum(lag, 0), 0.0)
    scale = -(eta**2) / (steps - 1)
    return float(scale * path.sum()), float(scale * (path @ p ** (k - 1.0)).sum())

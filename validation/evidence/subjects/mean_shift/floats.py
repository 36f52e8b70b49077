r"""The shift of the mean in doubles, by methods that share nothing.

The library's responses of any rule over a population of one direction; all orders of a few batches, with
fluctuations of finite size on a circle of :math:`\epsilon`; pair by pair of steps for more batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np

from theory.closed_forms import Entry
from theory.multiplicative.mean_shift import mean_shift
from theory.optimizers import NumericRule
from validation.evidence.subjects.batch_population import direction_losses, fluctuations
from validation.evidence.subjects.protocol import FloatArray

__all__ = ["shifts"]

#: all orders are listed up to here, at so many points of the circle, whose radius is relative
_MOST_LISTED, _POINTS, _RADIUS = 5, 16, 0.02


def shifts(entry: Entry, point: Mapping[str, Any]) -> Mapping[str, float]:
    """By name of the method; see the module."""
    at = {name: float(value) for name, value in point.items()}
    steps = int(point["steps_per_epoch"])
    numeric = entry.rule.numeric(at)
    a, g = fluctuations(steps)
    scale = at["curvature_gradient_covariance"] / float(np.mean(a * g))
    repeats = entry.scheme.lasting == "run"
    found = {"responses over a population": _responses(entry, numeric, at["curvature"], a, g)}
    if steps <= _MOST_LISTED:
        found["all orders on a circle"] = _circle(numeric, at["curvature"], a, g, repeats)
    else:
        found["pairs of steps"] = float(np.mean(a * g)) * _pairs(numeric, at["curvature"], steps, repeats)
    return {name: scale * value for name, value in found.items()}


def _responses(entry: Entry, numeric: NumericRule, slope: float, a: FloatArray, g: FloatArray) -> float:
    return float(mean_shift(direction_losses(slope, a, g), numeric, entry.scheme, 1).values[0])


def _circle(numeric: NumericRule, slope: float, a: FloatArray, g: FloatArray, repeats: bool) -> float:
    """Coefficient of epsilon² of the mean: affine maps averaged over orders, or solved one by one."""
    bend = np.outer(numeric.inject, numeric.evaluate_at)
    n, steps = len(numeric.inject), len(a)
    orders = np.array(list(permutations(range(steps))))
    size = _RADIUS / np.abs(a).max()
    total = 0j
    for root in size * np.exp(2j * np.pi * np.arange(_POINTS) / _POINTS):
        maps = np.broadcast_to(np.eye(n), (len(orders), n, n))
        kicks = np.zeros((len(orders), n, 1))
        sums = [np.zeros_like(maps), np.zeros_like(kicks)]
        for batch in orders.T:
            step = numeric.keep + (slope + root * a[batch])[:, None, None] * bend
            kick = root * g[batch][:, None, None] * numeric.inject[:, None]
            maps, kicks = step @ maps, step @ kicks + kick
            sums = [sums[0] + maps, sums[1] + kicks]
        if repeats:
            start = np.linalg.solve(np.eye(n) - maps, kicks)
        else:
            start = np.linalg.solve(np.eye(n) - maps.mean(axis=0), kicks.mean(axis=0))
        total += np.mean((sums[0] @ start + sums[1])[:, 0, 0]) / steps / root**2
    return float(total.real / _POINTS)


def _pairs(numeric: NumericRule, slope: float, steps: int, repeats: bool) -> float:
    """Per covariance: every response of every later step to every earlier one, on a long list."""
    step = numeric.transitions(slope)
    responses = [numeric.inject]
    while len(responses) < steps or float(np.abs(responses[-1]).max()) > 1e-20:
        responses.append(step @ responses[-1])
    seen = np.array(responses) @ numeric.evaluate_at
    lags = 1 + np.arange(len(seen))
    if repeats:
        weight = np.where(lags % steps == 0, 1.0, -1 / (steps - 1))
    else:
        weight = -np.clip(steps - lags, 0, None) / (steps * (steps - 1))
    settled = float(np.sum(np.array(responses)[:, 0]))
    return settled * float(weight @ seen)

r"""Runs over many epochs with really drawn orders of a few batches, less their linear response.

Five batches, whose fluctuations of curvature and gradient are odd together: odd orders vanish by symmetry,
and the fourth is about :math:`(\eta a)^2` of the second. Every run carries a second state with the same
orders and a curvature that does not fluctuate, whose mean is exactly zero; their difference is small and so
is its scatter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.subjects.batch_population import drawn_orders
from validation.evidence.subjects.defaults import generator, shifted
from validation.evidence.subjects.protocol import FloatArray, Replicas

__all__ = ["replicas"]

_REPLICAS = 40_000
_BURN_IN, _MEASURED = 40, 30
_SIZE_A, _SIZE_G = 1 / 256, 1 / 4
_A, _G = _SIZE_A * np.array([2.0, 1.0, 0.0, -1.0, -2.0]), _SIZE_G * np.array([2.0, -1.0, 0.0, 1.0, -2.0])
_POINT: dict[str, Any] = {
    "learning_rate": 0.5, "momentum": 0.5, "curvature": 0.25, "steps_per_epoch": 5,
    "curvature_gradient_covariance": float(np.mean(_A * _G)),
}
#: four batches for a flat direction, whose third order vanishes as well: the curvatures have one square
_FLAT_A, _FLAT_G = np.array([1.0, -1.0, 1.0, -1.0]) / 256, np.array([3.0, -1.0, -1.0, -1.0]) / 4
_FLAT_BURN_IN = 6
#: no average over epochs falls below this many times the prediction
_LOWEST = 40.0


def replicas(entry: Entry, formula: Formula, salt: int, share: int) -> Replicas:
    """One average over the measured epochs per run (over one cycle where the order repeats)."""
    rng, count, repeats = generator(entry, salt), _REPLICAS // share, entry.scheme.lasting == "run"
    if not entry.exact:
        return _flat(entry, formula, rng, count)
    predicted = float(formula.evaluate(**{s.name: _POINT[s.name] for s in formula.parameters}))
    numeric = entry.rule.numeric(_POINT)
    # states of both: with the fluctuating curvature, and with its mean
    state = np.zeros((2, count, len(numeric.inject)))
    bends = np.array([1.0, 0.0])[:, None]
    total: FloatArray = np.zeros(count)
    orders = drawn_orders(count, rng, len(_A))
    measured = 1 if repeats else _MEASURED
    for epoch in range(_BURN_IN + measured):
        if not repeats:
            orders = drawn_orders(count, rng, len(_A))
        for batch in orders.T:
            force = _G[batch] + (_POINT["curvature"] + bends * _A[batch]) * (state @ numeric.evaluate_at)
            state = state @ numeric.keep.T + force[..., None] * numeric.inject
            if epoch >= _BURN_IN:
                total += state[0, :, 0] - state[1, :, 0]
    return shifted(predicted, total / (measured * len(_A)), _LOWEST * abs(predicted))


def _flat(entry: Entry, formula: Formula, rng: np.random.Generator, count: int) -> Replicas:
    r"""Where the drift at zero curvature balances the pull of a small one.

    Heavy ball moves by :math:`-\frac{\eta M}{1-\beta}\lambda\mu` per epoch under the curvature; the drift of
    a run without it, times the inverse of that, is one number. Here the shift has no scale of its own.
    """
    steps = len(_FLAT_A)
    point = {
        **_POINT, "steps_per_epoch": steps,
        "curvature_gradient_covariance": float(np.mean(_FLAT_A * _FLAT_G)),
    }
    predicted = float(formula.evaluate(**{s.name: point[s.name] for s in formula.parameters}))
    numeric = entry.rule.numeric(point)
    state = np.zeros((count, len(numeric.inject)))
    bare = np.zeros_like(state)  # the same orders without fluctuating curvature: no drift
    start: FloatArray = np.zeros(count)
    for epoch in range(_FLAT_BURN_IN + _MEASURED):
        if epoch == _FLAT_BURN_IN:
            start = state[:, 0] - bare[:, 0]
        for batch in drawn_orders(count, rng, steps).T:
            force = _FLAT_G[batch] + _FLAT_A[batch] * (state @ numeric.evaluate_at)
            state = state @ numeric.keep.T + force[:, None] * numeric.inject
            bare = bare @ numeric.keep.T + np.multiply.outer(_FLAT_G[batch], numeric.inject)
    drift = (state[:, 0] - bare[:, 0] - start) / _MEASURED
    pull = point["learning_rate"] * steps / (1 - point["momentum"]) * point["curvature"]
    return shifted(predicted, drift / pull, _LOWEST * abs(predicted))

"""One epoch without replacement: the theory against all permutations, real data, and runs from a saddle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from theory.closed_forms import formula_by_slug
from theory.one_epoch import (
    Epoch,
    expected_drift,
    quadratics_at_stationary_point,
    regularizer,
    regularizer_weights,
    saddle_escape,
)
from theory.optimizers import sgd
from theory.sampling import reshuffled
from validation.compare import Comparison, compare
from validation.data import load_data
from validation.regression import FloatArray, Regression
from validation.trajectory import trajectory

__all__ = [
    "BATCHES", "PERMUTATIONS", "DriftOnData", "OneEpoch", "Saddle", "Weights", "one_epoch_record",
    "run_one_epoch",
]

#: batches of an epoch; all their orders are listed
BATCHES = 7
#: fluctuations at which the weights are read off; what is left is their square
_SMALL = 1e-3
PERMUTATIONS, _CHUNK = 200_000, 20_000
_STABILITY, _BATCH_SIZE = 0.5, 13
_ESCAPES, _EPOCHS = 20_000, 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    r"""Weights of a direction in the regularizer: by theory, and from every order of the batches.

    With the averages over the M batches, the drift is
    :math:`-\frac{\eta^2}{M-1}(s\,\overline{A\xi}+w\,\overline{A^2}\,\delta)`.
    Columns s and w, shape (points, 2).
    """

    stability: FloatArray
    theory: FloatArray
    listed: FloatArray

    @property
    def deviation(self) -> float:
        """Largest difference, relative to the largest weight."""
        return float(np.abs(self.listed - self.theory).max() / np.abs(self.theory).max())


@dataclass(frozen=True, kw_only=True, eq=False)
class DriftOnData:
    """Expected weights after one epoch minus gradient descent, beside drawn permutations. Shapes (d,).

    ``from_regularizer`` is the downhill step on the quadratic of the second order.
    """

    curvatures: FloatArray
    predicted: FloatArray
    neglected: FloatArray
    from_regularizer: FloatArray
    measured: FloatArray
    standard_error: FloatArray
    threshold: float

    @property
    def z(self) -> FloatArray:
        """Difference in standard errors, those of the neglected orders included."""
        out: FloatArray = (self.measured - self.predicted) / np.hypot(self.standard_error, self.neglected / 3)
        return out

    @property
    def alarms(self) -> int:
        """Directions whose deviation is not chance."""
        return int((~(np.abs(self.z) <= self.threshold)).sum())

    @property
    def seen(self) -> int:
        """Directions in which no drift at all is refuted: the negative control."""
        return int((np.abs(self.measured / self.standard_error) > self.threshold).sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Saddle:
    """Mean-square displacement from a saddle, reshuffled over fresh batches."""

    growth: FloatArray
    formula: FloatArray
    exact: FloatArray
    comparison: Comparison


@dataclass(frozen=True, kw_only=True, eq=False)
class OneEpoch:
    """All three."""

    weights: Weights
    drift: DriftOnData
    saddle: Saddle


def run_one_epoch(seed: int) -> OneEpoch:
    """Compute and draw."""
    rng = np.random.default_rng(seed)
    return OneEpoch(weights=_weights(rng), drift=_drift(rng), saddle=_saddle(rng))


def _population(rng: np.random.Generator, size: int) -> tuple[FloatArray, FloatArray]:
    """Fluctuations of curvature and gradient, of mean zero, with a covariance."""
    a = rng.standard_normal(size)
    xi = 0.6 * a + rng.standard_normal(size)
    return a - a.mean(), xi - xi.mean()


def _weights(rng: np.random.Generator) -> Weights:
    """The weights read off the mean over all orders, at the stationary point and beside it."""
    a, xi = _population(rng, BATCHES)
    orders = np.array(list(permutations(range(BATCHES))))
    stability, eta = np.linspace(-0.55, 1.95, 26), {"learning_rate": 1.0}
    theory, listed = [], []
    for x in stability:
        curvatures = (x + _SMALL * a)[:, None, None]
        quadratics = quadratics_at_stationary_point(curvatures, _SMALL * xi[:, None])
        batches = Epoch.of_samples(quadratics, sgd(), eta, batch_size=1)
        theory.append([float(part[0]) for part in regularizer_weights(batches)])
        at_rest, beside = (_mean_end(orders, float(x), a, xi, start) for start in (0.0, 1.0))
        beside -= (1 - x) ** BATCHES
        factor = -(BATCHES - 1) / _SMALL**2
        listed.append([factor * at_rest / np.mean(a * xi), factor * (beside - at_rest) / np.mean(a**2)])
    return Weights(stability=stability, theory=np.array(theory), listed=np.array(listed))


def _mean_end(orders: Any, x: float, a: FloatArray, xi: FloatArray, start: float) -> float:
    """Mean weight at the end of the epoch over all orders; what is odd in the fluctuations cancels."""
    total = 0.0
    for size in (_SMALL, -_SMALL):
        at = np.full(len(orders), start)
        for column in orders.T:
            at = at - (x + size * a[column]) * at - size * xi[column]
        total += float(at.mean()) / 2
    return total


def _drift(rng: np.random.Generator) -> DriftOnData:
    """Diabetes, standardised, from two standard deviations of the features' weights off the minimum."""
    from scipy import stats

    data = load_data("diabetes", intercept=False)
    x = (data.features - data.features.mean(axis=0)) / data.features.std(axis=0)
    y = (data.targets - data.targets.mean()) / data.targets.std()
    problem = Regression(features=x, targets=y)
    values = {"learning_rate": _STABILITY / float(problem.curvatures[0])}
    epoch = Epoch.of_samples(problem.quadratics, sgd(), values, batch_size=_BATCH_SIZE)
    start = np.full(problem.dimension, 0.1)
    found, quadratic = expected_drift(epoch, start), regularizer(epoch)
    sizes = reshuffled().batch_sizes(problem.samples, _BATCH_SIZE)
    descent = (1 - values["learning_rate"] * problem.curvatures) ** len(sizes) * start
    ends = []
    for _ in range(PERMUTATIONS // _CHUNK):
        drawn = np.argsort(rng.random((_CHUNK, problem.samples)), axis=1)[:, None]
        path = trajectory(
            problem, sgd(), drawn, batch_sizes=sizes, hyperparameters=values,
            start=problem.minimum + problem.directions @ start,
        )
        ends.append((path[:, -1] - problem.minimum) @ problem.directions - descent)
    moved = np.concatenate(ends)
    return DriftOnData(
        curvatures=problem.curvatures, predicted=(found.second + found.third)[0],
        neglected=found.neglected[0], from_regularizer=-quadratic.gradient(start),
        measured=moved.mean(axis=0), standard_error=moved.std(axis=0, ddof=1) / math.sqrt(len(moved)),
        threshold=float(stats.norm.isf(1e-6 / (2 * problem.dimension))),
    )


def _saddle(rng: np.random.Generator) -> Saddle:
    """Batches of one negative curvature and different gradients, reshuffled, some epochs from the saddle."""
    _, xi = _population(rng, BATCHES)
    growth = np.linspace(0.01, 0.8, 12)  # learning rate times minus the curvature
    formula = formula_by_slug("saddle-escape-ratio").evaluate(
        learning_rate=1.0, negative_curvature=growth, steps_per_epoch=BATCHES
    )
    exact, squares = [], []
    for y in growth:
        same = np.full(BATCHES, -y)
        found = saddle_escape(same, xi, 1.0, epochs=_EPOCHS)
        exact.append(found.ratio)
        at = np.zeros(_ESCAPES)
        for _ in range(_EPOCHS):
            orders = np.argsort(rng.random((_ESCAPES, BATCHES)), axis=1)
            for k in range(BATCHES):
                at = (1 + y) * at - xi[orders[:, k]]
        squares.append(at**2 / found.fresh)
    comparison = compare(
        np.asarray(formula), np.array(squares).T, labels=[f"{y:.2f}" for y in growth], resolution=0.1
    )
    return Saddle(growth=growth, formula=np.asarray(formula), exact=np.array(exact), comparison=comparison)


def one_epoch_record(found: OneEpoch) -> dict[str, Any]:
    """For ``results.json``."""
    from validation.report.verdict import comparison_record

    drift = found.drift
    return {
        "batches": BATCHES, "permutations_listed": math.factorial(BATCHES),
        "weights": {
            "stability": found.weights.stability.tolist(), "theory": found.weights.theory.tolist(),
            "listed": found.weights.listed.tolist(), "largest_deviation": found.weights.deviation,
        },
        "drift": {
            "data": "diabetes", "permutations": PERMUTATIONS, "curvatures": drift.curvatures.tolist(),
            "predicted": drift.predicted.tolist(), "neglected": drift.neglected.tolist(),
            "from_regularizer": drift.from_regularizer.tolist(), "measured": drift.measured.tolist(),
            "standard_error": drift.standard_error.tolist(), "z": drift.z.tolist(),
            "alarms": drift.alarms, "directions_where_no_drift_is_refuted": drift.seen,
        },
        "saddle": {
            "growth": found.saddle.growth.tolist(), "formula": found.saddle.formula.tolist(),
            "exact": found.saddle.exact.tolist(), **comparison_record(found.saddle.comparison),
        },
    }

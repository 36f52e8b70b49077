"""The expected drift of one epoch on real data, beside drawn permutations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory.one_epoch import Epoch, expected_drift, regularizer
from theory.optimizers import sgd
from theory.sampling import reshuffled
from validation.data import load_data
from validation.regression import FloatArray, Regression
from validation.trajectory import trajectory

__all__ = ["DriftOnData", "drift_on_data"]

_CHUNK = 20_000
#: learning rate times the largest curvature, and the batch size
_STABILITY, _BATCH_SIZE = 0.5, 13


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


def drift_on_data(permutations: int, rng: np.random.Generator) -> DriftOnData:
    """Diabetes, standardised, plain SGD, from 0.1 off the minimum in every direction."""
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
    for _ in range(permutations // _CHUNK):
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

"""Weights of the regularizer of one epoch: by theory, and by listing every order of the batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from theory.one_epoch import Epoch, quadratics_at_stationary_point, regularizer_weights
from theory.optimizers import sgd
from validation.regression import FloatArray

__all__ = ["Weights", "listed_weights", "population"]

#: fluctuations at which the weights are read off; what is left is their square
_SMALL = 1e-3


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


def population(rng: np.random.Generator, size: int) -> tuple[FloatArray, FloatArray]:
    """Fluctuations of curvature and gradient, of mean zero, with a covariance."""
    a = rng.standard_normal(size)
    xi = 0.6 * a + rng.standard_normal(size)
    return a - a.mean(), xi - xi.mean()


def listed_weights(batches: int, rng: np.random.Generator) -> Weights:
    """Read off the mean over all orders of some batches, at the stationary point and beside it."""
    a, xi = population(rng, batches)
    orders = np.array(list(permutations(range(batches))))
    stability, eta = np.linspace(-0.55, 1.95, 26), {"learning_rate": 1.0}
    theory, listed = [], []
    for x in stability:
        curvatures = (x + _SMALL * a)[:, None, None]
        quadratics = quadratics_at_stationary_point(curvatures, _SMALL * xi[:, None])
        epoch = Epoch.of_samples(quadratics, sgd(), eta, batch_size=1)
        theory.append([float(part[0]) for part in regularizer_weights(epoch)])
        at_rest, beside = (_mean_end(orders, float(x), a, xi, start) for start in (0.0, 1.0))
        beside -= (1 - x) ** batches
        factor = -(batches - 1) / _SMALL**2
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

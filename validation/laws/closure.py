"""The two closures for a fresh permutation in every epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.multiplicative.averaged_closure import MOST_LAGS, AveragedClosure
from theory.multiplicative.closure import Closure
from theory.multiplicative.mean_shift import shift_size
from theory.multiplicative.quadratics import FloatArray
from validation.laws.law import Run, WeightLaw

__all__ = ["AveragedClosureMethod", "ClosureMethod"]


@dataclass(frozen=True)
class ClosureMethod:
    r"""By position, consistent to second order in the fluctuations of the batches.

    Its error estimate :math:`\frac12\epsilon^2` holds where anti-correlations do not lower the variance.
    Where they do, by a factor a, what is left out need not cancel as well: measured on small random
    regressions, the error is at most :math:`0.26\,\epsilon^2\sqrt a`, so the estimate is multiplied by
    :math:`\sqrt a`.
    """

    name: str = "closure"
    order: str = "second order in the fluctuations, self-consistent, by position in the epoch"

    def covers(self, run: Run) -> bool:
        return run.scheme.lasting == "epoch"

    def cost(self, run: Run) -> float:
        (n, r, d), m = run.problem.factors.shape, len(run.sizes)
        samples = 3.0 * n * r * r * d * d * m * m
        per_iteration = samples + (d * m) ** 3 + 4.0 * n * r**3 * m**3
        return float(8 * per_iteration + 2.0 * m * m * d**4 + 2.0 * n * (d * m) ** 2)

    def memory(self, run: Run) -> float:
        """Bytes at the peak, roughly."""
        return 8.0 * 20 * (run.problem.dimension * len(run.sizes)) ** 2

    def solve(self, run: Run) -> WeightLaw:
        found = Closure(run.problem, run.numeric, run.sizes).solve()
        lowered = np.sqrt(_lowering(run, np.diag(found.covariance), found.noise_autocovariance[0]))
        return WeightLaw(
            method=self.name, order=self.order, covariance=found.covariance, mean=found.mean,
            velocity_variances=np.diag(found.velocity_second_moment).copy(),
            relative_error_estimate=found.relative_error_estimate * lowered,
            mean_error_estimate=found.mean_error_estimate,
            figures={
                "iterations": found.iterations, "contraction": found.contraction,
                "third_share": found.third_share,
            },
            noise_autocovariance=found.noise_autocovariance,
        )


@dataclass(frozen=True)
class AveragedClosureMethod:
    """Averaged over the position: for long epochs and many samples."""

    name: str = "averaged-closure"
    order: str = "first order in the fluctuations, self-consistent, averaged over the epoch"

    def covers(self, run: Run) -> bool:
        return run.scheme.lasting == "epoch"

    def cost(self, run: Run) -> float:
        n, r, d = run.problem.factors.shape
        return float(8.0 * min(MOST_LAGS, len(run.sizes)) * n * r * r * d * d + n * r * d**3)

    def solve(self, run: Run) -> WeightLaw:
        found = AveragedClosure(run.problem, run.numeric, run.sizes).solve()
        error = found.relative_error_estimate
        return WeightLaw(
            method=self.name, order=self.order, covariance=found.covariance, mean=found.mean,
            velocity_variances=found.velocity_variances, relative_error_estimate=error,
            mean_error_estimate=shift_size(found.mean, found.covariance) * float(error.max(initial=0.0)),
            figures={"iterations": found.iterations, "contraction": found.contraction},
            noise_autocovariance=found.noise_autocovariance,
        )


def _lowering(run: Run, variances: FloatArray, noise: FloatArray) -> FloatArray:
    r"""Variance of the same noise without correlations, over the variance; at least 1. Shape (d,)."""
    inject, at = run.numeric.inject, run.numeric.evaluate_at
    drift = run.numeric.keep + run.problem.curvatures[:, None, None] * np.outer(inject, at)
    n, out = len(inject), np.ones(len(variances))
    for i in np.flatnonzero((variances > 0) & (noise > 0)):
        white = np.linalg.solve(np.eye(n * n) - np.kron(drift[i], drift[i]), np.kron(inject, inject))
        out[i] = max(1.0, white[0] * noise[i] / variances[i])
    return out

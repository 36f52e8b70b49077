"""The two closures for a fresh permutation in every epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.multiplicative.averaged_closure import MOST_LAGS, AveragedClosure
from theory.multiplicative.closure import Closure
from theory.multiplicative.mean_shift import shift_size
from validation.laws.law import Run, WeightLaw

__all__ = ["AveragedClosureMethod", "ClosureMethod"]

#: measured on one core of 2.6 GHz with AVX-512 (2026), seconds: per form of a sample, and of its own; per
#: product of responses, per second moment, and for calls. Within a factor 1.25 on a dozen shapes.
_FORM, _SAMPLE, _RESPONSE, _MOMENT, _CALL = 9.8e-10, 5.5e-8, 4.3e-11, 5.2e-7, 0.012
#: multiplications a second of the averaged closure
_AVERAGED = 1e10


@dataclass(frozen=True)
class ClosureMethod:
    """By position, consistent to second order in the fluctuations of the batches."""

    name: str = "closure"
    order: str = "second order in the fluctuations, self-consistent, by position in the epoch"

    def covers(self, run: Run) -> bool:
        return run.scheme.lasting == "epoch"

    def cost(self, run: Run) -> float:
        (n, r, d), m = run.problem.factors.shape, len(run.sizes)
        forms = d * (d + 1) / 2 if r == 1 else r * r * d * d
        moments = float(d * m) ** 2
        samples = n * (_FORM * forms * m * (m + 1) / 2 + _SAMPLE * r**3 * m * m)
        return float(samples + _RESPONSE * moments**1.5 + _MOMENT * moments + _CALL)

    def memory(self, run: Run) -> float:
        """Bytes at the peak, roughly."""
        return 8.0 * 11 * (run.problem.dimension * len(run.sizes)) ** 2

    def solve(self, run: Run) -> WeightLaw:
        found = Closure(run.problem, run.numeric, run.sizes).solve()
        return WeightLaw(
            method=self.name, order=self.order, covariance=found.covariance, mean=found.mean,
            velocity_variances=np.diag(found.velocity_second_moment).copy(),
            relative_error_estimate=found.relative_error_estimate,
            mean_error_estimate=found.mean_error_estimate,
            figures={
                "iterations": found.iterations, "contraction": found.contraction,
                "third_share": found.third_share, "fourth_share": float(found.fourth_share.max(initial=0.0)),
                "nominal_seconds": self.cost(run),
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
        return float(8 * min(MOST_LAGS, len(run.sizes)) * n * r * r * d * d + n * r * d**3) / _AVERAGED

    def solve(self, run: Run) -> WeightLaw:
        found = AveragedClosure(run.problem, run.numeric, run.sizes).solve()
        error = found.relative_error_estimate
        return WeightLaw(
            method=self.name, order=self.order, covariance=found.covariance, mean=found.mean,
            velocity_variances=found.velocity_variances, relative_error_estimate=error,
            mean_error_estimate=2 * shift_size(found.mean, found.covariance) * float(error.max(initial=0.0)),
            figures={
                "iterations": found.iterations, "contraction": found.contraction,
                "nominal_seconds": self.cost(run),
            },
            noise_autocovariance=found.noise_autocovariance,
        )

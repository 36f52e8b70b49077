"""Independent steps: the second moment obeys an exact linear equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validation.laws.law import Run, WeightLaw

__all__ = ["IndependentStepsMethod"]

#: products with the second-moment map that a solution takes
_PRODUCTS = 30
#: multiplications a second of one core of 2.6 GHz with AVX-512 (2026), in large matrix products
_SPEED = 4e10


@dataclass(frozen=True)
class IndependentStepsMethod:
    """Fresh batches and draws with replacement, by a Krylov solver."""

    name: str = "exact"
    order: str = "exact: independent steps close on mean and second moment"

    def covers(self, run: Run) -> bool:
        return run.scheme.lasting in ("sample", "batch")

    def cost(self, run: Run) -> float:
        n, r, d = run.problem.factors.shape
        state = len(run.numeric.inject) * d
        return float(_PRODUCTS * (2 * n * r * r * d * d + 4 * state**2 * d) / _SPEED)

    def solve(self, run: Run) -> WeightLaw:
        from theory.multiplicative.independent import stationary_moments
        from theory.multiplicative.independent_steps import IndependentSteps

        found = stationary_moments(
            IndependentSteps(
                quadratics=run.problem, rule=run.rule, scheme=run.scheme, batch_size=run.batch_size,
                hyperparameters=run.hyperparameters,
            )
        )
        d = run.problem.dimension
        noise = np.zeros((len(run.sizes), d))
        noise[0] = np.diag(found.noise)
        error = found.residual / (1 - found.feedback) + 1e-12
        return WeightLaw(
            method=self.name, order=self.order, covariance=found.weights, mean=np.zeros(d),
            velocity_variances=np.diag(found.velocities).copy(),
            relative_error_estimate=np.where(np.diag(found.weights) > 0, error, 0.0),
            mean_error_estimate=np.zeros(d),
            figures={
                "iterations": found.iterations, "feedback": found.feedback, "nominal_seconds": self.cost(run),
            },
            noise_autocovariance=noise,
        )

"""Sampled permutations: the averaged epoch map, right at any learning rate below the limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validation.laws.law import Run, WeightLaw

__all__ = ["EpochMapMethod"]

#: three standard errors are within the accuracy
_SIGMAS = 3.0


@dataclass(frozen=True)
class EpochMapMethod:
    """Average over permutations; also for one permutation that repeats."""

    name: str = "averaged-epoch-map"
    order: str = "exact but for the sampling of permutations"

    def covers(self, run: Run) -> bool:
        return run.scheme.lasting in ("epoch", "run") and run.scheme.draw_epoch is None

    def cost(self, run: Run) -> float:
        n, r, d = run.problem.factors.shape
        state = len(run.numeric.inject) * d
        return float(512.0 * 12 * n * r * d * state)

    def solve(self, run: Run) -> WeightLaw:
        from validation.epoch_map import averaged_epoch_map

        found = averaged_epoch_map(
            run.problem, run.rule, run.scheme, batch_size=run.batch_size,
            hyperparameters=run.hyperparameters, standard_error=run.accuracy / _SIGMAS, seed=run.seed,
            max_seconds=run.seconds, progress=run.progress,
        )
        return WeightLaw(
            method=self.name, order=self.order, covariance=found.covariance, mean=found.mean,
            velocity_variances=np.diag(found.velocity).copy(),
            relative_error_estimate=_SIGMAS * found.relative_standard_error,
            mean_error_estimate=_SIGMAS * found.mean_standard_error,
            figures={
                "permutations": found.permutations, "spectral_radius": found.spectral_radius,
                "seed": found.seed,
            },
        )

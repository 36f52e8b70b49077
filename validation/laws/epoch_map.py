"""Sampled permutations: the averaged epoch map, right at any learning rate below the limit."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from validation.laws.law import Run, WeightLaw

__all__ = ["EpochMapMethod"]

#: three standard errors are within the accuracy
_SIGMAS = 3.0
#: permutations of the pilot, and the fewest whose scatter is worth an error estimate
_PILOT, _FEWEST = 512, 256
#: both phases, the control variate and the influences, in units of forming the maps
_PHASES = 3.0
#: products with all maps that the equations of a large state take, and multiplications a second
_PRODUCTS, _SPEED = 100.0, 1.5e10
#: state size up to which they are solved as a matrix
_DENSE = 32


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
        return float(_PILOT * 12 * n * r * d * state)

    def seconds_each(self, run: Run) -> float:
        """Time per permutation, from the clock: a few maps are formed and thrown away."""
        from validation.epoch_map.average import identity_columns
        from validation.epoch_map.system import EpochSystem

        system = EpochSystem.of(
            run.problem, run.rule, run.scheme, batch_size=run.batch_size,
            hyperparameters=run.hyperparameters,
        )
        start, few, spent = identity_columns(system), 2, 0.0
        system.propagate(system.indices(run.seed, 0, few), start)  # compiles, or loads what is compiled
        while spent < 0.02 and few <= _PILOT:
            begun = time.monotonic()
            system.propagate(system.indices(run.seed, 0, few), start)
            spent, few = time.monotonic() - begun, 4 * few
        state = start.shape[3] - 1
        solving = 4 * _PRODUCTS * state**3 / _SPEED if state > _DENSE else 0.0
        return _PHASES * spent / (few // 4) + solving

    def affordable(self, run: Run) -> int | None:
        """Permutations the time allows; None if for a pilot and more, so that the error decides."""
        count = int(run.seconds / max(self.seconds_each(run), 1e-9))
        return None if count >= 2 * _PILOT else count

    def fits(self, run: Run) -> bool:
        """Whether enough of them can be drawn in the time for an error estimate."""
        if self.cost(run) > 1e12 * run.seconds:  # not even a few of them
            return False
        count = self.affordable(run)
        return count is None or count >= _FEWEST

    def solve(self, run: Run) -> WeightLaw:
        from validation.epoch_map import averaged_epoch_map

        count = self.affordable(run)
        found = averaged_epoch_map(
            run.problem, run.rule, run.scheme, batch_size=run.batch_size,
            hyperparameters=run.hyperparameters, standard_error=run.accuracy / _SIGMAS, seed=run.seed,
            permutations=None if count is None else max(count, 32),
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

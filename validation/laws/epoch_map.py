"""Sampled permutations: the averaged epoch map, right at any learning rate below the limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from validation.laws.law import Run, WeightLaw

if TYPE_CHECKING:
    from validation.epoch_map.cost import EpochCost

__all__ = ["EpochMapMethod"]

#: three standard errors are within the accuracy
_SIGMAS = 3.0
#: the fewest permutations whose scatter is worth an error estimate, and that answer whoever insists
_FEWEST, _LEAST = 256, 32
#: the most, and bytes of maps that may be kept
_MOST, _MEMORY = 1_000_000, 2_000_000_000


@dataclass(frozen=True)
class EpochMapMethod:
    """Average over permutations; also for one permutation that repeats.

    How many is settled by counting operations, not by the clock: the seed alone fixes the result.
    """

    name: str = "averaged-epoch-map"
    order: str = "exact but for the sampling of permutations"

    def covers(self, run: Run) -> bool:
        return run.scheme.lasting in ("epoch", "run") and run.scheme.draw_epoch is None

    def cost(self, run: Run) -> float:
        cost = _cost(run)
        return cost.fixed + _FEWEST * cost.each

    def affordable(self, run: Run) -> int:
        """Permutations that the nominal time and the memory allow in one sample."""
        state = len(run.numeric.inject) * run.problem.dimension
        return min(_cost(run).affordable(run.seconds), _MEMORY // (16 * state**2))

    def fits(self, run: Run) -> bool:
        """Whether enough of them can be drawn in the time for an error estimate."""
        return self.affordable(run) >= _FEWEST

    def solve(self, run: Run) -> WeightLaw:
        """From a pilot and as many more as the accuracy needs, or else from what the time allows."""
        from validation.epoch_map import averaged_epoch_map
        from validation.epoch_map.averaged import PILOT

        cost = _cost(run)
        most = cost.affordable(run.seconds - cost.fixed) - PILOT  # besides a pilot
        found = averaged_epoch_map(
            run.problem, run.rule, run.scheme, batch_size=run.batch_size,
            hyperparameters=run.hyperparameters, standard_error=run.accuracy / _SIGMAS, seed=run.seed,
            permutations=None if most >= PILOT else max(self.affordable(run), _LEAST),
            max_permutations=min(max(most, PILOT), _MOST), memory_bytes=_MEMORY, progress=run.progress,
        )
        return WeightLaw(
            method=self.name, order=self.order, covariance=found.covariance, mean=found.mean,
            velocity_variances=np.diag(found.velocity).copy(),
            relative_error_estimate=_SIGMAS * found.relative_standard_error,
            mean_error_estimate=_SIGMAS * found.mean_standard_error,
            figures={
                "permutations": found.permutations, "spectral_radius": found.spectral_radius,
                "seed": found.seed, "nominal_seconds": cost.fixed + found.permutations * cost.each,
            },
        )


def _cost(run: Run) -> EpochCost:
    """Nominal cost of its permutations."""
    from validation.epoch_map.cost import epoch_cost

    n, r, d = run.problem.factors.shape
    return epoch_cost(
        samples=n, rank=r, dimension=d, entries=len(run.numeric.inject), sizes=run.sizes,
        once=run.scheme.lasting == "run",
    )

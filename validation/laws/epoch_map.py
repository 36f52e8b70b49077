"""Sampled permutations: the averaged epoch map, right at any learning rate below the limit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from validation.laws.law import Run, WeightLaw

if TYPE_CHECKING:
    from validation.epoch_map.cost import EpochCost

__all__ = ["EpochMapMethod"]

#: three standard errors are within the accuracy
_SIGMAS = 3.0
#: share of the accuracy that is drawn for: what comes out scatters
_MARGIN = 0.95
#: the fewest permutations whose scatter is worth an error estimate, and that answer whoever insists
_FEWEST, _LEAST = 256, 32
#: the most, and bytes of maps that may be kept
_MOST, _MEMORY = 1_000_000, 2_000_000_000
#: samples whose orders are few enough to take all of them, and what rounding may leave then
_ENUMERATED, _ROUNDING = 7, 1e-9


@dataclass(frozen=True)
class EpochMapMethod:
    """Average over permutations, all of them for a few samples; also for one permutation that repeats.

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

    def enumerates(self, run: Run) -> bool:
        """Whether all orders of the samples are so few that none need be drawn."""
        return run.problem.samples <= _ENUMERATED

    def solve(self, run: Run) -> WeightLaw:
        """From all orders of a few samples; else from a pilot and what the accuracy needs or time allows."""
        from validation.epoch_map import averaged_epoch_map
        from validation.epoch_map.averaged import PILOT

        cost, every = _cost(run), None
        if self.enumerates(run):
            every = np.array(list(permutations(range(run.problem.samples))))[:, : sum(run.sizes)]
        most = cost.affordable(run.seconds - cost.fixed) - PILOT  # besides a pilot
        piloted = every is None and most >= PILOT
        samples: set[int] = set()  # sizes of all but the pilot; an enlargement is a larger one

        def progress(done: int, total: int) -> None:
            samples.add(total // 2)
            if run.progress is not None:
                run.progress(done, total)

        found = averaged_epoch_map(
            run.problem, run.rule, run.scheme, batch_size=run.batch_size,
            hyperparameters=run.hyperparameters, seed=run.seed,
            standard_error=_MARGIN * run.accuracy / _SIGMAS, indices=every, control=every is None,
            permutations=None if piloted or every is not None else max(self.affordable(run), _LEAST),
            max_permutations=min(max(most, PILOT), _MOST), memory_bytes=_MEMORY, progress=progress,
        )
        exact = every is not None
        drawn = sum(samples) + (min(PILOT, *samples) if piloted and samples else 0)
        return WeightLaw(
            method=self.name, order="exact: all orders of the samples" if exact else self.order,
            covariance=found.covariance, mean=found.mean,
            velocity_variances=np.diag(found.velocity).copy(),
            relative_error_estimate=(
                np.where(found.variance > 0, _ROUNDING, 0.0) if exact
                else _SIGMAS * found.relative_standard_error
            ),
            mean_error_estimate=(
                _ROUNDING * np.maximum(np.abs(found.mean), np.sqrt(found.variance)) if exact
                else _SIGMAS * found.mean_standard_error
            ),
            figures={
                "permutations": found.permutations, "spectral_radius": found.spectral_radius,
                "seed": found.seed, "control_variate": found.control,
                "nominal_seconds": cost.fixed + drawn * cost.each,
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

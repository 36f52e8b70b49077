"""Directions in which no sample has curvature do not move: no method need carry them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from theory.multiplicative import SampleQuadratics
from theory.multiplicative.quadratics import FloatArray
from validation.laws.law import Run, WeightLaw

__all__ = ["solve_moving"]


def solve_moving(solve: Callable[[Run], WeightLaw], run: Run) -> WeightLaw:
    """The law of the directions that move, zero in the others."""
    still = run.problem.still
    if not still.any() or still.all():
        return solve(run)
    moving = np.flatnonzero(~still)
    fewer = replace(run, problem=_restricted(run.problem, moving))
    if "mean_square_limit" in vars(run):  # which is theirs too
        vars(fewer)["mean_square_limit"] = run.mean_square_limit
    law = solve(fewer)

    def spread(values: FloatArray) -> FloatArray:
        out = np.zeros((*values.shape[:-1], still.size))
        out[..., moving] = values
        return out

    noise = law.noise_autocovariance
    return replace(
        law, covariance=spread(spread(law.covariance).T), mean=spread(law.mean),
        velocity_variances=spread(law.velocity_variances),
        relative_error_estimate=spread(law.relative_error_estimate),
        mean_error_estimate=spread(law.mean_error_estimate),
        noise_autocovariance=None if noise is None else spread(noise),
    )


def _restricted(problem: SampleQuadratics, kept: npt.NDArray[np.int64]) -> SampleQuadratics:
    """The same samples along some of the eigenvectors, as coordinates of their own."""
    return SampleQuadratics(
        factors=np.ascontiguousarray(problem.factors[:, :, kept]), signs=problem.signs,
        gradients=np.ascontiguousarray(problem.gradients[:, kept]), curvatures=problem.curvatures[kept],
        directions=np.eye(len(kept)), minimum=np.zeros(len(kept)), weight_decay=problem.weight_decay,
    )

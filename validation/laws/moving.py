"""Directions in which no sample has curvature do not move: no method need carry them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from theory.multiplicative import SampleQuadratics
from theory.multiplicative.quadratics import FloatArray
from validation.laws.law import Run, WeightLaw

__all__ = ["moving_run", "solve_moving"]


def solve_moving(solve: Callable[[Run], WeightLaw], run: Run) -> WeightLaw:
    """The law of the directions that move, zero in the others."""
    fewer = moving_run(run)
    law = solve(fewer)
    if fewer is run:
        return law
    still = run.problem.still
    moving = np.flatnonzero(~still)

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


def moving_run(run: Run) -> Run:
    """The run along the directions that move; itself if all do, or none."""
    still = run.problem.still
    if not still.any() or still.all():
        return run
    fewer = replace(run, problem=_restricted(run.problem, np.flatnonzero(~still)))
    if "mean_square_limit" in vars(run):  # which is theirs too
        vars(fewer)["mean_square_limit"] = run.mean_square_limit
    return fewer


def _restricted(problem: SampleQuadratics, kept: npt.NDArray[np.int64]) -> SampleQuadratics:
    """The same samples along some of the eigenvectors, as coordinates of their own."""
    return SampleQuadratics(
        factors=np.ascontiguousarray(problem.factors[:, :, kept]), signs=problem.signs,
        gradients=np.ascontiguousarray(problem.gradients[:, kept]), curvatures=problem.curvatures[kept],
        directions=np.eye(len(kept)), minimum=np.zeros(len(kept)), weight_decay=problem.weight_decay,
    )

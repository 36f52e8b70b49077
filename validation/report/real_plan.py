"""How long a recorded run must be for its comparison, from the theory and before it is trained."""

from __future__ import annotations

import numpy as np

from theory.optimizers.rule import NumericRule
from validation.blocks import LARGEST_MEMORY
from validation.compare import replicas_for
from validation.report.real_cases import RealCase
from validation.simulate import epochs_needed, start_bias

__all__ = ["blocks_needed", "epochs_to_forget", "relative_variance"]


def relative_variance(numeric: NumericRule, curvature: float, steps: int) -> float:
    r"""Of an average of squares over consecutive steps, over its squared mean.

    .. math:: \frac2{n^2}\sum_{k,l}\rho_{k-l}^2, \qquad \rho_h=\frac{[A^hX]_{00}}{X_{00}},

    the weights being Gaussian under white noise. Reshuffled noise excites the slow mode less, and the
    fluctuations of a batch Hessian make steep directions relax less evenly: in the cases of the report
    what was measured is 0.6 to 0.9 of this in the flattest direction, which decides, and up to 1.7 in the
    steep ones, which need a fifth of the blocks.
    """
    a = numeric.keep + curvature * np.outer(numeric.inject, numeric.evaluate_at)
    x, power = np.outer(numeric.inject, numeric.inject), a
    while float(np.abs(power).max()) > 1e-13:
        x, power = x + power @ x @ power.T, power @ power
    column, total = x[:, 0] / x[0, 0], 0.0
    for lag in range(steps):
        total += (2 - (lag == 0)) * (steps - lag) * float(column[0]) ** 2
        column = a @ column
    return 2 * total / steps**2


def blocks_needed(case: RealCase, resolution: float) -> int:
    """Blocks with which an error of ``resolution`` is caught in every direction, in 99.9 % of runs."""
    numeric, curvatures, steps = _setting(case)
    worst = max(relative_variance(numeric, float(c), case.block * steps) for c in curvatures)
    return replicas_for(resolution, comparisons=len(curvatures), shape=1 / worst)


def epochs_to_forget(case: RealCase) -> int:
    """The shortest gap that every direction forgets in."""
    numeric, curvatures, steps = _setting(case)
    return epochs_needed(lambda gap: start_bias(numeric, curvatures, gap * steps), LARGEST_MEMORY)


def _setting(case: RealCase) -> tuple[NumericRule, np.ndarray, int]:
    """The rule's matrices, the curvatures, and the steps of an epoch."""
    problem = case.problem()
    numeric = case.rule.numeric(case.hyperparameters(float(problem.curvatures[0])))
    steps = case.scheme(problem.samples).steps_per_epoch(problem.samples, case.batch_size)
    return numeric, problem.curvatures, steps

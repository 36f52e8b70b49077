"""How many replicas and epochs of burn-in a simulation needs, decided before it runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from validation.predict import Prediction
    from validation.problem import Problem
    from validation.regression import FloatArray
    from validation.simulate import Noise

__all__ = ["LARGEST_START_BIAS", "plan", "replicas_needed"]

#: relative bias that the start at the minimum may leave in a direction that is compared
LARGEST_START_BIAS = 1e-3
#: multiply-adds a default number of replicas may cost
_WORK = 3e10
#: burn-in, in steps, that a default may reach
_MOST_STEPS = 200_000


def _pole_moduli(problem: Problem, made: Prediction) -> FloatArray:
    """Largest modulus of the poles of every direction."""
    import numpy as np

    numeric = problem.rule.numeric(made.hyperparameters)
    feedback = np.outer(numeric.inject, numeric.evaluate_at)
    drift = numeric.keep + made.curvatures[:, None, None] * feedback
    out: FloatArray = np.minimum(np.abs(np.linalg.eigvals(drift)).max(axis=1), 1 - 1e-15)
    return out


def replicas_needed(
    problem: Problem, made: Prediction, epochs: int, resolution: float
) -> npt.NDArray[Any]:
    r"""Replicas that reach the resolution in every direction that moves; 0 where nothing does.

    An average of squares over n steps of a process with correlation :math:`r^{|h|}` has relative
    variance :math:`\frac2n\frac{1+r^2}{1-r^2}`, at most 2; a margin of 20 % is added.
    """
    import numpy as np

    from validation.compare import replicas_for

    steps = made.steps_per_epoch * max(epochs, 1)
    r2 = _pole_moduli(problem, made) ** 2
    relative = np.minimum(2.0, 2 / steps * (1 + r2) / (1 - r2))
    moving = made.variances > 0
    needed = np.zeros(len(moving), dtype=np.int64)
    for i in np.flatnonzero(moving):
        count = replicas_for(resolution, comparisons=int(moving.sum()), shape=1 / relative[i])
        needed[i] = math.ceil(1.2 * count)
    return needed


def plan(
    problem: Problem, made: Prediction, noise: Noise, needed: npt.NDArray[Any], epochs: int,
    replicas: int | None = None, burn_in: int | None = None,
) -> tuple[int, int]:
    """Replicas and burn-in with which most directions can be judged, within the work allowed.

    What the user gave stays. Tried are burn-ins of 1, 2, 4, ... epochs: a direction can be judged
    if it has forgotten its start and the replicas reach the resolution in it.
    """
    import numpy as np

    moving = needed > 0
    per_epoch = 2.0 * made.batch_size * len(needed) * made.steps_per_epoch
    best, most = (replicas or 20, burn_in or 1), (-1, -1)
    tried = burn_in if burn_in is not None else 1
    while True:
        work = int(min(_WORK / (per_epoch * (tried + epochs)), 1e7))
        ready = moving & (_start_bias(problem, made, noise, tried) <= LARGEST_START_BIAS)
        reached = ready & (needed <= (replicas or work))
        score = int(reached.sum()), int(ready.sum())  # as many as can be judged, else can be compared
        if score > most:
            most = score
            enough = needed[reached if reached.any() else moving].max(initial=20)
            best = replicas or int(np.clip(enough, 20, max(work, 20))), tried
        tried *= 2
        affordable = tried * made.steps_per_epoch <= _MOST_STEPS and work >= (replicas or 20)
        if burn_in is not None or ready.sum() == moving.sum() or not affordable:
            return best


def _start_bias(problem: Problem, made: Prediction, noise: Noise, epochs: int) -> FloatArray:
    """What a start at the minimum still weighs after this burn-in; as ``simulate`` judges it.

    For very long epochs in many directions an upper estimate, which is quicker.
    """
    from validation.simulate import epoch_start_bias, start_bias

    numeric = problem.rule.numeric(made.hyperparameters)
    one_run = problem.scheme.lasting == "run"
    quick = made.steps_per_epoch * len(made.curvatures) > 50_000
    if noise == "additive" and problem.scheme.lasting == "epoch" and not quick:
        sizes = problem.scheme.batch_sizes(made.samples, made.batch_size)
        return epoch_start_bias(numeric, made.curvatures, sizes, made.samples, epochs)
    return start_bias(
        numeric, made.curvatures, epochs * made.steps_per_epoch,
        linear=one_run or noise == "regression",
    )

"""How many replicas, epochs of burn-in and epochs measured a simulation needs, decided before it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from validation.predict import Prediction
    from validation.problem import Problem
    from validation.regression import FloatArray
    from validation.simulate import Noise

__all__ = ["LARGEST_START_BIAS", "Plan", "complete_plan", "make_plan", "plan", "replicas_needed"]

#: relative bias that the start at the minimum may leave in a direction that is compared
LARGEST_START_BIAS = 1e-3
#: multiply-adds a default number of replicas may cost
_WORK = 3e10
#: burn-in, in steps, that a default may reach
_MOST_STEPS = 200_000
_FEWEST, _MOST_REPLICAS, _MOST_EPOCHS = 20, 10_000_000, 1 << 52


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Of a simulation.

    Attributes
    ----------
    replicas, burn_in, epochs
        Independent runs, and epochs before and in the measurement of each.
    needed
        Replicas that reach the resolution, per direction; 0 where nothing moves. Shape (d,).
    """

    replicas: int
    burn_in: int
    epochs: int
    needed: npt.NDArray[Any]


def replicas_needed(
    problem: Problem, made: Prediction, epochs: int, resolution: float
) -> npt.NDArray[Any]:
    r"""Replicas that reach the resolution in every direction that moves; 0 where nothing does.

    An average of squares over n steps of a process with correlation :math:`r^{|h|}` has relative
    variance :math:`\frac2n\frac{1+r^2}{1-r^2}`, at most 2; a margin of 20 % is added.
    """
    import numpy as np

    steps = made.steps_per_epoch * max(epochs, 1)
    r2 = _pole_moduli(problem, made) ** 2
    relative = np.minimum(2.0, 2 / steps * (1 + r2) / (1 - r2))
    moving = made.variances > 0
    needed = np.zeros(len(moving), dtype=np.int64)
    for i in np.flatnonzero(moving):
        needed[i] = math.ceil(1.2 * _replicas(resolution, int(moving.sum()), _rounded(1 / relative[i])))
    return needed


def _rounded(shape: float) -> float:
    """Down to two digits, so that few numbers are worked out, none too small."""
    digit = 10.0 ** (math.floor(math.log10(shape)) - 1)
    return max(math.floor(shape / digit * (1 + 1e-12)) * digit, 0.5)


@cache
def _replicas(resolution: float, comparisons: int, shape: float) -> int:
    from validation.compare import replicas_for

    return replicas_for(resolution, comparisons=comparisons, shape=shape)


def _pole_moduli(problem: Problem, made: Prediction) -> FloatArray:
    """Largest modulus of the poles of every direction."""
    import numpy as np

    numeric = problem.rule.numeric(made.hyperparameters)
    feedback = np.outer(numeric.inject, numeric.evaluate_at)
    drift = numeric.keep + made.curvatures[:, None, None] * feedback
    out: FloatArray = np.minimum(np.abs(np.linalg.eigvals(drift)).max(axis=1), 1 - 1e-15)
    return out


def plan(
    problem: Problem, made: Prediction, noise: Noise, needed: npt.NDArray[Any], epochs: int,
    replicas: int | None = None, burn_in: int | None = None,
) -> tuple[int, int]:
    """Replicas and burn-in with which most directions can be judged, the epochs measured being given."""
    found = _search(problem, made, noise, lambda _: needed, lambda _: (epochs,), replicas, burn_in)
    return found.replicas, found.burn_in


def make_plan(
    problem: Problem, made: Prediction, noise: Noise, *, resolution: float, replicas: int | None = None,
    burn_in: int | None = None, epochs: int | None = None,
) -> Plan:
    """Replicas, burn-in and epochs with which most directions can be judged, within the work allowed.

    What the user gave stays. One epoch is measured, or more where more directions can be judged so: in
    slow directions the replicas needed fall faster than the work of each grows.
    """

    def needed_at(count: int) -> npt.NDArray[Any]:
        return replicas_needed(problem, made, count, resolution)

    def epochs_at(burnt: int) -> tuple[int, ...]:
        return _measured(burnt) if epochs is None else (epochs,)

    return _search(problem, made, noise, needed_at, epochs_at, replicas, burn_in)


def complete_plan(
    problem: Problem, made: Prediction, noise: Noise, resolution: float
) -> Plan | None:
    """The plan that judges every direction that moves, whatever it costs; None beyond 4e15 epochs."""
    moving = made.variances > 0
    burnt = 0
    for burnt in _doubled():
        if (_start_bias(problem, made, noise, burnt)[moving] <= LARGEST_START_BIAS).all():
            break
    else:
        return None
    plans = []
    for epochs in _measured(burnt):
        needed = replicas_needed(problem, made, epochs, resolution)
        plans.append(Plan(
            replicas=int(needed.max(initial=_FEWEST)), burn_in=burnt, epochs=epochs, needed=needed
        ))
    return min(plans, key=lambda p: p.replicas * (p.burn_in + p.epochs))


def _doubled() -> Iterator[int]:
    burnt = 1
    while burnt < _MOST_EPOCHS:
        yield burnt
        burnt *= 2


def _measured(burnt: int) -> tuple[int, ...]:
    """Epochs worth measuring after a burn-in; beyond four times it less than a fifth is to be saved."""
    return tuple(dict.fromkeys((1, max(burnt, 1), max(4 * burnt, 1))))


def _search(
    problem: Problem, made: Prediction, noise: Noise, needed_at: Callable[[int], npt.NDArray[Any]],
    epochs_at: Callable[[int], tuple[int, ...]], replicas: int | None, burn_in: int | None,
) -> Plan:
    """Burn-ins of 1, 2, 4, ... epochs are tried, or the one given.

    A direction can be judged if it has forgotten its start and the replicas reach the resolution in it.
    """
    moving = made.variances > 0
    per_epoch = 2.0 * made.batch_size * len(moving) * made.steps_per_epoch
    least, most = replicas or _FEWEST, (-1, -1)

    def affordable(burnt: int, epochs: int) -> int:
        return int(min(_WORK / (per_epoch * (burnt + epochs)), _MOST_REPLICAS))

    best = Plan(replicas=least, burn_in=burn_in or 0, epochs=1, needed=needed_at(1))
    for burnt in _doubled() if burn_in is None else (burn_in,):
        options = epochs_at(burnt)
        late = burnt * made.steps_per_epoch > _MOST_STEPS or affordable(burnt, options[0]) < least
        if late and most > (-1, -1):
            break
        ready = moving & (_start_bias(problem, made, noise, burnt) <= LARGEST_START_BIAS)
        for epochs in options:
            work, needed = affordable(burnt, epochs), needed_at(epochs)
            reached = ready & (needed <= (replicas or work))
            score = int(reached.sum()), int(ready.sum())  # as many as can be judged, else be compared
            if score > most and (epochs == options[0] or work >= least):
                most = score
                enough = int(needed[reached if reached.any() else moving].max(initial=_FEWEST))
                best = Plan(
                    replicas=replicas or min(enough, max(work, _FEWEST)), burn_in=burnt, epochs=epochs,
                    needed=needed,
                )
        if ready.sum() == moving.sum():
            break
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

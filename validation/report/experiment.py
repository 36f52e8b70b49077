"""One real regression: predicted law, SGD with the frozen noise, and SGD itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.law import stationary_law
from theory.optimizers import LinearRule, heavy_ball
from theory.sampling import SamplingScheme, fresh_batches, kept_batch, reshuffled
from validation.compare import Comparison, compare, replicas_for
from validation.data import load_data
from validation.regression import FloatArray, Regression
from validation.simulate import Noise, SimulationResult, simulate

__all__ = ["Experiment", "Plan", "bundled_plans", "plan_for", "run_experiment"]

Progress = Callable[[str, int, int], None]

#: relative error that every planned comparison must catch
RESOLUTION = 0.05
#: multiply-adds an experiment may cost per kind of noise
_WORK = 4.0e10


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What is run, fixed before anything is simulated."""

    name: str
    problem: Regression
    rule: LinearRule
    scheme: SamplingScheme
    batch_size: int
    learning_rate: float
    momentum: float
    replicas: int
    burn_in: int
    compared: npt.NDArray[np.int64]

    @property
    def hyperparameters(self) -> Mapping[str, float]:
        return {"learning_rate": self.learning_rate, "momentum": self.momentum}


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """A plan with its prediction and outcomes.

    ``predicted`` and ``white`` have one entry per direction, steepest first; the comparisons
    refer to ``plan.compared``.
    """

    plan: Plan
    noise_variance: FloatArray
    predicted: FloatArray
    white: FloatArray
    additive: SimulationResult
    regression: SimulationResult
    against_additive: Comparison
    against_regression: Comparison


def plan_for(
    name: str, source: str, *, batch_size: int | None = None, momentum: float = 0.9,
    target: str | int | None = None, intercept: bool = True, share_of_limit: float = 0.05,
) -> Plan:
    r"""Choose hyperparameters, replicas and the directions to compare, before simulating.

    The learning rate is ``share_of_limit`` of the smaller of the limit in the mean,
    :math:`2(1+\beta)/\lambda_{\max}`, and the estimate of the mean-square limit,
    :math:`2S(1-\beta)/\operatorname{tr}H`. A direction is compared if it forgets its start
    within the burn-in and the replicas reach the resolution given the theory's own estimate of
    how much an epoch average fluctuates; this is decided from the theory alone.

    Errors as :func:`validation.data.load_data` and the scheme's.
    """
    data = load_data(source, target=target, intercept=intercept)
    problem = Regression(features=data.features, targets=data.targets)
    batch = max(1, min(64, problem.samples // 8)) if batch_size is None else batch_size
    scheme = reshuffled() if problem.samples % batch == 0 else kept_batch()
    steps = scheme.steps_per_epoch(problem.samples, batch)
    moving = problem.curvatures[problem.curvatures > 0]
    in_mean = 2 * (1 + momentum) / moving.max()
    in_mean_square = 2 * batch * (1 - momentum) / moving.sum()
    rate = share_of_limit * min(in_mean, in_mean_square)
    radius = _slow_pole(rate * problem.curvatures, momentum)
    # relative variance of an epoch average of squares of a process with correlation radius**h
    relative = np.minimum(2.0, 2 / steps * (1 + radius**2) / np.maximum(1 - radius**2, 1e-300))
    cost = 2.0 * batch * problem.dimension * steps
    wanted = {
        int(i): replicas_for(RESOLUTION, comparisons=problem.dimension, shape=1 / relative[i])
        for i in np.flatnonzero(problem.curvatures > 0)
    }
    needed = {i: int(np.ceil(-np.log(1e-3) / (2 * steps * -np.log(radius[i])))) for i in wanted}
    replicas, burn_in, compared = _affordable(wanted, needed, cost)
    return Plan(
        name=name, problem=problem, rule=heavy_ball(), scheme=scheme, batch_size=batch,
        learning_rate=float(rate), momentum=momentum, replicas=replicas, burn_in=burn_in,
        compared=np.array(compared, dtype=np.int64),
    )


def _slow_pole(x: FloatArray, momentum: float) -> FloatArray:
    """Largest modulus of the heavy-ball poles."""
    trace = 1 + momentum - x
    root = np.sqrt((trace**2 - 4 * momentum).astype(complex))
    modulus = np.maximum(np.abs(trace + root), np.abs(trace - root)) / 2
    out: FloatArray = np.minimum(modulus, 1 - 1e-15)
    return out


def _affordable(
    wanted: Mapping[int, int], needed: Mapping[int, int], cost: float
) -> tuple[int, int, list[int]]:
    """The largest set of directions whose replicas and burn-in fit the work allowed."""
    best: tuple[int, int, list[int]] | None = None
    for burn_in in sorted(set(needed.values())):
        reached = sorted((wanted[i], i) for i in wanted if needed[i] <= burn_in)
        for count in range(len(reached), 0, -1):
            replicas = int(1.2 * reached[count - 1][0])
            if cost * (burn_in + 1) * replicas <= _WORK:
                if best is None or count > len(best[2]):
                    best = replicas, burn_in, sorted(i for _, i in reached[:count])
                break
    if best is None:
        first = min(wanted, key=lambda i: (needed[i], wanted[i]))
        return int(1.2 * wanted[first]), needed[first], [first]
    return best


def run_experiment(plan: Plan, seed: int, progress: Progress | None = None) -> Experiment:
    """Predict and simulate; ``progress(what, done, total)`` is called between chunks."""
    problem = plan.problem
    factor = float(plan.scheme.variance_factor(problem.samples, plan.batch_size))
    noise = factor * np.diag(problem.projected_noise_covariance).copy()
    predicted = _predicted(plan, plan.scheme, noise)
    white = _predicted(plan, fresh_batches(), noise)
    results: dict[Noise, SimulationResult] = {}
    comparisons: dict[Noise, Comparison] = {}
    kinds: tuple[Noise, Noise] = ("additive", "regression")
    for kind in kinds:

        def report(done: int, total: int, kind: Noise = kind) -> None:
            if progress is not None:
                progress(f"{plan.name}: {kind}", done, total)

        results[kind] = simulate(
            problem, plan.rule, plan.scheme, batch_size=plan.batch_size,
            hyperparameters=plan.hyperparameters, replicas=plan.replicas, seed=seed, noise=kind,
            burn_in=plan.burn_in, largest_start_bias=1e-3, progress=report,
        )
        comparisons[kind] = compare(
            predicted[plan.compared], results[kind].weights[:, plan.compared],
            labels=[str(i) for i in plan.compared], resolution=RESOLUTION,
        )
    return Experiment(
        plan=plan, noise_variance=noise, predicted=predicted, white=white,
        additive=results["additive"], regression=results["regression"],
        against_additive=comparisons["additive"], against_regression=comparisons["regression"],
    )


def _predicted(plan: Plan, scheme: SamplingScheme, noise: FloatArray) -> FloatArray:
    """Predicted variance per direction; directions that do not move have none."""
    moving = plan.problem.curvatures > 0
    law = stationary_law(plan.rule, scheme).weight_variance
    values: dict[str, Any] = {
        **plan.hyperparameters, "samples": plan.problem.samples, "batch_size": plan.batch_size,
        "steps_per_epoch": scheme.steps_per_epoch(plan.problem.samples, plan.batch_size),
    }
    needed = {s.name for s in law.parameters}
    out = np.zeros(moving.size)
    out[moving] = law.evaluate(
        **{k: v for k, v in values.items() if k in needed},
        curvature=plan.problem.curvatures[moving], noise_variance=noise[moving],
    )
    return out


def bundled_plans() -> tuple[Plan, ...]:
    """The two regressions of every report."""
    return (
        plan_for("diabetes", "diabetes", batch_size=13, intercept=False),
        plan_for("digits", "digits", batch_size=3, momentum=0.5, share_of_limit=0.1),
    )

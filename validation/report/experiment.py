"""One real regression: both theories, SGD with the noise frozen at the minimum, and SGD itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.optimizers import heavy_ball
from theory.sampling import kept_batch, reshuffled
from validation.compare import Comparison, compare
from validation.data import load_data
from validation.judge import judge
from validation.plan import LARGEST_START_BIAS, plan, replicas_needed
from validation.predict import Prediction, predict
from validation.problem import Problem
from validation.regression import FloatArray, Regression
from validation.report.verdict import comparison_record
from validation.simulate import Noise, SimulationResult, simulate

__all__ = [
    "Experiment",
    "bundled_problems",
    "experiment_record",
    "problem_from",
    "run_experiment",
]

Progress = Callable[[str, int, int], None]

#: relative error that every planned comparison must catch
RESOLUTION = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """A problem with its prediction and outcomes.

    ``compared`` holds the directions, chosen before simulating, that forget their start within the
    burn-in and reach the resolution with these replicas; the comparisons refer to them. The published
    theory describes the noise frozen at the minimum, the full theory SGD itself: taken at its word, and
    with its own error estimate where that raises an alarm.
    """

    problem: Problem
    prediction: Prediction
    compared: npt.NDArray[np.int64]
    additive: SimulationResult
    regression: SimulationResult
    against_additive: Comparison
    against_regression: Comparison
    published_against_regression: Comparison


def bundled_problems() -> tuple[Problem, ...]:
    """The two regressions of every report."""
    return (
        problem_from("diabetes", "diabetes", batch_size=13, intercept=False),
        problem_from("digits", "digits", batch_size=8, momentum=0.5, share_of_limit=0.1),
    )


def problem_from(
    name: str, source: str, *, batch_size: int | None = None, momentum: float = 0.9,
    target: str | int | None = None, intercept: bool = True, share_of_limit: float = 0.05,
) -> Problem:
    r"""Heavy ball on a data set, with hyperparameters chosen from its Hessian.

    The learning rate is ``share_of_limit`` of the smaller of the limit in the mean,
    :math:`2(1+\beta)/\lambda_{\max}`, and the estimate of the mean-square limit,
    :math:`2S(1-\beta)/\operatorname{tr}H`. Epochs are reshuffled; where the batch size does not
    divide N the last batch is smaller and kept. Errors as :func:`validation.data.load_data`.
    """
    data = load_data(source, target=target, intercept=intercept)
    regression = Regression(features=data.features, targets=data.targets)
    batch = max(1, min(64, regression.samples // 8)) if batch_size is None else batch_size
    curvatures = regression.curvatures
    in_mean = 2 * (1 + momentum) / curvatures[0]
    in_mean_square = 2 * batch * (1 - momentum) / curvatures.sum()
    rate = float(share_of_limit * min(in_mean, in_mean_square))
    return Problem(
        name=name, target=data.target_name, regression=regression, rule=heavy_ball(),
        scheme=reshuffled() if regression.samples % batch == 0 else kept_batch(),
        batch_size=batch, hyperparameters={"learning_rate": rate, "momentum": momentum},
    )


def run_experiment(problem: Problem, seed: int, progress: Progress | None = None) -> Experiment:
    """Predict and simulate; ``progress(what, done, total)`` is called between chunks."""
    prediction = predict(
        problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
        hyperparameters=problem.hyperparameters, accuracy=RESOLUTION / 2,
    )
    needed = replicas_needed(problem, prediction, 1, RESOLUTION)
    replicas, burn_in = plan(problem, prediction, "additive", needed, 1)
    results: dict[Noise, SimulationResult] = {}
    kinds: tuple[Noise, Noise] = ("additive", "regression")
    for kind in kinds:

        def report(done: int, total: int, kind: Noise = kind) -> None:
            if progress is not None:
                progress(f"{problem.name}: {kind}", done, total)

        results[kind] = simulate(
            problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
            hyperparameters=problem.hyperparameters, replicas=replicas, seed=seed, noise=kind,
            burn_in=burn_in, largest_start_bias=LARGEST_START_BIAS, progress=report,
        )
    # what can be judged follows from the plan, not from what was measured
    able = results["additive"].resolved & (needed > 0) & (needed <= replicas)
    compared = np.flatnonzero(able if able.any() else _fastest(results["additive"].start_bias, needed > 0))

    labels = [str(i) for i in compared]

    def published_against(kind: Noise) -> Comparison:
        return compare(
            prediction.published_variances[compared], results[kind].weights[:, compared], labels=labels,
            resolution=RESOLUTION,
        )

    return Experiment(
        problem=problem, prediction=prediction, compared=compared,
        additive=results["additive"], regression=results["regression"],
        against_additive=published_against("additive"),
        against_regression=judge(
            prediction.second_moments[compared], results["regression"].weights[:, compared],
            prediction.second_moment_error_estimate[compared], resolution=RESOLUTION, labels=labels,
        ),
        published_against_regression=published_against("regression"),
    )


def _fastest(start_bias: FloatArray, moving: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The direction that forgets soonest, where none reaches the resolution: its verdict is too coarse."""
    out = np.zeros(moving.size, dtype=bool)
    out[int(np.argmin(np.where(moving, start_bias, np.inf)))] = True
    return out


def experiment_record(experiment: Experiment) -> dict[str, Any]:
    """The experiment for ``results.json``."""
    return {
        "data": experiment.problem.name, **experiment.prediction.record(),
        "replicas": experiment.additive.replicas, "burn_in_epochs": experiment.additive.burn_in,
        "seed": experiment.additive.seed, "compared": experiment.compared.tolist(),
        "frozen_noise": comparison_record(experiment.against_additive),
        "regression": comparison_record(experiment.against_regression),
        "published_against_regression": comparison_record(experiment.published_against_regression),
    }

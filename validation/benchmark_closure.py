"""The self-consistent law of long epochs against one simulated run of equal accuracy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from theory.optimizers import heavy_ball
from theory.sampling import dropped_batch
from validation.predict import predict
from validation.problem import Problem
from validation.regression import Regression
from validation.simulate import simulate

__all__ = ["benchmark_closure"]

_SAMPLES, _DIMENSION, _BATCH, _MOMENTUM, _SHARE = 1797, 64, 32, 0.9, 0.02
#: replicas and epochs whose speed is measured
_REPLICAS, _EPOCHS = 16, 60


def benchmark_closure() -> list[dict[str, Any]]:
    r"""Heavy ball, d = 64, N = 1797, S = 32, M = 56, last batch dropped; curvatures over a factor 1000.

    The simulation is to reach, in every direction, the error that the law estimates of itself. With the
    largest pole r of a direction, an average of squares over n steps has relative variance
    :math:`\frac2n\frac{1+r^2}{1-r^2}`; n steps of one run, all cores at work on parts of it, take their
    time at the speed measured here. The burn-in is not counted.

    Returns
    -------
    Rows ``{"name", "value", "unit", "aim"}``.

    Raises
    ------
    MissingPackageError
        Without numba.
    """
    problem = _problem()
    shared: dict[str, Any] = {
        "batch_size": _BATCH, "hyperparameters": problem.hyperparameters,
    }
    place = (problem.regression, problem.rule, problem.scheme)

    def run(epochs: int) -> int:
        return simulate(
            *place, **shared, replicas=_REPLICAS, seed=1, burn_in=1, measured_epochs=epochs
        ).steps

    run(1)  # compiles
    seconds, steps = _seconds(lambda: run(_EPOCHS))
    speed = steps / seconds
    rows: list[dict[str, Any]] = [{
        "name": f"simulation, d = {_DIMENSION}, S = {_BATCH}", "value": speed, "unit": "steps/s", "aim": None,
    }]
    for method, aim in (("averaged-closure", 100.0), ("closure", None)):
        taken, made = _seconds(
            lambda method=method: predict(*place, **shared, method=method)  # type: ignore[misc]
        )
        needed = _steps_needed(problem, made.relative_error_estimate)
        rows += [
            {"name": f"{method}, d = {_DIMENSION}, N = {_SAMPLES}, M = {made.steps_per_epoch}",
             "value": taken, "unit": "s", "aim": None},
            {"name": "  its own error estimate, median direction",
             "value": float(np.median(made.relative_error_estimate)), "unit": "", "aim": None},
            {"name": "  one simulated run of that accuracy in every direction",
             "value": float(needed.max()) / speed, "unit": "s", "aim": None},
            {"name": "  the law, times cheaper", "value": float(needed.max()) / speed / taken, "unit": "",
             "aim": aim},
            {"name": "  the same, for the accuracy in the median direction alone",
             "value": float(np.median(needed)) / speed / taken, "unit": "", "aim": None},
        ]
    return rows


def _problem() -> Problem:
    rng = np.random.default_rng(64)
    x = rng.standard_normal((_SAMPLES, _DIMENSION)) * np.geomspace(1.0, 0.03, _DIMENSION)
    regression = Regression(features=x, targets=x.sum(axis=1) + rng.standard_normal(_SAMPLES))
    limit = 2 * _BATCH * (1 - _MOMENTUM) / float(regression.curvatures.sum())  # of the mean square, roughly
    return Problem(
        name="benchmark", target="y", regression=regression, rule=heavy_ball(), scheme=dropped_batch(),
        batch_size=_BATCH, hyperparameters={"learning_rate": _SHARE * limit, "momentum": _MOMENTUM},
    )


def _steps_needed(problem: Problem, accuracy: Any) -> Any:
    """Steps at which one standard error is a third of the estimate, as the estimate is of the truth."""
    numeric = problem.rule.numeric(problem.hyperparameters)
    feedback = np.outer(numeric.inject, numeric.evaluate_at)
    drift = numeric.keep + problem.regression.curvatures[:, None, None] * feedback
    r2 = np.abs(np.linalg.eigvals(drift)).max(axis=1) ** 2
    return 2 * (1 + r2) / (1 - r2) / (np.maximum(accuracy, 1e-9) / 3) ** 2


def _seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found

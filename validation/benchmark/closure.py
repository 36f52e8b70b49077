"""The self-consistent law of long epochs against one simulated run of equal accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.multiplicative.averaged_closure import AveragedClosure
from theory.multiplicative.closure import Closure
from theory.optimizers import heavy_ball
from theory.sampling import dropped_batch
from validation.benchmark.clock import timed
from validation.problem import Problem
from validation.regression import Regression
from validation.simulate import simulate

__all__ = ["benchmark_closure"]

_SAMPLES, _DIMENSION, _BATCH, _MOMENTUM, _SHARE = 1797, 64, 32, 0.9, 0.02
#: epochs of one run whose speed is measured
_EPOCHS = 10_000


def benchmark_closure() -> list[dict[str, Any]]:
    r"""Heavy ball, d = 64, N = 1797, S = 32, M = 56, last batch dropped; curvatures over a factor 1000.

    The simulation is to reach, in every direction, a standard error as large as the error of the law in its
    worst direction: for the averaged closure its distance from the position-resolved one, for that its own
    estimate. With the largest pole r of a direction, an average of squares over n steps has relative
    variance :math:`\frac2n\frac{1+r^2}{1-r^2}`; n steps of one run, one after the other, take their time at
    the speed measured here. The burn-in is not counted.

    Returns
    -------
    Rows ``{"name", "value", "unit", "aim"}``.

    Raises
    ------
    MissingPackageError
        Without numba.
    """
    problem = _problem()
    quadratics, numeric = problem.regression.quadratics, problem.rule.numeric(problem.hyperparameters)
    sizes = problem.scheme.batch_sizes(_SAMPLES, _BATCH)
    _simulated_steps(problem, 1)  # compiles
    seconds, steps = timed(lambda: _simulated_steps(problem, _EPOCHS))
    quick, averaged = timed(lambda: AveragedClosure(quadratics, numeric, sizes).solve())
    slow, resolved = timed(lambda: Closure(quadratics, numeric, sizes).solve())
    distance = np.diag(averaged.second_moment) / np.diag(resolved.second_moment) - 1
    place = f"d = {_DIMENSION}, N = {_SAMPLES}, M = {len(sizes)}"
    rows: list[dict[str, Any]] = [{
        "name": f"one simulated run, d = {_DIMENSION}, S = {_BATCH}", "value": steps / seconds,
        "unit": "steps/s", "aim": None,
    }]
    for name, taken, error, aim in (
        ("averaged closure", quick, float(np.abs(distance).max()), 100.0),
        ("closure by position", slow, float(resolved.relative_error_estimate.max()), 100.0),
    ):
        run = _steps_needed(problem, error) * seconds / steps
        rows += [
            {"name": f"{name}, {place}", "value": taken, "unit": "s", "aim": None},
            {"name": "  relative error, worst direction", "value": error, "unit": "", "aim": None},
            {"name": "  one simulated run of that accuracy", "value": run, "unit": "s", "aim": None},
            {"name": "  simulation / law", "value": run / taken, "unit": "times cheaper", "aim": aim},
        ]
    return rows


def _simulated_steps(problem: Problem, epochs: int) -> int:
    return simulate(
        problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
        hyperparameters=problem.hyperparameters, replicas=1, seed=1, burn_in=1,
        measured_epochs=epochs,
    ).steps


def _problem() -> Problem:
    rng = np.random.default_rng(64)
    x = rng.standard_normal((_SAMPLES, _DIMENSION)) * np.geomspace(1.0, 0.03, _DIMENSION)
    regression = Regression(features=x, targets=x.sum(axis=1) + rng.standard_normal(_SAMPLES))
    limit = 2 * _BATCH * (1 - _MOMENTUM) / float(regression.curvatures.sum())  # of the mean square, roughly
    return Problem(
        name="benchmark", target="y", regression=regression, rule=heavy_ball(), scheme=dropped_batch(),
        batch_size=_BATCH, hyperparameters={"learning_rate": _SHARE * limit, "momentum": _MOMENTUM},
    )


def _steps_needed(problem: Problem, accuracy: float) -> float:
    """Steps at which the standard error is ``accuracy`` in the slowest direction."""
    numeric = problem.rule.numeric(problem.hyperparameters)
    poles = np.linalg.eigvals(numeric.transitions(problem.regression.curvatures))
    r2 = np.abs(poles).max(axis=1) ** 2
    return float((2 * (1 + r2) / (1 - r2)).max() / accuracy**2)

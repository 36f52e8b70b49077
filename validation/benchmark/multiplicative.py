"""The second moment under fluctuating curvature: matrix-free against the dense Kronecker solve."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.multiplicative import IndependentSteps, mean_square_limit, stationary_moments
from theory.multiplicative.second_moment_map import dense_map
from theory.optimizers import heavy_ball
from theory.sampling import fresh_batches
from validation.benchmark.clock import timed
from validation.regression import Regression

__all__ = ["benchmark_second_moment"]

Row = dict[str, Any]
_SAMPLES, _BATCH, _MOMENTUM, _SHARE = 1000, 32, 0.9, 0.3
#: the largest d whose Kronecker system, (4 d²)² doubles, takes a quarter of a GiB; and the wanted one
_DENSE, _LARGE, _LARGEST = 38, 300, 500


def benchmark_second_moment() -> list[Row]:
    """Heavy ball on 1,000 samples, fresh batches of 32, at 0.3 of the mean-square limit.

    Returns
    -------
    Rows with ``name``, ``value``, ``unit`` and ``aim``. The dense solve takes the symmetric and the
    antisymmetric part alike; for d = 300 its time is that of d = 38 times (300/38)^6.
    """
    small, large, largest = _problem(_DENSE), _problem(_LARGE), _problem(_LARGEST)
    dense, reference = timed(lambda: _dense(small))
    quick, law = timed(lambda: stationary_moments(small))
    wanted = reference[:_DENSE, :_DENSE]
    gap = float(np.abs(law.weights / wanted - 1).max())
    rows = [
        {"name": f"second moment, dense Kronecker solve, d = {_DENSE}", "value": dense, "unit": "s",
         "aim": None},
        {"name": f"  matrix-free, d = {_DENSE}", "value": quick, "unit": "s", "aim": None},
        {"name": "  largest relative difference", "value": gap, "unit": "", "aim": "< 1e-8"},
    ]
    for d, problem in ((_LARGE, large), (_LARGEST, largest)):
        seconds, found = timed(lambda problem=problem: stationary_moments(problem))  # type: ignore[misc]
        rows += [
            {"name": f"second moment, matrix-free, d = {d}", "value": seconds, "unit": "s", "aim": None},
            {"name": "  relative residual", "value": found.residual, "unit": "", "aim": "< 1e-12"},
            {"name": "  applications of the Hessian covariance", "value": found.iterations, "unit": "",
             "aim": None},
            {"name": "  against the dense solve, extrapolated as d^6",
             "value": dense * (d / _DENSE) ** 6 / seconds, "unit": "times faster", "aim": None},
        ]
    return rows


def _problem(d: int) -> IndependentSteps:
    rng = np.random.default_rng(d)
    x = rng.standard_normal((_SAMPLES, d)) * np.geomspace(1.0, 0.03, d)
    data = Regression(features=x, targets=rng.standard_normal(_SAMPLES))
    values = {"learning_rate": 1.0, "momentum": _MOMENTUM}

    def at(rate: float) -> IndependentSteps:
        return IndependentSteps(
            quadratics=data.quadratics, rule=heavy_ball(), scheme=fresh_batches(), batch_size=_BATCH,
            hyperparameters={**values, "learning_rate": rate},
        )

    if d > _DENSE:  # of all directions alike, the trace sets the limit
        return at(_SHARE * 2 * (1 - _MOMENTUM) * _BATCH / float(data.curvatures.sum()))
    return at(_SHARE * mean_square_limit(at(1.0)).learning_rate)


def _dense(problem: IndependentSteps) -> Any:
    """P from (1 - map) vec P = vec source. Shape (n d, n d)."""
    operator = dense_map(problem)
    b, size = problem.numeric.inject, problem.state_size * problem.quadratics.dimension
    noise = problem.fluctuation * problem.quadratics.gradient_covariance
    source = np.kron(np.outer(b, b), noise).ravel()
    operator *= -1
    operator.flat[:: size**2 + 1] += 1
    return np.linalg.solve(operator, source).reshape(size, size)

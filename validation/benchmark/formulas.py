"""Deriving, importing and evaluating formulas: against their solver, against ``import sympy``."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from validation.benchmark.clock import median_seconds, process_seconds

__all__ = ["benchmark_catalogue", "benchmark_formula", "benchmark_import"]

Row = dict[str, Any]


def benchmark_formula() -> list[Row]:
    """One formula against SciPy's Lyapunov solver on the epoch-lifted system, M = 100.

    The lifted state holds the weights at all M positions of an epoch; its companion is filled from
    the rule, so that the solver does what one would do without the formula.
    """
    from scipy.linalg import solve_discrete_lyapunov

    from theory import formula_by_slug

    steps, eta, beta, curvature = 100, 0.1, 0.9, 0.3
    one = np.array([[1 - eta * curvature, beta], [-eta * curvature, beta]])
    drift = np.zeros((2 * steps, 2 * steps))
    force = np.zeros((2 * steps, steps))
    for j in range(steps):  # state at position j + 1 from the end of the last epoch
        drift[2 * j : 2 * j + 2, -2:] = np.linalg.matrix_power(one, j + 1)
        for k in range(j + 1):
            force[2 * j : 2 * j + 2, k] = -eta * np.linalg.matrix_power(one, j - k) @ np.ones(2)
    noise = (np.eye(steps) * steps - 1) / (steps - 1)
    source = force @ noise @ force.T

    def solve() -> float:
        covariance = solve_discrete_lyapunov(drift, source)
        return float(np.mean(np.diag(covariance)[::2]))

    law = formula_by_slug("reshuffled-weight-variance")
    many = np.full(100_000, curvature)
    values: dict[str, Any] = {
        "learning_rate": eta, "momentum": beta, "noise_variance": 1.0, "steps_per_epoch": steps
    }

    def evaluate() -> Any:
        return law.evaluate(curvature=many, **values)

    found = float(np.asarray(evaluate())[0])
    agreement = abs(solve() / found - 1)
    ratio = median_seconds(solve, 3) / (median_seconds(evaluate, 5) / many.size)
    return [
        {"name": "formula against epoch-lifted Lyapunov, M = 100", "value": ratio,
         "unit": "times faster", "aim": "1e4"},
        {"name": "  relative difference of the two values", "value": agreement, "unit": "", "aim": ""},
    ]


def benchmark_catalogue() -> list[Row]:
    """Deriving and proving the whole catalogue, in a process of its own."""
    code = "from derivations import prove_catalogue; prove_catalogue()"
    seconds = process_seconds(code)
    return [
        {"name": "deriving and proving the catalogue", "value": seconds, "unit": "s", "aim": "30"}
    ]


def benchmark_import() -> list[Row]:
    """``import theory`` and the first names a user takes, against ``import sympy``."""
    codes = (
        "import sympy", "import theory", "from theory import heavy_ball, reshuffled, stationary_law",
    )
    seconds = {code: [process_seconds(code) for _ in range(7)] for code in codes}
    base = statistics.median(seconds[codes[0]])
    return [
        {"name": f"`{code}` against `import sympy`", "value": statistics.median(seconds[code]) / base,
         "unit": "ratio", "aim": "1.3"}
        for code in codes[1:]
    ]

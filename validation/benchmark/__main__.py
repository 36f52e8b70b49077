"""``make bench``: speed and accuracy as ratios measured side by side in one run."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from validation.benchmark.closure import benchmark_closure
from validation.benchmark.evaluation import benchmark_evaluation
from validation.benchmark.evidence import (
    benchmark_evidence,
    benchmark_false_alarms,
    benchmark_mutation,
)
from validation.benchmark.laws import benchmark_laws
from validation.benchmark.matrices import benchmark_matrices
from validation.benchmark.multiplicative import benchmark_second_moment
from validation.benchmark.pytorch import benchmark_torch
from validation.benchmark.simulation import benchmark_simulation
from validation.files import write_text

__all__ = ["benchmark_catalogue", "benchmark_formula", "benchmark_import", "main"]

Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run all benchmarks, print a table, write JSON."""
    parser = argparse.ArgumentParser(prog="python -m validation.benchmark", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    output = parser.parse_args(argv).output
    rows: list[Row] = []
    for run in _BENCHMARKS:
        print(f"{run.__name__} ...", file=sys.stderr, flush=True)
        rows += run()
    width = max(len(row["name"]) for row in rows)
    print(f"{'figure':<{width}}  {'measured':>12}  {'unit':<12}  aim")
    for row in rows:
        aim = "" if row["aim"] is None else row["aim"]
        print(f"{row['name']:<{width}}  {row['value']:>12.4g}  {row['unit']:<12}  {aim}")
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, json.dumps(rows, indent=1))
    return 0


def _median_seconds(run: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


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
    ratio = _median_seconds(solve, 3) / (_median_seconds(evaluate, 5) / many.size)
    return [
        {"name": "formula against epoch-lifted Lyapunov, M = 100", "value": ratio,
         "unit": "times faster", "aim": "1e4"},
        {"name": "  relative difference of the two values", "value": agreement, "unit": "", "aim": ""},
    ]


def benchmark_catalogue() -> list[Row]:
    """Deriving and proving the whole catalogue, in a process of its own."""
    code = "from derivations import prove_catalogue; prove_catalogue()"
    seconds = _process_seconds(code)
    return [
        {"name": "deriving and proving the catalogue", "value": seconds, "unit": "s", "aim": "30"}
    ]


def benchmark_import() -> list[Row]:
    """``import theory`` and the first names a user takes, against ``import sympy``."""
    codes = (
        "import sympy", "import theory", "from theory import heavy_ball, reshuffled, stationary_law",
    )
    seconds = {code: [_process_seconds(code) for _ in range(7)] for code in codes}
    base = statistics.median(seconds[codes[0]])
    return [
        {"name": f"`{code}` against `import sympy`", "value": statistics.median(seconds[code]) / base,
         "unit": "ratio", "aim": "1.3"}
        for code in codes[1:]
    ]


def _process_seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


_BENCHMARKS: tuple[Callable[[], list[Row]], ...] = (
    benchmark_import, benchmark_formula, benchmark_catalogue, benchmark_simulation,
    benchmark_torch,
    benchmark_evaluation, benchmark_matrices, benchmark_evidence, benchmark_false_alarms,
    benchmark_mutation, benchmark_second_moment, benchmark_closure, benchmark_laws,
)

if __name__ == "__main__":
    sys.exit(main())

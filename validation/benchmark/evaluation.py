"""How accurate and how fast ``evaluate`` is on the variance that cancels most."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.closed_forms import formula_by_slug
from theory.evaluate import evaluate
from theory.evaluate.balls import ball_value, working_precision
from theory.evaluate.compiled import compiled
from theory.evaluate.precision import predicted_bits
from theory.formula import Formula

__all__ = ["benchmark_evaluation", "random_points"]

FloatArray = npt.NDArray[np.float64]

_SEED = 20_230_605
_REPEATS = 7


def random_points(points: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    r"""Points of heavy ball over its whole stability region, at learning rate 1.

    Half are log-uniform in :math:`\eta\lambda` from 1e-300 to the stability limit, half from 1e-6;
    :math:`1-\beta` is log-uniform in 1e-12 to 1 and M in 2 to 10⁹.
    """
    momentum = 1 - 10 ** rng.uniform(-12, 0, points)
    steps = np.floor(np.exp(rng.uniform(np.log(2), np.log(1e9), points)))
    lowest = np.where(np.arange(points) % 2 == 0, 1e-300, 1e-6)
    limit = 2 * (1 + momentum) * (1 - 2.0**-40)
    product = np.exp(rng.uniform(np.log(lowest), np.log(limit)))
    one = np.ones(points)
    return {
        "learning_rate": one, "curvature": np.minimum(product, limit), "momentum": momentum,
        "steps_per_epoch": steps, "noise_variance": one,
    }


def _exact(values: Mapping[str, FloatArray], i: int) -> dict[str, Fraction]:
    return {name: Fraction(float(array[i])) for name, array in values.items()}


def _references(
    formula: Formula, values: Mapping[str, FloatArray], found: FloatArray
) -> tuple[npt.NDArray[np.int64], float]:
    """Bits that ball arithmetic loses at each point, and the largest relative error of ``found``.

    The bits lost are the measure of difficulty: working precision minus accuracy of the ball.
    """
    prepared = compiled(formula)
    lost, worst = np.empty(found.size, dtype=np.int64), 0.0
    for i, value in enumerate(found):
        point = _exact(values, i)
        bits = predicted_bits(prepared.weights, point, 120)
        steps = {"steps_per_epoch": int(point["steps_per_epoch"])}
        ball = ball_value(prepared.program, point, steps, bits=100, start=bits)
        lost[i] = max(0, bits - int(ball.rel_accuracy_bits()))
        with working_precision(160):
            worst = max(worst, abs(float((value - ball) / ball)))
    return lost, worst


def _best_rate(work: Callable[[], Any], points: int) -> float:
    """Points per second in the best of a few runs."""
    best = np.inf
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return points / best


def _plain_balls(formula: Formula, values: Mapping[str, FloatArray]) -> float:
    """Points per second of ball arithmetic alone, at its predicted precision."""
    prepared = compiled(formula)
    points = [_exact(values, i) for i in range(values["curvature"].size)]

    def work() -> None:
        for point in points:
            start = predicted_bits(prepared.weights, point, 53)
            steps = {"steps_per_epoch": int(point["steps_per_epoch"])}
            ball_value(prepared.program, point, steps, bits=53, start=start)

    return _best_rate(work, len(points))


def benchmark_evaluation(points: int = 100_000) -> list[dict[str, Any]]:
    """Worst relative error and points per second, over the whole region and at its ends.

    Difficulty is the number of bits that ball arithmetic loses at a point, so it does not depend on
    the code that is timed. Every point is compared with a ball of at least 100 correct bits.

    Returns
    -------
    Rows with ``name``, ``value``, ``unit`` and ``aim`` (None where nothing was promised).
    """
    formula = formula_by_slug("reshuffled-weight-variance")
    values = random_points(points, np.random.default_rng(_SEED))
    found = evaluate(formula, values)
    assert isinstance(found, np.ndarray)
    lost, worst = _references(formula, values, found)
    order = np.argsort(lost, kind="stable")
    tenth = max(1, points // 10)

    def taken(index: npt.NDArray[np.int64]) -> dict[str, FloatArray]:
        return {name: array[index] for name, array in values.items()}

    easiest, hardest = taken(order[:tenth]), taken(order[-tenth:])
    sample = taken(order[-tenth:][:: max(1, tenth // 1000)])
    velocity = formula_by_slug("reshuffled-velocity-variance")
    spread = taken(order[:: max(1, points // 5000)])

    def row(name: str, value: float, unit: str, aim: float | None) -> dict[str, Any]:
        return {"name": name, "value": value, "unit": unit, "aim": aim}

    def rate(what: Formula, where: dict[str, FloatArray]) -> float:
        return _best_rate(lambda: evaluate(what, where), where["curvature"].size)

    speed = "points/s"
    return [
        row("worst relative error", worst, "", 1e-15),
        row("easiest tenth", rate(formula, easiest), speed, 1e6),
        row("hardest tenth", rate(formula, hardest), speed, 2e4),
        row("all points", rate(formula, values), speed, None),
        row("hardest tenth, ball arithmetic alone", _plain_balls(formula, sample), speed, None),
        row("a formula without a kernel, all points", rate(velocity, spread), speed, None),
    ]

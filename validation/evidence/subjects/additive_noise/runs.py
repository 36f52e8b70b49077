r"""The stationary law measured: real index sequences, one number per replica and formula.

One simulation per rule and scheme serves all its formulas: per-sample gradients are frozen, batches
are drawn by the scheme, the rule takes its steps. A replica gives one number per formula: the average
of a square over the measured epochs. A covariance of a and b is tested through the square of
:math:`a/\sigma_a\mp b/\sigma_b`, whose mean is :math:`2\mp2\operatorname{cov}(a,b)/\sigma_a\sigma_b`
(:math:`\sigma` from the exact solver, the sign that makes it small), a spectrum through the
periodogram of L steps, averaged over its place in the epoch, whose mean is the spectrum smoothed by
the Fejér kernel of length L.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from theory.closed_forms import Entry
from theory.evaluate import evaluate
from theory.formula import Formula
from theory.quantities import MOMENTS, Moment
from theory.solvers import solve_epoch_lifted
from validation.evidence.result import NotApplicable
from validation.evidence.subjects.additive_noise.trajectories import (
    DIRECTIONS,
    STEPS,
    Trajectories,
    run,
    setting,
)
from validation.evidence.subjects.protocol import Replicas
from validation.regression import FloatArray

__all__ = ["replicas"]

#: how many simulations small correlations take, fixed beforehand
_PARTS = {"weight-autocovariance-beyond": 8, "weight-velocity-covariance": 2}
_MOST_PARTS = 16
_POSITION, _LAG, _BEYOND = 1, 1, STEPS
_WINDOW = 2 * STEPS
_GRID = 512


def replicas(entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
    """The prediction and one number per replica; ``salt`` changes the seed, ``share`` divides the replicas.

    Raises
    ------
    NotApplicable
        For limits and definitions, and the lines of periodic noise.
    """
    if not entry.exact:
        raise NotApplicable(
            "a limit or definition: no run is in the limit, and away from it the exact law is simulated"
        )
    if entry.quantity.endswith("spectrum") and entry.scheme.periodic:
        raise NotApplicable("periodic noise has its power on lines, which no finite run resolves")
    point = setting(entry.rule, entry.scheme)
    moment = MOMENTS.get(entry.quantity)
    point["lag"] = _BEYOND if moment is not None and moment.when == "lag-beyond" else _LAG
    point["position"] = _POSITION
    measure = _spectrum if entry.quantity.endswith("spectrum") else _moment
    parts = []
    for part in range(_PARTS.get(entry.quantity, 1)):
        runs = run(entry.rule, entry.scheme, salt * _MOST_PARTS + part, share)
        predicted, own = measure(entry, formula, point, runs)
        parts.append(own)
    return Replicas(
        predicted=predicted, numbers=np.concatenate(parts), share=_share(entry, predicted)
    )


def _share(entry: Entry, predicted: float) -> float:
    """Of the tested mean square, the part that is the quantity itself."""
    return abs(predicted - 2) / predicted if _is_signed(entry) else 1.0


def _is_signed(entry: Entry) -> bool:
    """Whether the quantity is tested through 2 - 2 cov(a, b) or 2 + 2 cov(a, b)."""
    moment = MOMENTS.get(entry.quantity)
    if moment is None:
        return entry.quantity == "noise-autocovariance"
    return moment.cross or moment.first != moment.second or moment.when.startswith("lag")


def _value(formula: Formula, point: Mapping[str, Any]) -> float:
    return float(evaluate(formula, {s.name: point[s.name] for s in formula.parameters}))


def _moment(
    entry: Entry, formula: Formula, point: Mapping[str, Any], runs: Trajectories
) -> tuple[float, FloatArray]:
    """Prediction and one number per replica, of a mean square."""
    name, value = entry.quantity, _value(formula, point)
    if name == "noise-autocovariance":
        return _noise(entry, value, runs)
    direction = "flat" if name.startswith("flat-") else "curvature"
    name = name.removeprefix("flat-")
    if name == "correlation-time":
        own = Moment(left="", title="", when="mean", first="velocity", second="velocity")
        value *= _exact(entry, own, "velocity", direction, point, None) / 2
        name = "weight-variance"
    elif name == "loss-fluctuation":
        value *= 2 / float(point["curvature"])
        name = "weight-variance"
    moment = MOMENTS[name]
    columns, lag = _columns(moment, point, runs)
    other = "second_curvature" if moment.cross else direction
    first, second = (
        (runs.velocity(d) if output == "velocity" else runs.weights[d])
        for d, output in ((direction, moment.first), (other, moment.second))
    )
    if lag == 0 and moment.first == moment.second and not moment.cross:
        return value, np.asarray((first[:, columns] ** 2).mean(axis=1))
    early, late = _times(moment, point)
    a = _exact(entry, moment, moment.first, direction, point, late) ** 0.5
    b = _exact(entry, moment, moment.second, other, point, early) ** 0.5
    sign = -1 if value > 0 else 1
    numbers = (first[:, columns + lag] / a + sign * second[:, columns] / b) ** 2
    return 2 + 2 * sign * value / (a * b), np.asarray(numbers.mean(axis=1))


def _times(moment: Moment, point: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Positions of the earlier and the later time; None where they are averaged over."""
    if moment.when == "at-last-position":
        return STEPS, STEPS
    if moment.when == "at-position":
        return _POSITION, _POSITION
    if moment.when == "lag-at-position":
        return _POSITION, _POSITION + int(point["lag"])
    return None, None


def _columns(moment: Moment, point: Mapping[str, Any], runs: Trajectories) -> tuple[Any, int]:
    """Columns of the earlier time, and the lag."""
    lag = int(point["lag"]) if moment.when.startswith("lag") else 0
    early, _ = _times(moment, point)
    if early is None:
        return np.arange(1, runs.measured * STEPS + 1), lag
    return np.arange(early, runs.measured * STEPS + 1, STEPS), lag


def _exact(
    entry: Entry, moment: Moment, output: str, direction: str, point: Mapping[str, Any],
    position: int | None,
) -> float:
    """Variance of one output in one direction, by exact arithmetic."""
    names = {s.name for s in (*entry.rule.parameters, *entry.scheme.parameters)}
    values = {k: v for k, v in point.items() if k in names | {"learning_rate", "noise_variance"}}
    values |= {"curvature": DIRECTIONS[direction], "steps_per_epoch": STEPS}
    kind: Any = "weight-variance" if output == "weights" else "velocity-variance"
    return float(solve_epoch_lifted(entry.rule, entry.scheme, values, kind, position=position))


def _noise(entry: Entry, value: float, runs: Trajectories) -> tuple[float, FloatArray]:
    """Lagged product of the batch noise, averaged over the position."""
    scheme, point = entry.scheme, setting(entry.rule, entry.scheme)
    covariance = scheme.noise_covariance(
        STEPS, samples=point["samples"], batch_size=point["batch_size"], epochs=2
    )
    variance = sum((covariance[k][k] for k in range(STEPS)), Fraction(0)) / STEPS
    scale = float(variance * point["noise_variance"]) ** 0.5
    columns = np.arange(1, runs.measured * STEPS + 1)
    sign = -1 if value > 0 else 1
    numbers = (runs.noise[:, columns + _LAG] + sign * runs.noise[:, columns]) ** 2 / scale**2
    return 2 + 2 * sign * value / scale**2, np.asarray(numbers.mean(axis=1))


def _spectrum(
    entry: Entry, formula: Formula, point: Mapping[str, Any], runs: Trajectories
) -> tuple[float, FloatArray]:
    """Periodograms at one frequency of the grid, and the formula smoothed to their resolution."""
    path = runs.noise if entry.quantity == "noise-spectrum" else runs.weights["curvature"]
    grid = 2 * np.pi * np.arange(_GRID) / _GRID
    density = np.array([_value(formula, {**point, "frequency": float(w)}) for w in grid])
    chosen = _GRID // 7
    lags = np.arange(-_WINDOW + 1, _WINDOW)
    autocovariance = np.fft.ifft(density).real[lags % _GRID]
    predicted = float(np.sum((1 - abs(lags) / _WINDOW) * autocovariance * np.cos(lags * grid[chosen])))
    wave = np.exp(-1j * grid[chosen] * np.arange(_WINDOW))
    # windows one step longer than a whole number of epochs begin at every position in turn
    starts = np.arange(1, path.shape[1] - _WINDOW, _WINDOW + 1)
    starts = starts[: len(starts) // STEPS * STEPS]
    numbers = [abs(path[:, s : s + _WINDOW] @ wave) ** 2 / _WINDOW for s in starts]
    return predicted, np.asarray(np.mean(numbers, axis=0))

"""What a catalogue formula is compared with: the same quantity from a solver, at random points."""

from __future__ import annotations

import cmath
import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from theory.closed_forms import Entry
from theory.errors import NoStationaryLawError, TheoryError
from theory.sampling import SamplingScheme
from theory.solvers import Quantity, SolverResult, solve_spectral_integral

__all__ = [
    "NotCovered",
    "Point",
    "Solver",
    "reference_spectrum",
    "reference_value",
    "sample_points",
]

Point = Mapping[str, Any]
Solver = Callable[..., SolverResult]

_MOMENTS: Mapping[str, Quantity] = {
    "weight-variance": "weight-variance",
    "velocity-variance": "velocity-variance",
    "weight-velocity-covariance": "weight-velocity-covariance",
    "weight-covariance": "weight-variance",
    "velocity-covariance": "velocity-variance",
    "weight-autocovariance": "weight-variance",
    "weight-autocovariance-beyond": "weight-variance",
}


class NotCovered(TheoryError):
    """A solver does not compute this quantity; the message says why."""


def sample_points(entry: Entry, count: int = 3) -> tuple[Point, ...]:
    """Random rational points inside the formula's condition, seeded by its slug."""
    rng = random.Random(entry.slug)
    names = [s.name for s in entry.formula.parameters]
    points: list[Point] = []
    for _ in range(400):
        point = _draw(entry, names, rng)
        symbols = {s: sp.Rational(str(point[s.name])) for s in entry.formula.parameters}
        if entry.formula.valid_if.subs(symbols) == sp.true:
            points.append(point)
        if len(points) == count:
            break
    return tuple(points)


def _draw(entry: Entry, names: list[str], rng: random.Random) -> Point:
    """One candidate; small denominators keep the exact arithmetic short."""
    batch = rng.randint(2, 4)
    steps = rng.randint(2, 7)
    samples = batch * steps
    if entry.scheme.last_batch == "dropped":
        samples += rng.randint(1, batch - 1)
    elif entry.scheme.last_batch == "kept":
        samples -= rng.randint(1, batch - 1)
    beyond = entry.quantity.endswith("beyond")
    ranges: dict[str, Any] = {
        "learning_rate": Fraction(rng.randint(1, 9), 10),
        "momentum": Fraction(rng.randint(0, 9), 10),
        "curvature": Fraction(rng.randint(1, 39), 10),
        "second_curvature": Fraction(rng.randint(1, 39), 10),
        "noise_variance": Fraction(rng.randint(1, 9), 3),
        "steps_per_epoch": steps,
        "batch_size": batch,
        "samples": samples,
        "lag": rng.randint(steps, 3 * steps) if beyond else rng.randint(1, steps),
        "position": rng.randint(1, steps),
        "frequency": Fraction(rng.randint(0, 31), 10),
        "dampening": Fraction(rng.randint(0, 9), 10),
        "weight_decay": Fraction(rng.randint(0, 5), 10),
        "immediate_discount": Fraction(rng.randint(0, 10), 10),
        "averaging_rate": Fraction(rng.randint(1, 10), 10),
    }
    return {name: ranges[name] for name in names}


def reference_value(entry: Entry, point: Point, solve: Solver) -> Any:
    """The quantity of ``entry`` at ``point`` by ``solve``: a Fraction or float, as the solver gives.

    Raises
    ------
    NotCovered
        If the solver has no such quantity.
    """
    name = entry.quantity
    if name == "noise-autocovariance":
        return _noise_autocovariance(entry.scheme, point)
    if name.endswith("spectrum"):
        raise NotCovered("a spectrum is no rational number; see the column 'spectral'")
    if name == "correlation-time" or name == "flat-correlation-time":
        flat = name.startswith("flat-")
        return 2 * _moment(entry, point, solve, "weight-variance", flat) / _moment(
            entry, point, solve, "velocity-variance", flat
        )
    if name == "loss-fluctuation":
        return _moment(entry, point, solve, "weight-variance") * point["curvature"] / 2
    return _moment(entry, point, solve, name.removeprefix("flat-"), name.startswith("flat-"))


def _moment(entry: Entry, point: Point, solve: Solver, name: str, flat: bool = False) -> Any:
    values = {k: v for k, v in point.items() if k not in ("lag", "position")}
    values |= {"curvature": 0} if flat else {}
    if "steps_per_epoch" not in values:
        values["steps_per_epoch"] = 1
    if "learning_rate" not in values:
        values["learning_rate"] = 1
    position = point.get("position")
    if name.endswith("-at-last-position"):
        position = values["steps_per_epoch"]
    base = name.removeprefix("cross-").removesuffix("-at-last-position").removesuffix("-at-position")
    options: dict[str, Any] = {"lag": int(point.get("lag", 0))}
    if position is not None:
        if solve is solve_spectral_integral:
            raise NotCovered("a spectrum averages over the epoch; it knows no position")
        options["position"] = int(position)
    try:
        result = solve(entry.rule, entry.scheme, values, _MOMENTS.get(base, base), **options)
    except NoStationaryLawError as error:
        raise NotCovered("this solver needs positive curvature") from error
    return result.value


def _noise_autocovariance(scheme: SamplingScheme, point: Point) -> Fraction:
    """By definition: the average over the epoch of the exact noise covariance."""
    steps, lag = int(point["steps_per_epoch"]), int(point["lag"])
    covariance = scheme.noise_covariance(
        steps, samples=point.get("samples"), batch_size=point.get("batch_size"),
        epochs=2 + lag // steps,
    )
    total = sum((covariance[k + lag][k] for k in range(steps)), Fraction(0))
    return total / steps * Fraction(point["noise_variance"])


def reference_spectrum(entry: Entry, point: Point) -> float:
    """By definition: the sum over lags of the noise autocovariance, times |T|² for the weights."""
    scheme, omega = entry.scheme, float(point["frequency"])
    steps = int(point.get("steps_per_epoch", 1))
    lags = range(1, steps)
    if scheme.periodic:
        raise NotCovered("the power of periodic noise sits on lines")
    full = {**point, "steps_per_epoch": steps, "noise_variance": 1}
    variance = float(_noise_autocovariance(scheme, {**full, "lag": 0}))
    total = variance + 2 * sum(
        float(_noise_autocovariance(scheme, {**full, "lag": h})) * np.cos(omega * h) for h in lags
    )
    if entry.quantity == "weight-spectrum":
        numeric = entry.rule.numeric({k: float(v) for k, v in point.items()})
        transition = numeric.keep + float(point["curvature"]) * np.outer(
            numeric.inject, numeric.evaluate_at
        )
        z = cmath.exp(1j * omega)
        response = np.linalg.solve(z * np.eye(len(transition)) - transition, numeric.inject)
        total *= abs(response[0]) ** 2
    return float(total * point["noise_variance"])

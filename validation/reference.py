"""What a catalogue formula is compared with: the same quantity from a solver, and where to compare."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.closed_forms import Entry
from theory.errors import NoStationaryLawError, TheoryError
from theory.formula import Formula
from theory.sampling import SamplingScheme
from theory.solvers import Quantity, SolverResult, solve_epoch_lifted, solve_spectral_integral

__all__ = [
    "NotCovered", "Point", "Solver", "exact_reference", "exact_value", "noise_autocovariance",
    "reference_value", "require_defined", "sample_points",
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


def sample_points(
    entry: Entry, count: int = 3, *, formula: Formula | None = None
) -> tuple[Point, ...]:
    """Random rational points inside the condition of the formula, seeded by the entry's slug."""
    target = entry.formula if formula is None else formula
    rng = random.Random(entry.slug)
    names = [s.name for s in target.parameters]
    points: list[Point] = []
    for _ in range(400):
        point = _draw(entry, names, rng)
        symbols = {s: sp.Rational(str(point[s.name])) for s in target.parameters}
        if target.valid_if.subs(symbols) == sp.true:
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


def exact_value(formula: Formula, point: Point) -> sp.Expr:
    """The formula at a rational point, exactly; named quantities one by one."""
    table: dict[sp.Symbol, sp.Expr] = {}
    for symbol in formula.parameters:
        value = Fraction(point[symbol.name])
        table[symbol] = sp.Rational(value.numerator, value.denominator)
    for name, value in formula.where:
        table[name] = value.subs(table)
    return formula.compact.subs(table)


def require_defined(entry: Entry, point: Point) -> None:
    """Refuse lags and positions for which the quantity is another one by its definition.

    Raises
    ------
    NotCovered
        With the range of the definition.
    """
    lag, position = point.get("lag"), point.get("position")
    memoryless = all(component.memoryless for component, _ in entry.scheme.noise)
    steps = None if memoryless else point.get("steps_per_epoch")
    if steps is not None and int(steps) == 1 and entry.scheme.silent_at_one_step:
        raise NotCovered("an epoch of one step makes no noise: there is no law to state")
    if steps is not None and {"samples", "batch_size"} <= set(point):
        _require_batches(entry.scheme, int(steps), int(point["samples"]), int(point["batch_size"]))
    if lag is not None and steps is not None:
        low, high = 0, int(steps)
        if entry.quantity == "noise-autocovariance":
            low, high = 1, int(steps) - 1
        elif entry.quantity.endswith("beyond"):
            low, high = int(steps), 10**9
        if not low <= lag <= high:
            raise NotCovered(f"lag = {lag} is outside {low}..{high}: another form holds there")
    if position is not None and steps is not None:
        last = any(component.special_last_position for component, _ in entry.scheme.noise)
        high = int(steps) - last
        if not 1 <= position <= high:
            raise NotCovered(f"position = {position} is outside 1..{high}: another form holds there")


def _require_batches(scheme: SamplingScheme, steps: int, samples: int, batch: int) -> None:
    """Refuse numbers of batches that an epoch does not have."""
    counted = scheme.steps_per_epoch(samples, batch)
    if samples == batch:
        raise NotCovered("the whole data set in one batch makes no noise: there is no law to state")
    if steps > counted or (steps < counted and scheme.last_batch == "kept"):
        raise NotCovered(f"{samples} samples make {counted} batches of {batch}, not {steps}")


def exact_reference(entry: Entry, point: Point) -> Fraction:
    """The quantity from the exact solver, where it is defined; computed once per point.

    Raises
    ------
    NotCovered
        Where the quantity is another one by definition.
    TheoryError
        Where it does not exist.
    """
    require_defined(entry, point)
    return Fraction(reference_value(entry, point, solve_epoch_lifted))


def reference_value(entry: Entry, point: Point, solve: Solver) -> Any:
    """The quantity of ``entry`` at ``point`` by ``solve``: a Fraction or float, as the solver gives.

    Raises
    ------
    NotCovered
        If the solver has no such quantity.
    """
    name = entry.quantity
    if name == "noise-autocovariance":
        return noise_autocovariance(entry.scheme, point)
    if name.endswith("spectrum"):
        raise NotCovered("the solvers have no spectra")
    if name == "correlation-time" or name == "flat-correlation-time":
        flat = name.startswith("flat-")
        return 2 * _moment(entry, point, solve, "weight-variance", flat) / _moment(
            entry, point, solve, "velocity-variance", flat
        )
    if name == "loss-fluctuation":
        variance = _moment(entry, point, solve, "weight-variance")
        return variance * type(variance)(point["curvature"]) / 2
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
    items = tuple(sorted((k, Fraction(v)) for k, v in values.items()))
    try:
        return _solved(
            solve, entry.rule, entry.scheme, items, _MOMENTS.get(base, base),
            tuple(sorted(options.items())),
        )
    except NoStationaryLawError as error:
        raise NotCovered(f"this solver needs positive curvature: {error}") from error


@lru_cache(maxsize=4096)
def _solved(
    solve: Solver, rule: Any, scheme: Any, items: tuple[tuple[str, Fraction], ...],
    quantity: Quantity, options: tuple[tuple[str, int], ...],
) -> Any:
    """One value per solver and point, whoever asks: the same for a formula and all its mutants."""
    return solve(rule, scheme, dict(items), quantity, **dict(options)).value


@lru_cache(maxsize=256)
def _mean_covariance(
    scheme: SamplingScheme, steps: int, lag: int, samples: int | None, batch_size: int | None
) -> Fraction:
    covariance = scheme.noise_covariance(
        steps, samples=samples, batch_size=batch_size, epochs=2 + lag // steps
    )
    return sum((covariance[k + lag][k] for k in range(steps)), Fraction(0)) / steps


def noise_autocovariance(scheme: SamplingScheme, point: Point) -> Fraction:
    """By definition: the average over the epoch of the exact noise covariance."""
    steps, lag, samples, batch_size = (
        None if (value := point.get(name)) is None else int(value)
        for name in ("steps_per_epoch", "lag", "samples", "batch_size")
    )
    mean = _mean_covariance(scheme, steps or 1, lag or 0, samples, batch_size)
    return mean * Fraction(point["noise_variance"])

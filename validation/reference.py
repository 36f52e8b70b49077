"""What a catalogue formula is compared with: the same quantity from a solver, and where to compare."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.closed_forms import Entry
from theory.formula import Formula
from theory.optimizers import LinearRule
from theory.population import expand_over
from theory.sampling import SamplingScheme
from theory.solvers import solve_epoch_lifted
from theory.solvers.by_name import NotCoveredError, Solver, exact_noise_autocovariance, solve_by_name
from theory.symbols import PARAMETERS

__all__ = [
    "Point", "exact_reference", "exact_value", "noise_autocovariance",
    "reference_value", "require_defined", "sample_points",
]

Point = Mapping[str, Any]

#: largest tenth of the parameters that one epoch alone has
_ONE_EPOCH = {"displacement": 15, "curvature_gradient_covariance": 9, "negative_curvature": 9}


def sample_points(
    entry: Entry, count: int = 3, *, formula: Formula | None = None
) -> tuple[Point, ...]:
    """Random rational points inside the condition of the formula, seeded by the entry's slug.

    They give the parameters of both formulas: one that lost a parameter is still compared.
    """
    target = entry.formula if formula is None else formula
    rng = random.Random(entry.slug)
    names = list(dict.fromkeys(s.name for s in (*entry.formula.parameters, *target.parameters)))
    points: list[Point] = []
    for _ in range(400):
        point = _draw(entry, names, rng)
        symbols = {
            s: sp.Rational(str(point[s.name])) for s in target.parameters if s not in target.per_sample
        }
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
    for name, most in _ONE_EPOCH.items():  # drawn where they are needed, so that other points stay
        if name in names:
            ranges[name] = Fraction(rng.randint(1, most), 10)
    size = rng.randint(2, 5) if any(PARAMETERS[name].per_sample for name in names) else 0
    for name in names:
        if PARAMETERS[name].per_sample:  # of either sign
            ranges[name] = tuple(Fraction(rng.randint(-9, 19), 10) for _ in range(size))
    if "curvature_variance" in names:  # the square of a coefficient of variation up to 2
        ranges["curvature_variance"] = ranges["curvature"] ** 2 * Fraction(rng.randint(1, 20), 10)
    if "label_variance" in names:
        ranges["label_variance"] = Fraction(rng.randint(1, 9), 3)
    return {name: ranges[name] for name in names}


def exact_value(formula: Formula, point: Point) -> sp.Expr:
    """The formula at a rational point, exactly; named quantities one by one."""
    table: dict[sp.Symbol, sp.Expr] = {}
    if formula.per_sample:
        columns = [[(s, sp.Rational(str(v))) for v in point[s.name]] for s in formula.per_sample]
        population = [dict(row) for row in zip(*columns, strict=True)]
        formula = replace(formula, where=(), compact=expand_over(formula.expression, population))
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
    NotCoveredError
        With the range of the definition.
    """
    lag, position = point.get("lag"), point.get("position")
    memoryless = all(component.memoryless for component, _ in entry.scheme.noise)
    steps = None if memoryless else point.get("steps_per_epoch")
    if steps is not None and int(steps) == 1 and entry.scheme.silent_at_one_step:
        raise NotCoveredError("an epoch of one step makes no noise: there is no law to state")
    if steps is not None and {"samples", "batch_size"} <= set(point):
        _require_batches(entry.scheme, int(steps), int(point["samples"]), int(point["batch_size"]))
    if lag is not None and steps is not None:
        low, high = 0, int(steps)
        if entry.quantity == "noise-autocovariance":
            low, high = 1, int(steps) - 1
        elif entry.quantity.endswith("beyond"):
            low, high = int(steps), 10**9
        if not low <= lag <= high:
            raise NotCoveredError(f"lag = {lag} is outside {low}..{high}: another form holds there")
    if position is not None and steps is not None:
        last = any(component.special_last_position for component, _ in entry.scheme.noise)
        high = int(steps) - last
        if not 1 <= position <= high:
            raise NotCoveredError(f"position = {position} is outside 1..{high}: another form holds there")


def _require_batches(scheme: SamplingScheme, steps: int, samples: int, batch: int) -> None:
    """Refuse numbers of batches that an epoch does not have."""
    counted = scheme.steps_per_epoch(samples, batch)
    if samples == batch:
        raise NotCoveredError("the whole data set in one batch makes no noise: there is no law to state")
    if steps > counted or (steps < counted and scheme.last_batch == "kept"):
        raise NotCoveredError(f"{samples} samples make {counted} batches of {batch}, not {steps}")


def exact_reference(entry: Entry, point: Point) -> Fraction:
    """The quantity from the exact solver, where it is defined; computed once per point.

    Raises
    ------
    NotCoveredError
        Where the quantity is another one by definition.
    TheoryError
        Where it does not exist.
    """
    require_defined(entry, point)
    return Fraction(reference_value(entry, point, solve_epoch_lifted))


def reference_value(entry: Entry, point: Point, solve: Solver) -> Any:
    """The quantity of ``entry`` at ``point`` by ``solve``: a Fraction or float, as the solver gives.

    Computed once per solver and point, whoever asks: the same for a formula and all its mutants.

    Raises
    ------
    NotCoveredError
        If the solver has no such quantity.
    TheoryError
        As the solver.
    """
    items = tuple(sorted((name, Fraction(value)) for name, value in point.items()))
    return _solved(solve, entry.rule, entry.scheme, entry.quantity, items)


@lru_cache(maxsize=4096)
def _solved(
    solve: Solver, rule: LinearRule, scheme: SamplingScheme, quantity: str,
    items: tuple[tuple[str, Fraction], ...],
) -> Any:
    return solve_by_name(rule, scheme, quantity, dict(items), solve)


def noise_autocovariance(scheme: SamplingScheme, point: Point) -> Fraction:
    """Of the batch noise at ``lag``, by definition; computed once per scheme, M, N, S and lag."""
    whole = {name: point.get(name) for name in ("samples", "batch_size")}
    whole |= {"steps_per_epoch": point.get("steps_per_epoch", 1), "lag": point.get("lag", 0)}
    items = tuple((name, int(value)) for name, value in whole.items() if value is not None)
    return _unit_autocovariance(scheme, items) * Fraction(point["noise_variance"])


@lru_cache(maxsize=4096)
def _unit_autocovariance(scheme: SamplingScheme, items: tuple[tuple[str, int], ...]) -> Fraction:
    return exact_noise_autocovariance(scheme, {"noise_variance": 1, **dict(items)})

"""Small rational points at which a claim and the truth are compared."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from derivations.checking.point_value import UndefinedError, value_at
from derivations.checking.target import Target
from theory.symbols import PARAMETERS

__all__ = ["Point", "fixed_points", "holds_at", "small_points"]

Point = Mapping[sp.Symbol, Fraction]


def small_points(target: Target, count: int, seed: int = 0) -> Iterator[Point]:
    """Points inside the formula's condition, simple numbers first.

    Every parameter of the project has a value, and M, N and S fit together, so that claims in other
    parameters can be evaluated too.
    """
    rng = random.Random(f"{target.name}/{seed}")
    found, seen = 0, set()
    for attempt in range(60 * count):
        point = _draw(target, rng, 3 + attempt // 20)
        key = tuple(point.items())
        if key in seen or not holds_at(target.formula.valid_if, point):
            continue
        seen.add(key)
        yield point
        found += 1
        if found == count:
            return


@lru_cache(maxsize=64)
def fixed_points(target: Target, count: int = 5) -> tuple[tuple[Point, Any], ...]:
    """The points of the quick test, with the truth there."""
    found = []
    for point in small_points(target, 3 * count, seed=1):
        try:
            found.append((point, value_at(target.truth, point)))
        except UndefinedError:
            continue
        if len(found) == count:
            break
    return tuple(found)


def holds_at(condition: sp.Basic, point: Point) -> bool:
    """Whether a condition holds at a point; False where it is undefined."""
    indicator = sp.Piecewise((sp.S.One, condition), (sp.S.Zero, sp.true))
    if condition in (sp.true, sp.false):
        return bool(condition)
    try:
        return bool(value_at(indicator, point) == 1)
    except UndefinedError:
        return False


def _draw(target: Target, rng: random.Random, size: int) -> dict[sp.Symbol, Fraction]:
    batch, steps = rng.randint(2, 3), rng.randint(2, max(2, min(size, 7)))
    samples = batch * steps
    if target.scheme.last_batch == "dropped":
        samples += rng.randint(1, batch - 1)
    elif target.scheme.last_batch == "kept":
        samples -= rng.randint(1, batch - 1)
    beyond = target.quantity.endswith("beyond")
    below = Fraction(1, rng.randint(2, size))
    values: dict[str, Any] = {
        "learning_rate": Fraction(1, rng.randint(1, size)),
        "momentum": Fraction(rng.randint(1, size - 1), size),
        "curvature": Fraction(rng.randint(1, size), rng.randint(1, size)),
        "second_curvature": Fraction(rng.randint(1, size), rng.randint(1, size)),
        "noise_variance": Fraction(rng.randint(1, size), rng.randint(1, 3)),
        "steps_per_epoch": steps, "batch_size": batch, "samples": samples,
        "lag": rng.randint(steps, 2 * steps) if beyond else rng.randint(1, steps),
        "position": rng.randint(1, steps),
        "frequency": Fraction(rng.randint(1, 2 * size), size),
        "dampening": Fraction(rng.randint(0, size - 1), size),
        "weight_decay": Fraction(1, rng.randint(1, size)),
        "immediate_discount": below, "averaging_rate": below,
    }
    known = {p.symbol: Fraction(values[p.name]) for p in PARAMETERS.values()}
    return known | {s: below for s in target.parameters if s not in known}

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

__all__ = ["Point", "equalities", "fixed_points", "holds_at", "small_points"]

Point = Mapping[sp.Symbol, Fraction]
_PRIMES = (83, 89, 97, 101, 103, 107, 109, 113)
#: drawn from a generator of their own, so that the points of the stationary law do not move
_OTHER_MODELS = frozenset(PARAMETERS) - {
    "learning_rate", "momentum", "curvature", "second_curvature", "noise_variance", "steps_per_epoch",
    "batch_size", "samples", "lag", "position", "frequency", "dampening", "weight_decay",
    "immediate_discount", "averaging_rate",
}


def small_points(target: Target, count: int, region: sp.Basic = sp.true) -> Iterator[Point]:
    """Points inside the formula's condition and the claimed region, simple numbers first.

    Every parameter of the project has a value, and M, N and S fit together, so that claims in other
    parameters can be evaluated too.
    """
    rng = random.Random(target.name)
    found, seen = 0, set()
    for attempt in range(60 * count if region == sp.true else 3 * count):
        drawn = _draw(target, rng, 3 + attempt // 20)
        point = drawn if region == sp.true else _moved(drawn, target, region, attempt)
        key = tuple(point.items()) if point else ()
        if point is None or key in seen or not holds_at(sp.And(target.formula.valid_if, region), point):
            continue
        seen.add(key)
        yield point
        found += 1
        if found == count:
            return


def _moved(point: Point, target: Target, region: sp.Basic, seed: int) -> dict[sp.Symbol, Fraction] | None:
    """The point with everything that region and condition speak of drawn inside both."""
    from derivations.checking.region_points import points_where  # which imports this module

    fixed = equalities(region)
    known = {s: sp.Rational(v.numerator, v.denominator) for s, v in fixed.items()}
    both = [*sp.And.make_args(target.formula.valid_if), *sp.And.make_args(region)]
    relations = [r for part in both if (r := part.subs(known)) != sp.true]
    symbols = sorted({s for r in relations for s in r.free_symbols}, key=str)
    inside = next(points_where(relations, symbols, attempts=8, seed=seed), None)
    return None if inside is None else {**point, **inside, **fixed}


@lru_cache(maxsize=64)
def fixed_points(
    target: Target, region: sp.Basic = sp.true, count: int = 5
) -> tuple[tuple[Point, Any], ...]:
    """The points of the quick test, with the truth there: quotients of primes, so that nothing agrees
    by chance of small numbers."""
    rng, found = random.Random(f"{target.name}/fixed"), []
    later = random.Random(f"{target.name}/other models")
    for attempt in range(200 * count if region == sp.true else 4 * count):
        point = _draw(target, rng, 5)
        for symbol, value in point.items():
            if not symbol.is_integer:
                own = later if symbol.name in _OTHER_MODELS else rng
                point[symbol] = value * Fraction(own.choice(_PRIMES), own.choice(_PRIMES))
        if region != sp.true:
            point = _moved(point, target, region, attempt) or {}
        if not point or not holds_at(sp.And(target.formula.valid_if, region), point):
            continue
        try:
            found.append((point, value_at(target.truth, point)))
        except UndefinedError:
            continue
        if len(found) == count:
            break
    return tuple(found)


def equalities(region: sp.Basic) -> dict[sp.Symbol, Fraction]:
    """What the region sets to a number: momentum = 0."""
    found = {}
    for part in sp.And.make_args(region):
        if isinstance(part, sp.Eq):
            for symbol, value in (part.args, part.args[::-1]):
                if symbol.is_Symbol and value.is_Rational:
                    found[symbol] = Fraction(int(value.p), int(value.q))
    return found


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
    values = _of_other_models(values) | values
    known = {p.symbol: Fraction(values[p.name]) for p in PARAMETERS.values() if not p.per_sample}
    return known | {s: below for s in target.parameters if s not in known}


def _of_other_models(values: Mapping[str, Any]) -> dict[str, Fraction]:
    """Parameters beyond the stationary law's; from a generator of their own, so that nothing else moves."""
    rng = random.Random(repr(values))
    found = {
        name: Fraction(rng.randint(1, 9), rng.randint(1, 9)) for name in PARAMETERS if name not in values
    }
    # fluctuations that leave a second moment at ordinary rates
    return found | {"curvature_variance": values["curvature"] ** 2 * Fraction(1, rng.randint(2, 9))}

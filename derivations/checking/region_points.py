"""Exact rational points that fulfil given relations: one symbol after the other, inside its interval."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import sympy as sp

from derivations.checking.inequalities import Row, alternatives
from derivations.checking.points import holds_at

__all__ = ["points_where"]

_LARGEST_WHOLE = 12


@dataclass(frozen=True, slots=True)
class _Interval:
    low: Fraction | None
    high: Fraction | None
    open_low: bool
    open_high: bool

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.open_low or self.open_high))


def points_where(
    relations: Sequence[sp.Basic], symbols: Sequence[sp.Symbol], *, attempts: int = 60, seed: int = 0
) -> Iterator[dict[sp.Symbol, Fraction]]:
    """Points at which all relations hold, exactly; simple numbers close to the bounds.

    Each symbol in turn is drawn from the interval that the relations linear in it leave once the others
    they contain are fixed; relations that are not polynomial are only checked at the end.
    """
    rng = random.Random(seed)
    rows = [_polynomial(row) for r in relations for row in _rows(r)]
    whole = sorted((s for s in symbols if s.is_integer), key=str)
    others = sorted((s for s in symbols if not s.is_integer), key=str)
    for attempt in range(attempts):
        order = [*whole, *others]
        if attempt:
            rng.shuffle(whole)
            rng.shuffle(others)
            order = [*whole, *others]
        point = _draw(order, rows, rng, attempt)
        if point is not None and all(holds_at(r, point) for r in relations):
            yield point


def _rows(relation: sp.Basic) -> list[Row]:
    found = alternatives(relation)
    return found[0] if found else []


#: (coefficient, {symbol: power}) terms, and whether the inequality is strict
_Polynomial = tuple[list[tuple[Fraction, dict[sp.Expr, sp.Expr]]], bool]


def _polynomial(row: Row) -> _Polynomial:
    terms = [(c, dict(m.as_powers_dict())) for m, c in row.coefficients.items()]
    return [*terms, (row.constant, {})], row.strict


def _draw(
    order: Sequence[sp.Symbol], rows: Sequence[_Polynomial], rng: random.Random, attempt: int
) -> dict[sp.Symbol, Fraction] | None:
    point: dict[sp.Symbol, Fraction] = {}
    for s in order:
        interval = _interval(s, rows, point)
        value = None if interval.empty else _choose(s, interval, rng, attempt)
        if value is None:
            return None
        point[s] = value
    return point


def _interval(s: sp.Symbol, rows: Sequence[_Polynomial], point: Mapping[sp.Symbol, Fraction]) -> _Interval:
    low: Fraction | None = None
    high: Fraction | None = None
    open_low = open_high = False
    if s.is_positive:
        low, open_low = (Fraction(1), False) if s.is_integer else (Fraction(0), True)
    elif s.is_nonnegative:
        low = Fraction(0)
    for terms, strict in rows:
        line = _line(s, terms, point)
        if line is None or line[0] == 0:
            continue
        slope, rest = line
        bound = -rest / slope
        if slope > 0 and (low is None or (bound, strict) > (low, open_low)):
            low, open_low = bound, strict
        elif slope < 0 and (high is None or (bound, not strict) < (high, not open_high)):
            high, open_high = bound, strict
    return _Interval(low, high, open_low, open_high)


def _line(
    s: sp.Symbol, terms: Sequence[tuple[Fraction, dict[sp.Expr, sp.Expr]]],
    point: Mapping[sp.Symbol, Fraction],
) -> tuple[Fraction, Fraction] | None:
    """(a, b) with the polynomial a s + b at the point; None if it is not linear or not all is known."""
    slope = rest = Fraction(0)
    for coefficient, powers in terms:
        value, degree = coefficient, 0
        for factor, power in powers.items():
            if not power.is_Integer:
                return None
            if factor == s:
                degree = int(power)
            elif factor in point and (point[factor] or power > 0):
                value *= point[factor] ** int(power)
            else:
                return None
        if degree not in (0, 1):
            return None
        if degree:
            slope += value
        else:
            rest += value
    return slope, rest


def _choose(s: sp.Symbol, interval: _Interval, rng: random.Random, attempt: int) -> Fraction | None:
    low, high = interval.low, interval.high
    if s.is_integer:
        first = 0 if low is None else (floor(low) + 1 if interval.open_low else ceil(low))
        last = first + _LARGEST_WHOLE if high is None else (
            ceil(high) - 1 if interval.open_high else floor(high))
        last = min(last, first + _LARGEST_WHOLE)
        if first > last:
            return None
        usual = min(last, max(first, 2))
        return Fraction(usual if attempt == 0 else rng.randint(first, last))
    if low is not None and low == high:
        return low
    if low is not None and high is None:
        steps = (1, Fraction(1, 2), Fraction(1, 10), 2, 5, Fraction(1, 100), 20)
        return low + steps[0 if attempt == 0 else rng.randrange(len(steps))]
    if high is not None and low is None:
        return high - Fraction(rng.randint(1, 4), 2)
    if low is None or high is None:
        return Fraction(rng.randint(-3, 3))
    width = high - low
    shares = (Fraction(1, 2), Fraction(1, 10), Fraction(9, 10), Fraction(1, 100), Fraction(99, 100))
    share = shares[0 if attempt == 0 else rng.randrange(len(shares))]
    margin = min(share, 1 - share) / 2
    middle = low + share * width
    return _simplest(middle - margin * width, middle + margin * width)


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of smallest denominator in the closed interval."""
    whole = ceil(low)
    if whole <= high:
        return Fraction(whole if abs(whole) <= abs(floor(high)) else floor(high))
    base = floor(low)
    return base + 1 / _simplest(1 / (high - base), 1 / (low - base))

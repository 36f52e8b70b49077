"""One limit of a ratio: its leading term, and the remainder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from derivations.checking.point_value import value_at
from derivations.checking.series_approach import Approach
from derivations.checking.series_expression import Expansion
from derivations.checking.series_field import Ground
from derivations.checking.series_positive import Region
from derivations.evaluation import NotRationalError
from theory.errors import TheoryError
from theory.symbols import PARAMETERS

__all__ = ["Outcome", "limit_of_ratio", "unmoved"]

#: operations of a remainder that is still factored after the fixed numbers are put in
_MOST = 300


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """over/under tends to ``ratio``; the remainder is ``error`` to leading order, None beyond all orders.

    ``conditions`` are bases b whose powers were dropped where |b| < 1.
    """

    ratio: sp.Expr
    order: sp.Rational | None
    error: sp.Expr | None
    conditions: frozenset[sp.Expr]


def limit_of_ratio(
    over: sp.Expr, under: sp.Expr, approach: Approach, order: int, region: Region,
    check: Callable[[], None],
) -> Outcome:
    """Leading term of over / under, and the next one that is not zero.

    Raises
    ------
    NotRationalError
        Where there is no expansion of this kind.
    LostPrecisionError
        If all terms cancel to this order.
    """
    ground = Ground()
    expansion = Expansion(ground, order, approach.replace, region, check)
    numerator, denominator = expansion.of(over), expansion.of(under)
    conditions = frozenset(expansion.conditions)
    if numerator.is_zero:
        return Outcome(ratio=sp.S.Zero, order=None, error=None, conditions=conditions)
    low, first, power, second = expansion.laurent.leading(numerator, denominator)
    if low < 0:
        return Outcome(ratio=sp.oo, order=None, error=None, conditions=conditions)
    if low > 0:
        power, second = low, first
    ratio = ground.expression(first)
    if low == 0 and expansion.bounded and ratio.has(*expansion.bounded):
        raise NotRationalError("the ratio keeps oscillating")
    error = None if second is None else ground.expression(second).xreplace(approach.back)
    if error is not None and approach.back and not error.has(sp.exp) and sp.count_ops(error) < _MOST:
        error = sp.factor(error)
    return Outcome(
        ratio=ratio.xreplace(approach.back) if low == 0 else sp.S.Zero,
        order=None if error is None else _order(power, approach),
        error=None if error is None else error * approach.small**power, conditions=conditions,
    )


def _order(power: int, approach: Approach) -> sp.Rational:
    """Powers are counted in the variable, also where the small one is its square root."""
    half = isinstance(approach.small, sp.Pow) and approach.small.exp == sp.S.Half
    return sp.Rational(power, 2 if half else 1)


def unmoved(over: sp.Expr, under: sp.Expr, approach: Approach) -> bool:
    """Whether the ratio does not change with the variable, judged at two points."""
    symbols = sorted(over.free_symbols | under.free_symbols, key=str)
    try:
        points = (_point(symbols, ()), _point(symbols, tuple(approach.replace)))
        (a, b), (c, d) = ((value_at(over, p), value_at(under, p)) for p in points)
    except TheoryError:
        return True
    left, right = _product(a, d), _product(b, c)
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    with mpmath.workdps(50):
        left, right = _floating(left), _floating(right)
        return bool(abs(left - right) <= abs(left) * mpmath.mpf(10) ** -40)


def _product(a: Any, b: Any) -> Any:
    both = isinstance(a, Fraction) and isinstance(b, Fraction)
    with mpmath.workdps(50):
        return a * b if both else _floating(a) * _floating(b)


def _floating(a: Any) -> Any:
    return mpmath.mpf(a.numerator) / a.denominator if isinstance(a, Fraction) else a


_POINT = {
    "learning_rate": Fraction(1, 3), "momentum": Fraction(1, 4), "curvature": Fraction(2, 7),
    "second_curvature": Fraction(3, 11), "steps_per_epoch": Fraction(7), "batch_size": Fraction(3),
    "samples": Fraction(22), "lag": Fraction(3), "position": Fraction(4), "sqrt_momentum": Fraction(1, 2),
}


def _point(symbols: Sequence[sp.Symbol], moved: Sequence[sp.Symbol]) -> dict[sp.Symbol, Fraction]:
    """A point of the region, with the moving symbols elsewhere if there are any."""
    names = {s.name for s in moved}
    point = {}
    for i, s in enumerate(symbols):
        value = _POINT.get(s.name, Fraction(1, 5 + i))
        if s.name in names:
            integer = s.name in PARAMETERS and PARAMETERS[s.name].integer
            value = value * 2 + (1 if s.name == "samples" else 0) if integer else value * Fraction(2, 3)
        point[s] = value
    return point

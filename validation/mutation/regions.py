r"""Whether two conditions describe the same region: proved by a sum of products, or left open.

A relation P - Q > 0 follows from others if its gap is a sum :math:`\sum_ix_ig_i`, :math:`x_i\ge0`, of
gaps, of symbols that are not negative, and of products of them up to the degree of the gap; or if the gap
times a positive polynomial is such a sum of a higher degree. A linear program finds the numbers
:math:`x_i` and the polynomial; the sum is then verified in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy as sp
from scipy.optimize import linprog
from sympy.core.relational import Relational

from theory.formula import Formula

__all__ = ["same_region"]

#: numbers in a sum are fractions with denominators up to this
_DENOMINATOR = 1000
#: the search for a factor goes no higher
_HIGHEST = 5


@dataclass(frozen=True, slots=True)
class _Claim:
    """``gap`` >= 0, or > 0 if ``strict``."""

    gap: sp.Poly
    strict: bool


def same_region(first: Formula, second: Formula) -> bool:
    """Whether each relation of one condition follows from the other one: False if no sum was found."""
    symbols = sorted(first.valid_if.free_symbols | second.valid_if.free_symbols, key=str)
    one, two = (_claims(formula.valid_if, symbols) for formula in (first, second))
    if one is None or two is None:
        return bool(first.valid_if == second.valid_if)
    domain = [
        _Claim(sp.Poly(s, *symbols), bool(s.is_positive)) for s in symbols if s.is_nonnegative
    ] + [_Claim(sp.Poly(s - 1, *symbols), False) for s in symbols if s.is_integer and s.is_positive]
    return all(
        _follows(claim, [*given, *domain])
        for given, wanted in ((two, one), (one, two)) for claim in wanted if claim not in given
    )


def _claims(condition: sp.Basic, symbols: Sequence[sp.Symbol]) -> tuple[_Claim, ...] | None:
    """The relations in one form; None if the condition is more than a conjunction of inequalities."""
    parts = [part for part in sp.And.make_args(condition) if part != sp.true]
    if not all(isinstance(p, Relational) and not isinstance(p, (sp.Eq, sp.Ne)) for p in parts):
        return None
    return tuple(_claim(part, symbols) for part in parts)


def _claim(part: Relational, symbols: Sequence[sp.Symbol]) -> _Claim:
    """Whole numbers: gap - 1 >= 0 for gap > 0, and the bound of a single one rounded."""
    strict = isinstance(part, (sp.StrictGreaterThan, sp.StrictLessThan))
    gap = sp.Poly(part.gts - part.lts, *symbols).clear_denoms(convert=True)[1]
    own = sorted(gap.free_symbols, key=str)
    if own and all(s.is_integer for s in own):
        gap = gap - 1 if strict else gap
        if len(own) == 1 and gap.total_degree() == 1:
            a, b = sp.Poly(gap.as_expr(), own[0]).all_coeffs()
            bound = sp.ceiling(-b / a) if a > 0 else sp.floor(-b / a)
            gap = sp.Poly(own[0] - bound if a > 0 else bound - own[0], *symbols)
        strict = False
    return _Claim(gap, strict)


def _follows(claim: _Claim, given: Sequence[_Claim]) -> bool:
    """Whether the gap, or it times something positive, is a sum of products; strict if one of them is."""
    one = _Claim(claim.gap * 0 + 1, True)
    most = max(2, claim.gap.total_degree())
    if _is_sum(claim, _products(given, most), [one]):
        return True
    highest = max([most, *(g.gap.total_degree() for g in given)])
    if highest > _HIGHEST:
        return False
    positive = [g for g in given if g.strict and _is_symbol(g.gap)]
    factors = _products([*given, *positive], highest - claim.gap.total_degree())
    return _is_sum(claim, _products(given, highest), [f for f in factors if len(f.gap.terms()) == 1])


def _is_symbol(gap: sp.Poly) -> bool:
    return bool(gap.total_degree() == 1 and len(gap.terms()) == 1)


def _products(given: Sequence[_Claim], most: int) -> list[_Claim]:
    """One, and all products of the given up to a degree."""
    products = [_Claim(given[0].gap * 0 + 1, True)]
    for _ in range(most):
        products += [
            _Claim(a.gap * b.gap, a.strict and b.strict) for a in products for b in given
            if a.gap.total_degree() + b.gap.total_degree() <= most
        ]
        products = list({(p.gap, p.strict): p for p in products}.values())
    return products


def _is_sum(claim: _Claim, items: Sequence[_Claim], factors: Sequence[_Claim]) -> bool:
    """Whether numbers x, y >= 0 make sum_i x_i items_i = sum_k y_k factors_k gap, some y_k > 0."""
    columns = [*(item.gap for item in items), *(-f.gap * claim.gap for f in factors)]
    monomials = sorted({m for column in columns for m in column.monoms()})
    rows = {m: place for place, m in enumerate(monomials)}
    matrix = np.zeros((len(rows) + 1, len(columns)))
    for place, column in enumerate(columns):
        for m, c in column.terms():
            matrix[rows[m], place] = float(c)
    strict = np.array([*(float(item.strict) for item in items), *([0.0] * len(factors))])
    chosen = np.array([*([0.0] * len(items)), *(float(f.strict) for f in factors)])
    matrix[-1] = chosen  # a positive polynomial, normalised
    right = np.zeros(len(rows) + 1)
    right[-1] = 1
    solved = linprog(  # few terms
        np.ones(len(columns)), A_eq=matrix, b_eq=right, A_ub=-strict[None, :],
        b_ub=[-0.01 * claim.strict], bounds=(0, 1000), method="highs",
    )
    if solved.x is None:
        return False
    shares = [Fraction(float(x)).limit_denominator(_DENOMINATOR) for x in solved.x]
    total = claim.gap * 0
    for share, column in zip(shares, columns, strict=True):
        if share:
            total = total + column * sp.Rational(share.numerator, share.denominator)
    used = [bool(share) for share in shares]
    positive = any(u and c for u, c in zip(used, chosen, strict=True))
    strictly = any(u and c for u, c in zip(used, strict, strict=True))
    return bool(total.is_zero) and positive and (strictly or not claim.strict)

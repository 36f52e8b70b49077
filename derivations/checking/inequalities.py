r"""Relations as polynomial inequalities with rational coefficients, and Fourier-Motzkin elimination.

A relation is brought over one denominator; a denominator of unknown sign splits it into two cases.
Every monomial, :math:`\eta\lambda` say, is then a variable of its own with the sign its symbols give it.
Products of two bounds on single symbols, :math:`(\eta-a)(\lambda-b)\ge0`, tie products to their factors.
That relaxation has more solutions than the relations, so "infeasible" is a proof and "feasible" none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm

import sympy as sp

__all__ = ["Row", "alternatives", "infeasible"]

_MOST_BRANCHES = 128
_MOST_ROWS = 3000


@dataclass(frozen=True, slots=True)
class Row:
    """``constant + sum of coefficient * monomial`` is >= 0, or > 0 if ``strict``."""

    coefficients: Mapping[sp.Expr, Fraction]
    constant: Fraction
    strict: bool


def alternatives(relation: sp.Basic) -> list[list[Row]] | None:
    """Lists of rows, one of which holds in full where the relation is defined and true; None: unknown."""
    if relation in (sp.true, sp.false):
        return [[]] if relation == sp.true else []
    gap = relation.lhs - relation.rhs
    if isinstance(relation, (sp.StrictLessThan, sp.LessThan)):
        gap = -gap
    strict = isinstance(relation, (sp.StrictLessThan, sp.StrictGreaterThan))
    numerator, denominator = sp.fraction(sp.together(gap))
    if isinstance(relation, sp.Eq):
        both = _row(numerator, False), _row(-numerator, False)
        return None if both[0] is None or both[1] is None else [[both[0], both[1]]]
    found = []
    for sign in (1, -1):
        if (denominator.is_positive and sign < 0) or (denominator.is_negative and sign > 0):
            continue
        rows = [_row(sign * numerator, strict)]
        if not denominator.is_positive and not denominator.is_negative:
            rows.append(_row(sign * denominator, True))
        if any(row is None for row in rows):
            return None
        found.append([row for row in rows if row is not None])
    return found


def _row(polynomial: sp.Expr, strict: bool) -> Row | None:
    expanded = sp.expand(polynomial)
    coefficients: dict[sp.Expr, Fraction] = {}
    constant = Fraction(0)
    for term in sp.Add.make_args(expanded):
        number, monomial = term.as_coeff_Mul()
        if not number.is_Rational:
            return None
        value = Fraction(int(number.p), int(number.q))
        if monomial == 1:
            constant += value
        else:
            coefficients[monomial] = coefficients.get(monomial, Fraction(0)) + value
    row = Row({m: c for m, c in coefficients.items() if c}, constant, strict)
    return _tightened(row)


def _tightened(row: Row) -> Row:
    """n > 0 is n >= 1 for whole numbers."""
    if not row.strict or not all(m.is_integer for m in row.coefficients):
        return row
    scale = lcm(*(c.denominator for c in row.coefficients.values()), row.constant.denominator)
    return Row({m: c * scale for m, c in row.coefficients.items()}, row.constant * scale - 1, False)


def _signs(monomials: Iterable[sp.Expr]) -> Iterator[Row]:
    """What the assumptions say of each variable."""
    for m in monomials:
        if m.is_positive:
            least = Fraction(1 if m.is_integer else 0)
            yield Row({m: Fraction(1)}, -least, not m.is_integer)
        elif m.is_nonnegative:
            yield Row({m: Fraction(1)}, Fraction(0), False)
        elif m.is_negative or m.is_nonpositive:
            yield Row({m: Fraction(-1)}, Fraction(0), bool(m.is_negative))


def infeasible(relations: Sequence[sp.Basic], *, signs: bool = True) -> bool:
    """Whether the relations provably have no common solution.

    With ``signs`` the symbols' own assumptions count too (learning_rate > 0, whole numbers >= 1).
    """
    lists = [found for found in map(alternatives, relations) if found is not None]
    count = 1
    for one in lists:
        count *= len(one)
    if count > _MOST_BRANCHES:
        lists = [one for one in lists if len(one) == 1]
    return all(_no_solution([r for rows in choice for r in rows], signs) for choice in product(*lists))


def _no_solution(rows: list[Row], signs: bool) -> bool:
    monomials = dict.fromkeys(m for row in rows for m in row.coefficients)
    symbols = {s: None for m in monomials for s in m.free_symbols}
    system = [*rows, *(_signs(monomials | symbols) if signs else ())]
    system = _distinct([*system, *_products(system, monomials)])
    while True:
        if any(_is_false(row) for row in system):
            return True
        left = dict.fromkeys(m for row in system for m in row.coefficients)
        if not left:
            return False
        counts = {}
        for m in left:
            up = sum(1 for r in system if r.coefficients.get(m, 0) > 0)
            counts[m] = up * (sum(1 for r in system if m in r.coefficients) - up)
        system = _eliminate(system, min(left, key=lambda m: counts[m]))
        if len(system) > _MOST_ROWS:
            return False


def _products(system: Sequence[Row], monomials: Iterable[sp.Expr]) -> Iterator[Row]:
    """(a x + b)(c y + d) >= 0 for every monomial x y and every pair of bounds on x and on y."""
    bounds: dict[sp.Expr, list[Row]] = {}
    for row in system:
        if len(row.coefficients) == 1:
            (s,) = row.coefficients
            bounds.setdefault(s, []).append(row)
    for m in monomials:
        factors = [f for f, power in m.as_powers_dict().items() for _ in range(_times(power))]
        if len(factors) != 2:
            continue
        x, y = factors
        for first, second in product(bounds.get(x, ()), bounds.get(y, ())):
            a, c = first.coefficients[x], second.coefficients[y]
            total = {m: a * c}
            for s, value in ((x, a * second.constant), (y, c * first.constant)):
                total[s] = total.get(s, Fraction(0)) + value
            kept = {s: value for s, value in total.items() if value}
            yield Row(kept, first.constant * second.constant, first.strict and second.strict)


def _times(power: sp.Expr) -> int:
    """How often a factor counts; 3, too many, for what is no first or second power."""
    return int(power) if power in (1, 2) else 3


def _is_false(row: Row) -> bool:
    return not row.coefficients and (row.constant < 0 or (row.constant == 0 and row.strict))


def _eliminate(system: Iterable[Row], m: sp.Expr) -> list[Row]:
    lower: list[Row] = []
    upper: list[Row] = []
    rest: list[Row] = []
    for row in system:
        c = row.coefficients.get(m, Fraction(0))
        (lower if c > 0 else upper if c < 0 else rest).append(row)
    for low, high in product(lower, upper):
        a, b = -high.coefficients[m], low.coefficients[m]
        total: dict[sp.Expr, Fraction] = {}
        for row, scale in ((low, a), (high, b)):
            for k, c in row.coefficients.items():
                total[k] = total.get(k, Fraction(0)) + scale * c
        constant = a * low.constant + b * high.constant
        kept = {k: c for k, c in total.items() if c and k != m}
        row = Row(kept, constant, low.strict or high.strict)
        if kept or constant < 0 or (constant == 0 and row.strict):
            rest.append(row)
    return _distinct(rest)


def _distinct(rows: Iterable[Row]) -> list[Row]:
    """Of rows that differ in the constant only, the strongest."""
    best: dict[frozenset[tuple[sp.Expr, Fraction]], Row] = {}
    for row in rows:
        scale = max((abs(c) for c in row.coefficients.values()), default=Fraction(1))
        scaled = Row({m: c / scale for m, c in row.coefficients.items()}, row.constant / scale, row.strict)
        key = frozenset(scaled.coefficients.items())
        old = best.get(key)
        if old is None or (scaled.constant, not scaled.strict) < (old.constant, not old.strict):
            best[key] = scaled
    return list(best.values())

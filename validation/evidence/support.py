r"""Exponential polynomials in one whole number n, by the terms they may have.

A value is a quotient of sums of :math:`c\,n^a\rho^n`, with :math:`\rho` a product of powers of named
poles. Only which terms may occur is kept: {:math:`\rho`: highest a}, an upper bound that no
cancellation lowers. The poles of a Lucas sequence are the roots of its characteristic polynomial,
factor by factor, so that a factor z - 1 of multiplicity m gives the powers :math:`n^0..n^{m-1}`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.formula import Formula
from validation.evidence.numbers import NotRational, program_of

__all__ = ["Support", "Terms", "count", "formula_support", "poles_of", "quotient", "rational_support"]

#: a product of powers of poles: sorted pairs (pole, exponent of n)
Product = tuple[tuple[str, int], ...]
#: for each product the highest power of n that may stand before it
Terms = Mapping[Product, int]
_ONE: Terms = {(): 0}
_MOST_TERMS = 3000
_names = itertools.count()
_z = sp.Symbol("z")


def count(terms: Terms) -> int:
    """The order of the linear recurrence that every such sum obeys."""
    return sum(a + 1 for a in terms.values())


def join(first: Terms, second: Terms) -> Terms:
    """Terms of a sum."""
    out = dict(first)
    for product, a in second.items():
        out[product] = max(a, out.get(product, 0))
    return out


def times(first: Terms, second: Terms) -> Terms:
    """Terms of a product.

    Raises
    ------
    NotRational
        If there are too many to be of use.
    """
    if len(first) * len(second) > _MOST_TERMS**1.5:
        raise NotRational("too many terms for a useful bound")
    out: dict[Product, int] = {}
    for (p, a), (q, b) in itertools.product(first.items(), second.items()):
        exponents = dict(p)
        for pole, e in q:
            exponents[pole] = exponents.get(pole, 0) + e
        key = tuple(sorted((pole, e) for pole, e in exponents.items() if e))
        out[key] = max(a + b, out.get(key, 0))
    if len(out) > _MOST_TERMS:
        raise NotRational("too many terms for a useful bound")
    return out


def _raised(terms: Terms, power: int) -> Terms:
    out = _ONE
    for _ in range(power):
        out = times(out, terms)
    return out


class Support:
    """A quotient: terms above, named factors below; and the expression itself while it is short."""

    __slots__ = ("below", "expression", "growing", "name", "size", "top")

    def __init__(
        self, top: Terms, below: Mapping[Any, tuple[Terms, int]] | None = None, expression: Any = None,
        size: int = 1, growing: frozenset[sp.Symbol] = frozenset(),
    ) -> None:
        self.top, self.below, self.name = top, dict(below or {}), next(_names)
        self.expression, self.size = expression if size < 40 else None, size
        self.growing = growing

    def bottom(self) -> Terms:
        """Terms of the denominator."""
        out = _ONE
        for terms, power in self.below.values():
            out = times(out, _raised(terms, power))
        return out

    def _short(self, other: Support, combine: Any) -> dict[str, Any]:
        size = self.size + other.size
        if self.expression is None or other.expression is None or size >= 40:
            return {"size": size}
        return {
            "expression": combine(self.expression, other.expression), "size": size,
            "growing": self.growing | other.growing,
        }

    def _sum(self, other: Support, combine: Any) -> Support:
        shared = dict(self.below)
        for name, (terms, power) in other.below.items():
            shared[name] = (terms, max(power, shared.get(name, (terms, 0))[1]))
        top: Terms = {}
        for x in (self, other):
            missing = x.top
            for name, (terms, power) in shared.items():
                missing = times(missing, _raised(terms, power - x.below.get(name, (terms, 0))[1]))
            top = join(top, missing)
        return Support(top, shared, **self._short(other, combine))

    def __add__(self, other: Support) -> Support:
        return self._sum(other, lambda a, b: a + b)

    def __sub__(self, other: Support) -> Support:
        return self._sum(other, lambda a, b: a - b)

    def __neg__(self) -> Support:
        expression = None if self.expression is None else -self.expression
        return Support(self.top, self.below, expression, self.size, self.growing)

    def __mul__(self, other: Support) -> Support:
        below = dict(self.below)
        for name, (terms, power) in other.below.items():
            below[name] = (terms, power + below.get(name, (terms, 0))[1])
        return Support(times(self.top, other.top), below, **self._short(other, lambda a, b: a * b))

    def inverse(self) -> Support:
        """Denominator over numerator; a constant leaves no factor, a short polynomial its own factors."""
        if self.expression is None or self.below:
            below: Mapping[Any, tuple[Terms, int]] = {self.name: (self.top, 1)}
            return Support(self.bottom(), {} if self.top == _ONE else below)
        factors = _factors(self.expression, self.growing)
        return Support(_ONE, factors, 1 / self.expression, self.size, self.growing)

    def __truediv__(self, other: Support) -> Support:
        return self * other.inverse()


def quotient(top: Terms, below: Terms = _ONE) -> Support:
    """Terms over terms."""
    return Support(top) if below == _ONE else Support(top) / Support(below)


@lru_cache(maxsize=512)
def poles_of(polynomial: sp.Expr) -> tuple[tuple[str, int], ...]:
    """The roots of a polynomial in z by name, with multiplicities; the root 1 has the name ''."""
    _, factors = sp.factor_list(polynomial, _z)
    found = []
    for factor, multiplicity in factors:
        poly = sp.Poly(factor, _z)
        own = "" if sp.expand(poly.monic().as_expr() - _z + 1) == 0 else str(poly.monic().as_expr())
        degree = poly.degree() if poly.degree() > 0 else 0
        found += [(f"{own}#{i}" if own else "", multiplicity) for i in range(degree)]
    return tuple(found)


@lru_cache(maxsize=2048)
def _factors(expression: sp.Expr, growing: frozenset[sp.Symbol]) -> dict[Any, tuple[Terms, int]]:
    """The factors of a polynomial that change with n, by name, so that a common one is counted once."""
    found: dict[Any, tuple[Terms, int]] = {}
    for factor, power in sp.factor_list(sp.numer(sp.together(expression)))[1]:
        letters = sorted(factor.free_symbols & growing, key=str)
        if letters:
            degree = sp.Poly(factor, *letters).total_degree()
            found[min(str(factor), str(sp.expand(-factor)))] = ({(): int(degree)}, int(power))
    return found


class _SupportArithmetic:
    """Supports, as an :class:`~theory.evaluate.program.Arithmetic`; exponents are slopes in n."""

    def constant(self, value: Fraction) -> Support:
        return Support(_ONE, expression=sp.Rational(value.numerator, value.denominator))

    def _family(self, poles: Iterable[tuple[str, int]], slope: int) -> Terms:
        out: Terms = {}
        for pole, multiplicity in poles:
            out = join(out, {((pole, slope),) if pole and slope else (): multiplicity - 1 if slope else 0})
        return out

    def power(self, base: Support, exponent: Any) -> Support:
        if isinstance(exponent, Slope):
            if base.expression is None:
                raise NotRational("a power of a long expression")
            return Support(self._family(self._poles(_z - base.expression, (base,)), exponent.slope))
        if exponent < 0:
            return self.power(base, -exponent).inverse()
        below = {n: (t, p * exponent) for n, (t, p) in base.below.items()} if exponent else {}
        expression = None if base.expression is None else base.expression**exponent
        return Support(_raised(base.top, exponent), below, expression, base.size, base.growing)

    def _poles(self, polynomial: sp.Expr, inside: Sequence[Support]) -> tuple[tuple[str, int], ...]:
        if any(e.growing for e in inside):
            raise NotRational("a pole that changes with the whole number")
        return poles_of(sp.expand(polynomial))

    def lucas(self, exponent: Any, invariants: Sequence[Support]) -> Sequence[Support]:
        if not isinstance(exponent, Slope):
            return [Support(_ONE)] * len(invariants)
        d = len(invariants)
        if any(e.expression is None for e in invariants):
            raise NotRational("a sequence with long invariants")
        polynomial = _z**d + sp.Add(*(
            (-1) ** i * e.expression * _z ** (d - i) for i, e in enumerate(invariants, start=1)
        ))
        return [Support(self._family(self._poles(polynomial, invariants), exponent.slope))] * d

    def function(self, name: str, argument: Any) -> Support:
        short = None if argument.expression is None else getattr(sp, name)(argument.expression)
        return Support(_ONE, expression=short)


class Slope:
    """An exponent, linear in n: only its slope matters."""

    def __init__(self, slope: int) -> None:
        self.slope = slope

    def __add__(self, other: Any) -> Slope:
        return Slope(self.slope + (other.slope if isinstance(other, Slope) else 0))

    __radd__ = __add__

    def __mul__(self, other: Any) -> Slope:
        if isinstance(other, Slope):
            raise NotRational("an exponent that is not linear in the whole numbers")
        return Slope(self.slope * int(other))

    __rmul__ = __mul__

    def __mod__(self, other: Any) -> Slope:
        raise NotRational("a remainder")


def formula_support(formula: Formula, slopes: Mapping[str, int]) -> Support:
    """The terms of a formula in n, where each whole number grows by its slope when n grows by one.

    Raises
    ------
    NotRational
        If there are too many terms, or an exponent is not linear.
    """
    return rational_support(program_of(formula), slopes, formula.parameters)


def rational_support(program: Any, slopes: Mapping[str, int], parameters: Sequence[sp.Symbol]) -> Support:
    """As :func:`formula_support` for any program."""
    inputs = {
        s.name: Support({(): 1}, expression=s, growing=frozenset({s})) if slopes.get(s.name)
        else Support(_ONE, expression=s) for s in parameters
    }
    integers = {name: Slope(slope) for name, slope in slopes.items()}
    found: Support = program.run(inputs, integers, _SupportArithmetic())
    return found

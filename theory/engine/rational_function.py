"""Rational functions in lowest terms, on python-flint's polynomials: a field to compute series in."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.rational_matrix import Polynomial, PolynomialRing

__all__ = ["RationalField", "RationalFunction"]


@dataclass(frozen=True, slots=True, eq=False)
class RationalFunction:
    """``numerator / denominator``, in lowest terms after every operation.

    Both operands are in lowest terms already, so only small common divisors are looked for: of the
    denominators and their sum's numerator, and across a product.
    """

    numerator: Polynomial
    denominator: Polynomial

    def __bool__(self) -> bool:
        return not self.numerator.is_zero()

    def __add__(self, other: RationalFunction) -> RationalFunction:
        p, q = self.denominator, other.denominator
        shared = p.gcd(q)
        a, b = p / shared, q / shared
        top = self.numerator * b + other.numerator * a
        if top.is_zero():
            return RationalFunction(top, p / p)
        rest = top.gcd(shared)  # a divisor of both a and top would divide b or the numerator over a
        return RationalFunction(top / rest, (p / rest) * b)

    def __sub__(self, other: RationalFunction) -> RationalFunction:
        return self + -other

    def __neg__(self) -> RationalFunction:
        return RationalFunction(-self.numerator, self.denominator)

    def __mul__(self, other: RationalFunction) -> RationalFunction:
        return _product(self.numerator, self.denominator, other.numerator, other.denominator)

    def __truediv__(self, other: RationalFunction) -> RationalFunction:
        return _product(self.numerator, self.denominator, other.denominator, other.numerator)


def _product(a: Polynomial, b: Polynomial, c: Polynomial, d: Polynomial) -> RationalFunction:
    """(a/b) (c/d) for fractions in lowest terms."""
    if a.is_zero() or c.is_zero():
        return RationalFunction(a * c, b / b)
    across, back = a.gcd(d), c.gcd(b)
    return RationalFunction((a / across) * (c / back), (b / back) * (d / across))


def _lowest(numerator: Polynomial, denominator: Polynomial) -> RationalFunction:
    shared = numerator.gcd(denominator)
    return RationalFunction(numerator / shared, denominator / shared)


@dataclass(frozen=True, slots=True, eq=False)
class RationalField:
    """Where :class:`RationalFunction` values come from."""

    ring: PolynomialRing

    def __call__(self, value: int) -> RationalFunction:
        return RationalFunction(self.ring.constant(value), self.ring.constant(1))

    def element(self, expression: sp.Expr) -> RationalFunction:
        """A SymPy expression, rational in the ring's symbols."""
        return _lowest(*self.ring.fraction(expression))

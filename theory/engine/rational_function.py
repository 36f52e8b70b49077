"""Rational functions in lowest terms, on python-flint's polynomials: a field to compute series in."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.rational_matrix import Polynomial, PolynomialRing

__all__ = ["RationalField", "RationalFunction"]


@dataclass(frozen=True, slots=True, eq=False)
class RationalFunction:
    """``numerator / denominator``, cancelled after every operation."""

    numerator: Polynomial
    denominator: Polynomial

    def __bool__(self) -> bool:
        return not self.numerator.is_zero()

    def __add__(self, other: RationalFunction) -> RationalFunction:
        p, q = self.denominator, other.denominator
        return _lowest(self.numerator * q + other.numerator * p, p * q)

    def __sub__(self, other: RationalFunction) -> RationalFunction:
        p, q = self.denominator, other.denominator
        return _lowest(self.numerator * q - other.numerator * p, p * q)

    def __neg__(self) -> RationalFunction:
        return RationalFunction(-self.numerator, self.denominator)

    def __mul__(self, other: RationalFunction) -> RationalFunction:
        return _lowest(self.numerator * other.numerator, self.denominator * other.denominator)

    def __truediv__(self, other: RationalFunction) -> RationalFunction:
        return _lowest(self.numerator * other.denominator, self.denominator * other.numerator)


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

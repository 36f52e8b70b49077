"""Polynomials in one arrival time over any number type, and rules that integrate them exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

from flint import arb, ctx, fmpq, fmpq_poly

__all__ = ["FlintRing", "ListRing", "Polynomials", "Rule", "equidistant_rule", "gauss_rule"]

Rule = Sequence[tuple[Any, Any]]


class Polynomials(Protocol):
    """What integrals over a population need of a number type."""

    def polynomial(self, coefficients: Sequence[Any]) -> Any:
        """By ascending powers; the result knows ``+`` and ``*``."""
        ...

    def coefficients(self, polynomial: Any) -> Sequence[Any]:
        """By ascending powers."""
        ...

    def rule(self, degree: int) -> Rule:
        """Nodes and weights on [0, 1], exact for polynomials of this degree."""
        ...


class FlintRing:
    """Polynomials of python-flint."""

    def __init__(self, polynomial: Callable[[Sequence[Any]], Any], rule: Callable[[int], Rule]) -> None:
        self.polynomial = polynomial
        self.rule = rule

    def coefficients(self, polynomial: Any) -> Sequence[Any]:
        found: Sequence[Any] = polynomial.coeffs()
        return found or self.polynomial([0, 1]).coeffs()[:1]  # the zero polynomial has none


class _List:
    """Coefficients of any number type, multiplied out."""

    __slots__ = ("coefficients",)

    def __init__(self, coefficients: Sequence[Any]) -> None:
        self.coefficients = tuple(coefficients)

    def __add__(self, other: _List) -> _List:
        a, b = self.coefficients, other.coefficients
        if len(a) < len(b):
            a, b = b, a
        return _List([*(x + y for x, y in zip(a, b, strict=False)), *a[len(b) :]])

    def __mul__(self, other: _List) -> _List:
        found: list[Any] = [None] * (len(self.coefficients) + len(other.coefficients) - 1)
        for i, x in enumerate(self.coefficients):
            for k, y in enumerate(other.coefficients):
                found[i + k] = x * y if found[i + k] is None else found[i + k] + x * y
        return _List(found)


class ListRing:
    """Polynomials over a number type that has none of its own; ``constant`` makes its numbers."""

    def __init__(self, constant: Callable[[Fraction], Any]) -> None:
        self.constant = constant

    def polynomial(self, coefficients: Sequence[Any]) -> _List:
        return _List(coefficients)

    def coefficients(self, polynomial: _List) -> Sequence[Any]:
        return polynomial.coefficients

    def rule(self, degree: int) -> Rule:
        return [(self.constant(x), self.constant(w)) for x, w in equidistant_rule(degree)]


@lru_cache(maxsize=64)
def equidistant_rule(degree: int) -> tuple[tuple[Fraction, Fraction], ...]:
    """Newton and Cotes: equidistant nodes on [0, 1] with rational weights, one more than the degree."""
    if degree == 0:
        return ((Fraction(0), Fraction(1)),)
    whole = fmpq_poly([1])
    for node in range(degree + 1):
        whole *= fmpq_poly([-node, 1])
    rule = []
    for node in range(degree + 1):
        basis = whole // fmpq_poly([-node, 1])
        weight = basis.integral()(fmpq(degree)) / basis(fmpq(node)) / degree
        rule.append((Fraction(node, degree), Fraction(int(weight.p), int(weight.q))))
    return tuple(rule)


def gauss_rule(degree: int) -> Rule:
    """Gauss and Legendre in balls at the current precision."""
    return _gauss(degree // 2 + 1, ctx.prec)


@lru_cache(maxsize=16)
def _gauss(count: int, precision: int) -> Rule:
    del precision  # part of the key: the balls are as precise as the context was
    pairs = (arb.legendre_p_root(count, k, weight=True) for k in range(count))
    return tuple(((1 + x) / 2, w / 2) for x, w in pairs)

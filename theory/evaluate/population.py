r"""Values of products and integrals over a population, in any number type.

The innermost integral is that of a polynomial, made from the samples by a product tree; further ones are
sums over a rule that is exact for the degree. Nothing is approximated, so that rational numbers stay exact
and balls stay rigorous.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.errors import TheoryError
from theory.evaluate.polynomials import ListRing, Polynomials
from theory.evaluate.program import Arithmetic, Program
from theory.population import MarkedProduct, marked_sums

__all__ = ["OverPopulation", "population_size"]


def population_size(values: Mapping[str, Any]) -> int:
    """The number of samples N.

    Raises
    ------
    TheoryError
        If no value is a list, or their lengths differ.
    """
    lengths = {name: len(v) for name, v in values.items() if isinstance(v, tuple)}
    if not lengths or len(set(lengths.values())) != 1:
        shown = ", ".join(f"{name} has {n}" for name, n in lengths.items()) or "no list is given"
        raise TheoryError(f"every sample needs one number in each list: {shown}")
    return next(iter(lengths.values()))


@dataclass(frozen=True)
class OverPopulation:
    """A :class:`MarkedProduct`, or an integral of an expression in such products."""

    node: sp.Expr

    def value(self, values: Mapping[str, Any], arithmetic: Arithmetic) -> Any:
        """The number; ``values`` holds a tuple for each parameter that every sample has its own of."""
        limits = self.node.limits if isinstance(self.node, sp.Integral) else ()
        body = self.node.function if limits else self.node
        ring: Polynomials = getattr(arithmetic, "polynomials", None) or ListRing(arithmetic.constant)
        inner, *outer = [limit[0] for limit in limits] or [None]
        walk = _Walk(dict(values), arithmetic, ring, inner, tuple(outer))
        return _integral(walk, body, list(limits))


def _integral(walk: _Walk, body: sp.Expr, limits: list[Any]) -> Any:
    """Over the last of the limits by a rule, the first one coefficient by coefficient."""
    constant = walk.arithmetic.constant
    if not limits:
        return walk.ring.coefficients(walk.polynomial(body))[0]
    variable, low, high = limits[-1]
    a, b = (_rational(end) for end in (low, high))
    total = constant(Fraction(0))
    if len(limits) == 1:
        for k, c in enumerate(walk.ring.coefficients(walk.polynomial(body))):
            total = total + c * constant((b ** (k + 1) - a ** (k + 1)) / (k + 1))
        return total
    degree = _degree(body, variable, population_size(walk.values))
    for node, weight in walk.ring.rule(degree):
        walk.values[variable.name] = constant(a) + constant(b - a) * node
        total = total + weight * _integral(walk, body, limits[:-1])
    return total * constant(b - a)


@dataclass
class _Walk:
    """One evaluation: polynomials in ``inner`` at given values of the ``outer`` times."""

    values: dict[str, Any]
    arithmetic: Arithmetic
    ring: Polynomials
    inner: sp.Symbol | None
    outer: tuple[sp.Symbol, ...]
    samples: dict[sp.Expr, list[Any]] = field(default_factory=dict)

    def polynomial(self, node: Any) -> Any:
        if node.is_Symbol and node == self.inner:
            zero, one = (self.arithmetic.constant(Fraction(k)) for k in (0, 1))
            return self.ring.polynomial([zero, one])
        if isinstance(node, MarkedProduct):
            return self._product(node)
        if not node.has(MarkedProduct) and self.inner not in node.free_symbols:
            return self.ring.polynomial([_scalar(node).run(self.values, {}, self.arithmetic)])
        if node.is_Add or node.is_Mul:
            total = self.polynomial(node.args[0])
            for part in node.args[1:]:
                other = self.polynomial(part)
                total = total + other if node.is_Add else total * other
            return total
        if node.is_Pow and node.exp.is_Integer and node.exp > 0:
            base = total = self.polynomial(node.base)
            for _ in range(int(node.exp) - 1):
                total = total * base
            return total
        raise TheoryError(f"cannot integrate {node}: it is no polynomial in the arrival times")

    def _product(self, node: MarkedProduct) -> Any:
        columns = [self._column(part) for part in node.args]
        nothing = self.ring.polynomial([self.arithmetic.constant(Fraction(0))])
        marks = [0, *(1 << r for r in range(len(columns) - 1))]
        used = range(1 << (len(columns) - 1))
        rows = [
            dict.fromkeys(used, nothing) | dict(zip(marks, row, strict=True))
            for row in zip(*columns, strict=True)
        ]
        return marked_sums(rows)[max(used)]

    def _column(self, part: sp.Expr) -> list[Any]:
        """The polynomial of every sample, at the outer times of now."""
        if part not in self.samples:
            self.samples[part] = self._coefficients(part)
        powers: list[Any] = []
        for exponents, _ in _terms(part, self.inner, self.outer):
            power = None
            for variable, e in zip(self.outer, exponents[1:], strict=True):
                if e:
                    factor = self.arithmetic.power(self.values[variable.name], e)
                    power = factor if power is None else power * factor
            powers.append((exponents[0], power))
        zero = self.arithmetic.constant(Fraction(0))
        column = []
        for numbers in self.samples[part]:
            row = [zero] * (1 + max((k for k, _ in powers), default=0))
            for (k, power), number in zip(powers, numbers, strict=True):
                row[k] = row[k] + (number if power is None else number * power)
            column.append(self.ring.polynomial(row))
        return column

    def _coefficients(self, part: sp.Expr) -> list[Any]:
        """Of every sample, the coefficients of the powers of all arrival times."""
        programs = [_scalar(c) for _, c in _terms(part, self.inner, self.outer)]
        names = [name for name, v in self.values.items() if isinstance(v, tuple)]
        rows = []
        for n in range(population_size(self.values)):
            own = self.values | {name: self.values[name][n] for name in names}
            rows.append([p.run(own, {}, self.arithmetic) for p in programs])
        return rows


def _rational(end: sp.Expr) -> Fraction:
    if not end.is_Rational:
        raise TheoryError(f"an integral ends at {end}: its ends must be rational numbers")
    return Fraction(int(end.p), int(end.q))


@lru_cache(maxsize=512)
def _scalar(expression: sp.Expr) -> Program:
    from theory.evaluate.compiler import compile_program

    return compile_program(expression)


@lru_cache(maxsize=512)
def _terms(
    part: sp.Expr, inner: sp.Symbol | None, outer: tuple[sp.Symbol, ...]
) -> tuple[tuple[tuple[int, ...], sp.Expr], ...]:
    """Powers of the inner and outer times, and their coefficients."""
    variables = (inner or sp.Dummy(), *outer)
    try:
        return tuple(sp.Poly(part, *variables).terms())
    except sp.PolynomialError:
        raise TheoryError(f"{part} is no polynomial in the arrival times") from None


def _degree(node: sp.Expr, variable: sp.Symbol, samples: int) -> int:
    """At most this degree."""
    if isinstance(node, MarkedProduct):
        factor, *weights = (sp.degree(part, variable) if part != 0 else 0 for part in node.args)
        # a sample has its factor or one of the weights
        return int(samples * factor + sum(max(0, w - factor) for w in weights))
    if node == variable:
        return 1
    parts = [_degree(part, variable, samples) for part in node.args]
    if node.is_Mul:
        return sum(parts)
    if node.is_Pow and node.exp.is_Integer and node.exp > 0:
        return parts[0] * int(node.exp)
    return max(parts, default=0)

"""A rational expression as a number times powers of irreducible polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

import sympy as sp

from derivations.evaluation import Evaluation
from derivations.exponents import Segments
from derivations.polynomials import FlintRing
from derivations.zero_test import ring_generators
from theory import symbols
from theory.sequences import LucasSequence

__all__ = ["Factored", "factored"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Factored:
    """``constant`` times the product of ``factor**power``; constant 0 for the zero function.

    Factors are primitive integer polynomials in symbols and sequences, in the order of their length.
    """

    constant: Fraction
    factors: tuple[tuple[sp.Expr, int], ...]

    @cached_property
    def expression(self) -> sp.Expr:
        """The product, as one expression."""
        number = sp.Rational(self.constant.numerator, self.constant.denominator)
        return sp.Mul(number, *(f**e for f, e in self.factors))


def factored(expression: sp.Expr) -> Factored:
    """Cancel and factor a rational expression in symbols, sequences and symbolic powers.

    Raises
    ------
    NotRationalError
        If it is none, or divides by zero.
    """
    generators, segments = ring_generators([expression], {})
    ring = FlintRing(generators)
    value = Evaluation(ring, segments, {}).value(expression)
    top = value.entries[0][0]
    if top == 0:
        return Factored(constant=Fraction(0), factors=())
    below = ring.constant(1)
    for element, power in value.factors.values():
        for _ in range(power):
            shared = top.gcd(element)
            top, below = top / shared, below * (element / shared)
    shared = top.gcd(below)
    over, under = (top / shared).factor(), (below / shared).factor()
    powers = [(f, int(e)) for f, e in over[1]] + [(f, -int(e)) for f, e in under[1]]
    constant = Fraction(int(over[0]), int(under[0]))
    found = []
    for polynomial, power in powers:
        turned = _turned(polynomial, ring)
        expr = _expression(-polynomial if turned else polynomial, ring, segments)
        constant = -constant if turned and power % 2 else constant
        found.append((expr, power))
    found.sort(key=lambda item: (len(sp.Add.make_args(item[0])), item[0].has(LucasSequence), str(item[0])))
    return Factored(constant=constant, factors=tuple(found))


def _expression(polynomial: Any, ring: FlintRing, segments: Segments) -> sp.Expr:
    """A polynomial of the ring in the symbols of the user."""
    values = [atom_expression(a, segments) for a in ring.atoms]
    terms = [
        sp.Mul(int(c), *(v ** int(k) for v, k in zip(values, exponents, strict=False) if k))
        for exponents, c in polynomial.to_dict().items()
    ]
    return sp.Add(*terms)


def atom_expression(atom: sp.Expr, segments: Segments) -> sp.Expr:
    """The symbol, sequence or power that a generator of the ring stands for."""
    if not isinstance(atom, sp.Tuple):
        return atom
    k, segment, *invariants = atom
    n = segment - segments.offset.get(segment, 0)
    n = n.xreplace(dict(_lengths(segments)))
    return invariants[0] ** n if len(invariants) == 1 else LucasSequence(k, n, *invariants)


def _lengths(segments: Segments) -> list[tuple[sp.Expr, sp.Expr]]:
    """What the names of lengths mean: M = rest + tau, hence rest = M - tau."""
    found = []
    for whole, parts in segments.replace.items():
        names = [a for a in sp.Add.make_args(parts) if a.is_Symbol]
        for name in names:
            if name.name in ("rest", "excess", "unfolded"):
                found.append((name, whole - (parts - name)))
            elif name.name == "folded":
                found.append((name, whole))
    return found


#: where the sign of a factor is taken: stable, N much larger than S
_TYPICAL = {
    symbols.learning_rate: 0.1, symbols.momentum: 0.5, symbols.curvature: 0.3,
    symbols.second_curvature: 0.2, symbols.steps_per_epoch: 100.0, symbols.batch_size: 10.0,
    symbols.samples: 1000.0, symbols.lag: 3.0, symbols.position: 2.0,
}


def _turned(polynomial: Any, ring: FlintRing) -> bool:
    """Whether the sign must be turned: 1 - beta, M - 1, 2(1 + beta) - eta lambda, N - S are positive."""
    terms = polynomial.to_dict()
    used = {i for exponents in terms for i, k in enumerate(exponents) if k}
    if all(ring.atoms[i] in _TYPICAL for i in used):
        value = sum(
            float(c) * prod(_TYPICAL[ring.atoms[i]] ** int(k) for i, k in enumerate(e) if k)
            for e, c in terms.items()
        )
        return value < 0
    return bool(terms[min(terms, key=lambda e: (sum(e), e))] < 0)

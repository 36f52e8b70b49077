r"""Expressions with powers and sequences as Laurent series in one small variable.

A power :math:`b^n` is :math:`b_0^n\exp(n\log(b/b_0))`; with an exponent that grows like
:math:`1/\varepsilon` it is dropped where :math:`|b_0|<1` (it vanishes to all orders) and is an
exponential for :math:`b_0=1`. Sequences come from their roots (:mod:`derivations.checking.series_roots`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from derivations.checking.sequence_factors import split_sequence
from derivations.checking.series_field import Ground, RationalFunction
from derivations.checking.series_laurent import Laurent, LostPrecisionError, Series
from derivations.checking.series_positive import Region
from derivations.checking.series_roots import sequences_from_roots
from derivations.evaluation import NotRationalError
from derivations.exponents import linear_form
from theory.sequences import LucasSequence
from theory.symbols import steps_per_epoch

__all__ = ["EPSILON", "Expansion"]

EPSILON = sp.Dummy("epsilon", positive=True)


class Expansion:
    """Series of expressions in which ``replace`` puts functions of :data:`EPSILON` for symbols.

    Attributes
    ----------
    conditions
        Bases b whose powers were dropped without a proof of :math:`|b|<1`.
    bounded
        Atoms that depend on the variable but stay bounded: they may occur in a remainder only.
    """

    def __init__(
        self, ground: Ground, order: int, replace: Mapping[sp.Symbol, sp.Expr], region: Region,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._check = check
        self.ground, self.region, self.replace = ground, region, dict(replace)
        self.laurent = Laurent(ground, order, check)
        self.conditions: set[sp.Expr] = set()
        self.bounded: set[sp.Expr] = set()
        self._known: dict[Any, Series] = {}
        self._vectors: dict[Any, list[Series]] = {}

    def of(self, node: sp.Expr) -> Series:
        """The series of a node.

        Raises
        ------
        NotRationalError
            For what has no expansion of this kind.
        """
        if node not in self._known:
            self._check()
            self._known[node] = self._convert(node)
        return self._known[node]

    def _moves(self, node: sp.Basic) -> bool:
        return node.has(EPSILON) or any(s in self.replace for s in node.free_symbols)

    def _convert(self, node: Any) -> Series:
        ring = self.laurent
        if node is EPSILON:
            return ring.monomial(self.ground.one, 1)
        if node.is_Rational:
            return ring.constant(self.ground.number(int(node.p), int(node.q)))
        if node.is_Symbol:
            if node in self.replace:
                return self.of(self.replace[node])
            return ring.constant(self.ground.atom(node))
        if node.is_Add:
            total = self.of(node.args[0])
            for a in node.args[1:]:
                total = ring.plus(total, self.of(a))
            return total
        if node.is_Mul:
            total = self.of(node.args[0])
            for a in node.args[1:]:
                total = ring.times(total, self.of(a))
            return total
        if isinstance(node, LucasSequence):
            return self._sequence(node)
        if isinstance(node, sp.exp) or (isinstance(node, sp.Pow) and node.base is sp.E):
            return self._exponential(self.of(node.exp if isinstance(node, sp.Pow) else node.args[0]))
        if isinstance(node, sp.Pow):
            if node.exp.is_Integer:
                return ring.power(self.of(node.base), int(node.exp))
            if node.exp.is_Rational and node.exp.q == 2:
                return ring.power(self._root(self.of(node.base)), int(node.exp.p))
            return self._power(self.of(node.base), sp.expand(node.exp))
        if isinstance(node, (sp.cos, sp.sin)) or node is sp.pi:
            if self._moves(node):
                if self.of(node.args[0]).low >= 0:
                    raise NotRationalError(f"{node} is not expanded")
                self.bounded.add(node)
            return ring.constant(self.ground.atom(node))
        raise NotRationalError(f"{type(node).__name__} is not expanded: {node}")

    def _root(self, a: Series) -> Series:
        """The square root, positive for small positive EPSILON."""
        if not a.terms or a.low % 2:
            raise NotRationalError("the square root of a series of odd order")
        constant, factors = self.ground.irreducible(a.terms[0])
        root = self.ground.one
        for value in (constant, *(f**m for f, m in factors)):
            taken = sp.sqrt(value)
            root = root * self.of(taken).terms[0] if taken.is_Rational else root * self._half(value)
        half = self.ground.number(1, 2)
        rest = self.laurent.exponential(self.laurent.scaled(self.laurent.logarithm(a), half))
        return self.laurent.times(self.laurent.monomial(root, a.low // 2), rest)

    def _half(self, value: sp.Expr) -> RationalFunction:
        """Square root of b^m: whole powers of b, and an atom sqrt(b) where m is odd."""
        base, m = value.as_base_exp()
        whole = self.of(base ** (m // 2)).terms[0]
        if m % 2 == 0:
            if self.region.sign(base) == 0:
                raise NotRationalError(f"the sign of {base} under a square root is open")
            return whole if self.region.sign(base) > 0 or (m // 2) % 2 == 0 else -whole
        if self.region.sign(base) <= 0:
            raise NotRationalError(f"the square root of {base}, which may be negative")
        return whole * self.ground.atom(sp.sqrt(base))

    def _exponential(self, a: Series) -> Series:
        ring = self.laurent
        if a.is_zero or a.low > 0:
            return ring.exponential(a)
        if not a.terms:
            raise LostPrecisionError("the exponent of exp is not known to order one")
        if a.low < 0:
            lead = self.ground.expression(a.terms[0])
            if self.region.sign(lead) < 0:
                return ring.zero
            raise NotRationalError(f"exp of {lead} over the small variable, not certainly negative")
        first = a.terms[0]
        rest = ring.minus(a, ring.constant(first))
        factor = self.ground.atom(sp.exp(self.ground.expression(first)))
        return ring.scaled(ring.exponential(rest), factor)

    # powers with a symbolic exponent

    def _power(self, base: Series, n: sp.Expr) -> Series:
        """base**n for an exponent that is linear in the symbols."""
        form = linear_form(n)
        if form is None:
            raise NotRationalError(f"the exponent {n} is not linear with whole coefficients")
        ring = self.laurent
        exponent = self.of(n)
        if base.is_zero or not base.terms:
            raise NotRationalError(f"a power of zero with the exponent {n}")
        growing = exponent.low < 0
        first = base.terms[0]
        if base.low:
            if base.low > 0 and form.get(steps_per_epoch, 0) > 0 and set(form) <= {steps_per_epoch, sp.S.One}:
                return ring.zero  # of order n >= steps_per_epoch - ..., above every order looked at
            raise NotRationalError(f"the power {n} of what vanishes or diverges")
        if growing and self.ground.one - first:
            return self._decayed(first, exponent)
        change = ring.times(exponent, ring.logarithm(base))
        factor = self.ground.one if growing else self._constant_power(first, form)
        return ring.scaled(self._exponential(change), factor)

    def _decayed(self, base: RationalFunction, exponent: Series) -> Series:
        if self.region.sign(self.ground.expression(exponent.terms[0])) <= 0:
            raise NotRationalError("a power with an exponent that falls without bound")
        shown = self.ground.expression(base)
        if not self.region.decays(shown):
            if not self.region.may_decay(shown):
                raise NotRationalError(f"powers of {shown} do not decay")
            self.conditions.add(shown)
        return self.laurent.zero

    def _constant_power(self, base: RationalFunction, form: Mapping[sp.Expr, int]) -> RationalFunction:
        """base**n as a product of atoms p**symbol over its irreducible factors p."""
        constant, factors = self.ground.irreducible(base)
        total = self.ground.one
        for symbol, count in form.items():
            for p, multiplicity in ((constant, 1), *factors):
                if p == 1:
                    continue
                value = self.of(p).terms[0] if symbol == 1 else self.ground.atom(p**symbol)
                for _ in range(abs(count * multiplicity)):
                    total = total * value if count * multiplicity > 0 else total / value
        return total

    # sequences

    def _sequence(self, node: LucasSequence) -> Series:
        k, n, *invariants = node.args
        if not self._moves(node):
            return self._fixed(node)
        split = split_sequence(int(k), n, list(invariants))
        if split != node:
            return self.of(split)
        moving = any(self._moves(e) for e in invariants)
        if not moving and self.of(n).low < 0:
            return self._at_large_n(node)
        key = (n, *invariants)
        if key not in self._vectors:
            self._vectors[key] = sequences_from_roots(
                self.laurent, [self.of(e) for e in invariants], self.of, lambda z: self._power(z, n)
            )
        return self._vectors[key][int(k)]

    def _fixed(self, node: LucasSequence) -> Series:
        """What does not depend on the variable: atoms at the exponent without its constant."""
        k, n, *invariants = node.args
        form = linear_form(n)
        constant = int((form or {}).pop(sp.S.One, 0))
        base = sp.Add(*(s * c for s, c in (form or {}).items()))
        ring, d = self.laurent, len(invariants)
        if form is None or constant < 0:
            return ring.constant(self.ground.atom(node))
        sign = [1 if (d - 1 - i) % 2 == 0 else -1 for i in range(d)]
        atoms = [self.ground.atom(LucasSequence(i, base, *invariants)) for i in range(d)]
        vector = [ring.constant(a if s > 0 else -a) for s, a in zip(sign, atoms, strict=True)]
        for _ in range(constant):  # z^(n+1) from z^n, modulo the characteristic polynomial
            lead, shifted = vector[-1], [ring.zero, *vector[:-1]]
            for i in range(d):
                term = ring.times(self.of(invariants[d - 1 - i]), lead)
                shifted[i] = ring.plus(shifted[i], term if sign[i] > 0 else ring.negative(term))
            vector = shifted
        found = vector[int(k)]
        return found if sign[int(k)] > 0 else ring.negative(found)

    def _at_large_n(self, node: LucasSequence) -> Series:
        _, n, *invariants = node.args
        if self.region.sign(self.ground.expression(self.of(n).terms[0])) <= 0:
            raise NotRationalError(f"{node} at an exponent that falls without bound")
        if len(invariants) == 2:
            trace, determinant = invariants
            if determinant == 1 and isinstance(trace / 2, sp.cos):
                self.bounded.add(node)
                return self.laurent.constant(self.ground.atom(node))
            if self.region.stable_pair(trace, determinant):
                return self.laurent.zero
        raise NotRationalError(f"whether {node} decays is not known")

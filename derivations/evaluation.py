"""An expression, with definitions put in, as one matrix of polynomials over a product of factors."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from derivations.exponents import Segments, linear_form
from derivations.polynomials import NumberRing, Ring
from theory.errors import TheoryError
from theory.population import is_over_population
from theory.sequences import LucasSequence

__all__ = ["Evaluation", "NotRationalError", "Value", "collect"]

Factors = dict[Hashable, tuple[Any, int]]
Given = Mapping[Any, Any]


class NotRationalError(TheoryError):
    """The expression is not rational in its symbols, sequences and powers."""


@dataclass(frozen=True)
class Value:
    """``entries`` over the product of ``factors`` (element and multiplicity); scalars are 1 x 1."""

    entries: tuple[tuple[Any, ...], ...]
    factors: Factors

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.entries), len(self.entries[0])


def _as_power(node: sp.Basic) -> tuple[tuple[sp.Expr, ...], sp.Expr] | None:
    """Invariants and exponent of a sequence or a power with symbolic exponent."""
    if isinstance(node, LucasSequence):
        return node.args[2:], node.args[1]
    if isinstance(node, sp.Pow) and not node.exp.is_number and node.base is not sp.E:
        return (node.base,), node.exp
    return None


def _inverted(node: sp.Basic) -> sp.Expr | None:
    """1 / node for a scalar power whose exponent has only negative symbols."""
    if isinstance(node, sp.Pow) and not node.exp.is_number:
        form = linear_form(node.exp)
        if form and all(c < 0 for s, c in form.items() if s != 1):
            return node.base**-node.exp
    return None


def collect(expressions: Iterable[Any], given: Given) -> tuple[set[sp.Expr], set[Any]]:
    """Free symbols and opaque functions; powers as pairs (invariants, exponent)."""
    atoms: set[sp.Expr] = set()
    powers: set[Any] = set()
    seen: set[Any] = set()
    stack = list(expressions)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in given:
            stack.append(given[node])
        elif (inverted := _inverted(node)) is not None:
            stack.append(inverted)
        elif (power := _as_power(node)) is not None:
            powers.add(power)
            stack.extend(power[0])
        elif isinstance(node, sp.MatrixBase):
            stack.extend(node)
        elif isinstance(node, (sp.Symbol, sp.Function)) or _is_constant(node) or _is_exp(node) or (
            is_over_population(node)
        ):
            atoms.add(node)
        elif isinstance(node, sp.Pow) and not node.exp.is_Integer:
            stack.append(_substituted(node, given))
        elif not isinstance(node, (sp.MatrixSymbol, sp.Identity, sp.ZeroMatrix)):
            stack.extend(node.args)
    return atoms, powers


def _is_constant(node: sp.Basic) -> bool:
    return node is sp.I or bool(node.is_NumberSymbol)


def _is_exp(node: sp.Basic) -> bool:
    return isinstance(node, sp.exp) or (isinstance(node, sp.Pow) and node.base is sp.E)


def _substituted(node: sp.Expr, given: Given) -> sp.Expr:
    changed = node.subs({k: v for k, v in given.items() if isinstance(k, sp.Symbol)})
    if changed == node:
        raise NotRationalError(f"{node} is not rational; give the root a symbol of its own")
    return changed


class Evaluation:
    """Values of expressions in one ring, under one set of definitions; remembers every node."""

    def __init__(self, ring: Ring, segments: Segments, given: Given) -> None:
        self.ring, self.segments, self.given = ring, segments, given
        self._known: dict[Any, Value] = {}
        self._powers: dict[Any, list[Value]] = {}
        self._denominators: dict[Hashable, Any] = {}
        self.one = self._scalar(1)

    def _scalar(self, value: int) -> Value:
        return Value(((self.ring.constant(value),),), {})

    def value(self, node: Any) -> Value:
        """The value of a node.

        Raises
        ------
        NotRationalError
            For anything that is no rational function of symbols, sequences and powers.
        """
        if node not in self._known:
            self._known[node] = self._value(node)
        return self._known[node]

    def _value(self, node: Any) -> Value:
        if node in self.given:
            return self.value(self.given[node])
        if isinstance(node, sp.MatrixBase):
            return self._matrix(node)
        if isinstance(node, sp.Identity):
            return self._matrix(sp.eye(int(node.shape[0])))
        if isinstance(node, sp.ZeroMatrix):
            return self._matrix(sp.zeros(*map(int, node.shape)))
        if isinstance(node, sp.Transpose):
            inner = self.value(node.arg)
            return Value(tuple(zip(*inner.entries, strict=True)), inner.factors)
        if isinstance(node, sp.Rational):
            top = self._scalar(int(node.p))
            return top if node.q == 1 else self.times(top, self.inverse(self._scalar(int(node.q))))
        if node.is_Add or isinstance(node, sp.MatAdd):
            return self.plus([self.value(a) for a in node.args])
        if node.is_Mul or isinstance(node, sp.MatMul):
            total = self.value(node.args[0])
            for factor in node.args[1:]:
                total = self.times(total, self.value(factor))
            return total
        if isinstance(node, sp.MatPow) and node.exp.is_Integer and node.exp > 0:
            total = self.value(node.base)
            for _ in range(int(node.exp) - 1):
                total = self.times(total, self.value(node.base))
            return total
        if isinstance(node, sp.Pow) and node.exp.is_Integer:
            return self._integer_power(self.value(node.base), int(node.exp))
        inverted = _inverted(node)
        if inverted is not None:
            return self.inverse(self.value(inverted))
        power = _as_power(node)
        if power is not None:
            return self._symbolic_power(node, *power)
        if isinstance(node, sp.Pow) and not _is_exp(node):
            return self.value(_substituted(node, self.given))
        if isinstance(node, sp.MatrixSymbol):
            raise NotRationalError(f"the matrix {node} has no definition")
        if node in (sp.nan, sp.zoo, sp.oo, -sp.oo):
            raise NotRationalError(f"a division by zero: {node}")
        return Value(((self.ring.generator(node),),), {})

    def _matrix(self, matrix: Any) -> Value:
        cells = [[self.value(e) for e in matrix.row(i)] for i in range(matrix.rows)]
        common = self._common([cell.factors for row in cells for cell in row])
        return Value(
            tuple(tuple(self._raised(c, common).entries[0][0] for c in row) for row in cells), common
        )

    def _common(self, many: Sequence[Factors]) -> Factors:
        common: Factors = {}
        for factors in many:
            for key, (element, e) in factors.items():
                common[key] = (element, max(e, common.get(key, (element, 0))[1]))
        return common

    def _raised(self, value: Value, common: Factors) -> Value:
        """The same value over the larger denominator ``common``."""
        factor = None
        for key, (element, e) in common.items():
            missing = e - value.factors.get(key, (element, 0))[1]
            if missing:
                power = element**missing
                factor = power if factor is None else factor * power
        if factor is None:
            return Value(value.entries, common)
        return Value(tuple(tuple(a * factor for a in row) for row in value.entries), common)

    def plus(self, parts: Sequence[Value]) -> Value:
        groups: dict[Hashable, Value] = {}
        for part in parts:
            if part.shape != parts[0].shape:
                raise NotRationalError(f"shapes {part.shape} and {parts[0].shape} do not add")
            key = frozenset((k, e) for k, (_, e) in part.factors.items())
            groups[key] = self._added(groups[key], part) if key in groups else part
        common = self._common([g.factors for g in groups.values()])
        raised = [self._raised(g, common) for g in groups.values()]
        total = raised[0]
        for part in raised[1:]:
            total = self._added(total, part)
        return total

    def _added(self, a: Value, b: Value) -> Value:
        rows = zip(a.entries, b.entries, strict=True)
        return Value(
            tuple(tuple(x + y for x, y in zip(r, s, strict=True)) for r, s in rows), a.factors
        )

    def times(self, a: Value, b: Value) -> Value:
        factors = dict(a.factors)
        for key, (element, e) in b.factors.items():
            factors[key] = (element, e + factors.get(key, (element, 0))[1])
        if a.shape == (1, 1):
            x = a.entries[0][0]
            return Value(tuple(tuple(x * y for y in row) for row in b.entries), factors)
        if b.shape == (1, 1) and a.shape[1] != 1:
            y = b.entries[0][0]
            return Value(tuple(tuple(x * y for x in row) for row in a.entries), factors)
        if a.shape[1] != b.shape[0]:
            raise NotRationalError(f"shapes {a.shape} and {b.shape} do not multiply")
        columns = list(zip(*b.entries, strict=True))
        product = []
        for row in a.entries:
            cells = []
            for column in columns:
                cell = row[0] * column[0]
                for x, y in zip(row[1:], column[1:], strict=True):
                    cell = cell + x * y
                cells.append(cell)
            product.append(tuple(cells))
        return Value(tuple(product), factors)

    def inverse(self, value: Value) -> Value:
        top = value.entries[0][0]
        if value.shape != (1, 1) or top == 0:
            raise NotRationalError("division by zero or by a matrix")
        bottom = self.ring.constant(1)
        for element, e in value.factors.values():
            bottom = bottom * element**e
        if self.ring.negative_lead(top):
            top, bottom = -top, -bottom
        return Value(((bottom,),), self._factors(top))

    def _factors(self, top: Any) -> Factors:
        """Split off the denominators met before, so that the common one of a sum stays small."""
        factors: Factors = {}
        for key, known in self._denominators.items():
            while (quotient := self.ring.divided(top, known)) is not None:
                top = quotient
                factors[key] = (known, 1 + factors.get(key, (known, 0))[1])
        if top != 1:
            key = self.ring.key(top)
            self._denominators.setdefault(key, top)
            factors[key] = (top, 1)
        return factors

    def _integer_power(self, value: Value, e: int) -> Value:
        if e < 0:
            inverse = self.inverse(value)
            factors = {k: (element, m * -e) for k, (element, m) in inverse.factors.items()}
            return Value(((inverse.entries[0][0] ** -e,),), factors)
        factors = {k: (element, m * e) for k, (element, m) in value.factors.items()}
        return Value(((value.entries[0][0] ** e,),), factors)

    def _symbolic_power(self, node: sp.Expr, invariants: tuple[sp.Expr, ...], n: sp.Expr) -> Value:
        vector = self._reduced(invariants, n)
        if not isinstance(node, LucasSequence):
            return vector[0]
        k, d = int(node.args[0]), len(invariants)
        return vector[k] if (d - 1 - k) % 2 == 0 else self.times(self._scalar(-1), vector[k])

    def _reduced(self, invariants: tuple[sp.Expr, ...], n: sp.Expr) -> list[Value]:
        """Coefficients of z**n modulo the characteristic polynomial."""
        key = (invariants, n)
        if key not in self._powers:
            split = self.segments.split(n)
            if split is None:
                raise NotRationalError(f"the exponent {n} is no non-negative sum of segments")
            d = len(invariants)
            total = [self.one, *(self._scalar(0) for _ in range(d - 1))]
            for segment in split[0]:
                total = self._product(invariants, total, self._segment(invariants, segment))
            for _ in range(split[1]):
                total = self._shifted(invariants, total)
            self._powers[key] = total
        return self._powers[key]

    def _segment(self, invariants: tuple[sp.Expr, ...], segment: sp.Expr) -> list[Value]:
        d = len(invariants)
        if isinstance(self.ring, NumberRing):
            n = int(self.ring.generator(segment).p) - self.segments.offset.get(segment, 0)
            total = [self.one, *(self._scalar(0) for _ in range(d - 1))]
            for _ in range(n):
                total = self._shifted(invariants, total)
            return total
        atoms = generators_of(invariants, segment)
        signs = [self._scalar(1 if (d - 1 - k) % 2 == 0 else -1) for k in range(d)]
        return [
            self.times(sign, Value(((self.ring.generator(a),),), {}))
            for sign, a in zip(signs, atoms, strict=True)
        ]

    def _shifted(self, invariants: tuple[sp.Expr, ...], vector: list[Value]) -> list[Value]:
        """One step of the recurrence: times z, modulo z^d - e1 z^(d-1) + ..."""
        d = len(invariants)
        lead = vector[-1]
        shifted = [self._scalar(0), *vector[:-1]]
        for k in range(d):
            sign = 1 if (d - 1 - k) % 2 == 0 else -1
            term = self.times(self.times(self._scalar(sign), self.value(invariants[d - 1 - k])), lead)
            shifted[k] = self.plus([shifted[k], term])
        return shifted

    def _product(
        self, invariants: tuple[sp.Expr, ...], a: list[Value], b: list[Value]
    ) -> list[Value]:
        """Horner's scheme: the addition theorem."""
        total = [self.times(x, b[-1]) for x in a]
        for y in reversed(b[:-1]):
            total = self._shifted(invariants, total)
            total = [self.plus([t, self.times(x, y)]) for t, x in zip(total, a, strict=True)]
        return total


def generators_of(invariants: tuple[sp.Expr, ...], segment: sp.Expr) -> list[sp.Expr]:
    """Ring generators of one segment: a tuple expression names each."""
    return [sp.Tuple(sp.Integer(k), segment, *invariants) for k in range(len(invariants))]

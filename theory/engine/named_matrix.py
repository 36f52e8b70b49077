"""Matrices whose intermediate entries get names: long closed forms as a list of short lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sympy as sp

__all__ = ["NameList", "NamedMatrix"]

#: operations of a quantity that may go back into one place, into two, and of a whole line
_SHORT, _TINY, _LINE = 12, 3, 40


@dataclass(frozen=True)
class NameList:
    """Named quantities in the order of their definition; equal expressions share a name."""

    values: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    names: dict[sp.Expr, sp.Symbol] = field(default_factory=dict)

    def name(self, expression: sp.Expr, label: str = "q") -> sp.Expr:
        """A symbol for the expression; numbers, symbols and their negatives stay as they are."""
        if expression.is_Atom or (-expression).is_Atom:
            return expression
        if expression not in self.names:
            count = sum(1 for s in self.values if s.name.startswith(f"{label}_{{"))
            symbol = sp.Symbol(f"{label}_{{{count + 1}}}", real=True)
            self.values[symbol] = expression
            self.names[expression] = symbol
        return self.names[expression]

    def needed(self, expression: sp.Expr) -> tuple[sp.Expr, tuple[tuple[sp.Symbol, sp.Expr], ...]]:
        """The expression and the names it needs.

        Short quantities that are used once or twice go back into place where lines stay short.
        """
        order = list(self.values)
        alive: dict[sp.Symbol, sp.Expr] = {}
        wanted = expression.free_symbols
        for symbol in reversed(order):
            if symbol in wanted:
                alive[symbol] = self.values[symbol]
                wanted |= self.values[symbol].free_symbols
        result, kept = expression, {s: alive[s] for s in order if s in alive}
        for symbol in list(kept):
            value = kept[symbol]
            hosts = [s for s, v in kept.items() if v.has(symbol)]
            often = len(hosts) + int(result.has(symbol))
            if value.count_ops() > (_SHORT if often == 1 else _TINY if often == 2 else 0):
                continue
            swap = {symbol: value}
            changed = {s: kept[s].xreplace(swap) for s in hosts}
            longest = max((v.count_ops() for v in changed.values()), default=0)
            if longest <= _LINE and result.xreplace(swap).count_ops() <= _LINE:
                del kept[symbol]
                kept = {s: changed.get(s, v) for s, v in kept.items()}
                result = result.xreplace(swap)
        return result, tuple(kept.items())


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedMatrix:
    """SymPy entries; operands of a product that are sums are named first, so nothing swells."""

    names: NameList
    entries: tuple[tuple[sp.Expr, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.entries), len(self.entries[0])

    def _with(self, entries: Sequence[Sequence[sp.Expr]]) -> NamedMatrix:
        return NamedMatrix(names=self.names, entries=tuple(tuple(r) for r in entries))

    def labelled(self, label: str) -> NamedMatrix:
        """Every compound entry under a name that starts with ``label``."""
        return self._with([[self.names.name(e, label) for e in r] for r in self.entries])

    def reduced(self) -> NamedMatrix:
        return self.labelled("q")

    def __matmul__(self, other: NamedMatrix) -> NamedMatrix:
        left, right = self.reduced().entries, other.reduced().entries
        columns = list(zip(*right, strict=True))
        return self._with(
            [[sp.Add(*(a * b for a, b in zip(r, c, strict=True))) for c in columns] for r in left]
        )

    def __add__(self, other: NamedMatrix) -> NamedMatrix:
        rows = zip(self.entries, other.entries, strict=True)
        return self._with([[a + b for a, b in zip(r, s, strict=True)] for r, s in rows])

    def __neg__(self) -> NamedMatrix:
        return self._with([[-a for a in r] for r in self.entries])

    def __sub__(self, other: NamedMatrix) -> NamedMatrix:
        return self + (-other)

    def scale(self, expression: sp.Expr | int) -> NamedMatrix:
        factor = sp.sympify(expression, strict=True)
        return self._with([[factor * a for a in r] for r in self.entries])

    @property
    def T(self) -> NamedMatrix:
        return self._with(list(zip(*self.entries, strict=True)))

    def identity(self) -> NamedMatrix:
        n = self.shape[0]
        return self._with([[sp.Integer(int(i == j)) for j in range(n)] for i in range(n)])

    def constant(self, value: int) -> NamedMatrix:
        return self._with([[sp.Integer(value)]])

    def columns(self, parts: Sequence[NamedMatrix]) -> NamedMatrix:
        rows = range(parts[0].shape[0])
        return self._with([[p.entries[i][0] for p in parts] for i in rows])

    def assemble(
        self, cells: Sequence[Sequence[NamedMatrix]], bottom: NamedMatrix
    ) -> NamedMatrix:
        below = self.names.name(bottom.entries[0][0])
        return self._with([[self.names.name(c.entries[0][0]) / below for c in r] for r in cells])

    def invariants(self) -> tuple[NamedMatrix, ...]:
        """Sums of principal minors, each under a name."""
        n = self.shape[0]
        matrix = sp.Matrix(self.reduced().entries)
        found = []
        for k in range(1, n + 1):
            minors = [
                matrix.extract(list(c), list(c)).det(method="berkowitz")
                for c in sp.utilities.iterables.subsets(range(n), k)
            ]
            found.append(self._with([[self.names.name(sp.Add(*minors))]]))
        return tuple(found)

    def inverse(self) -> NamedMatrix:
        """Adjugate over determinant, the determinant under a name."""
        matrix = sp.Matrix(self.reduced().entries)
        below = self.names.name(matrix.det(method="berkowitz"))
        adjugate = matrix.adjugate()
        n = self.shape[0]
        return self._with([[adjugate[i, j] / below for j in range(n)] for i in range(n)])

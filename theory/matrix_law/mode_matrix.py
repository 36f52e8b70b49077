"""Small matrices over the modes, behind the interface the noise components compute with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from theory.matrix_law.fixed_point import Entry, FixedPoint

__all__ = ["ModeMatrix", "PairSum", "Term"]

Number = Callable[[Any], Fraction]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModeMatrix:
    """One n x n matrix per mode, in fixed point.

    ``number`` turns the symbolic scalars of a noise component (M, the lag) into fractions.
    """

    arithmetic: FixedPoint
    number: Number
    entries: tuple[tuple[Entry, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.entries), len(self.entries[0])

    def _with(self, rows: Sequence[Sequence[Entry]]) -> ModeMatrix:
        return replace(self, entries=tuple(tuple(row) for row in rows))

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, PairSum):
            return other.times_left(self)
        columns = [list(c) for c in zip(*other.entries, strict=True)]
        dot = self.arithmetic.dot
        return self._with([[dot(list(row), c) for c in columns] for row in self.entries])

    def __add__(self, other: ModeMatrix) -> ModeMatrix:
        rows = zip(self.entries, other.entries, strict=True)
        return self._with([[a + b for a, b in zip(r, s, strict=True)] for r, s in rows])

    def __neg__(self) -> ModeMatrix:
        return self._with([[-a for a in row] for row in self.entries])

    def __sub__(self, other: ModeMatrix) -> ModeMatrix:
        return self + (-other)

    def scale(self, factor: Any) -> ModeMatrix:
        """Multiply by a scalar in the symbols M, lag, position, N, S."""
        f = self.number(factor)
        return self._with([[a * f.numerator // f.denominator for a in r] for r in self.entries])

    @property
    def T(self) -> ModeMatrix:
        return self._with(list(zip(*self.entries, strict=True)))

    def identity(self) -> ModeMatrix:
        n, one = self.shape[0], self.arithmetic.of(1)
        return self._with([[one if i == j else 0 for j in range(n)] for i in range(n)])

    def reduced(self) -> ModeMatrix:
        """Nothing to cancel in numbers."""
        return self

    def invariants(self) -> tuple[Entry, ...]:
        """Elementary symmetric functions of the eigenvalues, one entry each."""
        return tuple(self._faddeev()[0])

    def inverse(self) -> ModeMatrix:
        """Adjugate over determinant (Faddeev and LeVerrier)."""
        symmetric, adjugate = self._faddeev()
        sign = 1 if self.shape[0] % 2 else -1
        over = self.arithmetic.over
        return self._with([[over(sign * a, symmetric[-1]) for a in r] for r in adjugate.entries])

    def _faddeev(self) -> tuple[list[Entry], ModeMatrix]:
        n = self.shape[0]
        current = previous = self.identity()
        symmetric: list[Entry] = []
        for k in range(1, n + 1):
            product = self @ current
            c = sum(product.entries[i][i] for i in range(n)) // k
            symmetric.append(c if k % 2 else -c)
            previous = current
            current = self._with(
                [
                    [product.entries[i][j] - (c if i == j else 0) for j in range(n)]
                    for i in range(n)
                ]
            )
        return symmetric, previous


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Term:
    """``weight * left[0] ... left[-1] CORE right[0] ... right[-1]``; core "bb", "X" or "W"."""

    weight: Fraction
    left: tuple[ModeMatrix, ...]
    core: str
    right: tuple[ModeMatrix, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairSum:
    """A matrix that belongs to two modes, kept as a sum of (left modes) core (right modes)."""

    number: Number
    terms: tuple[Term, ...]

    def times_left(self, matrix: ModeMatrix) -> PairSum:
        return replace(
            self, terms=tuple(replace(t, left=(matrix, *t.left)) for t in self.terms)
        )

    def __matmul__(self, matrix: ModeMatrix) -> PairSum:
        return replace(
            self, terms=tuple(replace(t, right=(*t.right, matrix)) for t in self.terms)
        )

    def __add__(self, other: PairSum) -> PairSum:
        return replace(self, terms=(*self.terms, *other.terms))

    def __neg__(self) -> PairSum:
        return self.scale(-1)

    def __sub__(self, other: PairSum) -> PairSum:
        return self + (-other)

    def scale(self, factor: Any) -> PairSum:
        f = self.number(factor)
        return replace(
            self, terms=tuple(replace(t, weight=t.weight * f) for t in self.terms)
        )

    def reduced(self) -> PairSum:
        return self

"""All modes at once: what the noise components ask of a pair, in fixed point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from theory.matrix_law.fixed_point import Entry, FixedPoint
from theory.matrix_law.mode_matrix import ModeMatrix, Number, PairSum, Term
from theory.matrix_law.rational_rule import RationalRule

__all__ = ["Modes", "PairOfModes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Modes:
    r"""A, its powers and resolvents at every scaled curvature x.

    Powers are taken modulo the characteristic polynomial, by repeated squaring.
    """

    rule: RationalRule
    arithmetic: FixedPoint
    number: Number
    exponents: Mapping[str, int]
    x: Entry
    _powers: dict[int, ModeMatrix] = field(default_factory=dict, repr=False)

    @cached_property
    def transition(self) -> ModeMatrix:
        of = self.arithmetic.of
        rows = [
            [
                of(k) if s == 0 else of(k) + self.x * s.numerator // s.denominator
                for k, s in zip(keep, slope, strict=True)
            ]
            for keep, slope in zip(self.rule.keep, self.rule.slope, strict=True)
        ]
        entries = tuple(tuple(row) for row in rows)
        return ModeMatrix(arithmetic=self.arithmetic, number=self.number, entries=entries)

    @cached_property
    def identity(self) -> ModeMatrix:
        return self.transition.identity()

    @cached_property
    def injection(self) -> ModeMatrix:
        column = tuple((self.arithmetic.of(b),) for b in self.rule.injection)
        return ModeMatrix(arithmetic=self.arithmetic, number=self.number, entries=column)

    @cached_property
    def resolvent(self) -> ModeMatrix:
        return (self.identity - self.transition).inverse()

    @cached_property
    def epoch_resolvent(self) -> ModeMatrix:
        return (self.identity - self.power("M")).inverse()

    @cached_property
    def _invariants(self) -> tuple[Entry, ...]:
        return self.transition.invariants()

    def power(self, name: str) -> ModeMatrix:
        """A to the exponent called ``name``."""
        exponent = self.exponents[name]
        if exponent not in self._powers:
            self._powers[exponent] = self._power(exponent)
        return self._powers[exponent]

    def sum(self, name: str) -> ModeMatrix:
        """S_n = R (I - A^n)."""
        key = -1 - self.exponents[name]
        if key not in self._powers:
            self._powers[key] = self.resolvent @ (self.identity - self.power(name))
        return self._powers[key]

    def _power(self, exponent: int) -> ModeMatrix:
        total = self.identity.scale(0)
        basis = self.identity
        for k, c in enumerate(self._remainder(exponent)):
            if k:
                basis = basis @ self.transition
            rows = [[self.arithmetic.times(c, e) for e in row] for row in basis.entries]
            total = total + basis._with(rows)
        return total

    def _remainder(self, exponent: int) -> list[Entry]:
        """Coefficients of z^exponent modulo the characteristic polynomial."""
        n, invariants = self.rule.size, self._invariants
        tail = [invariants[n - 1 - i] * (-1) ** (n - 1 - i) for i in range(n)]
        power: list[Entry] = [self.arithmetic.of(1)] + [0] * (n - 1)
        for bit in bin(exponent)[2:] if exponent else "":
            square: list[Entry] = [0] * (2 * n - 1)
            for k in range(2 * n - 1):
                pairs = [(i, k - i) for i in range(max(0, k - n + 1), min(n, k + 1))]
                low = [(i, j) for i, j in pairs if i < j]
                cross = self.arithmetic.dot(
                    [power[i] for i, _ in low], [power[j] for _, j in low]
                )
                square[k] = 2 * cross
                if k % 2 == 0:
                    square[k] = square[k] + self.arithmetic.times(power[k // 2], power[k // 2])
            if bit == "1":
                square = [0, *square]
            for top in range(len(square) - 1, n - 1, -1):
                for i in range(n):
                    square[top - n + i] = square[top - n + i] + self.arithmetic.times(
                        square[top], tail[i]
                    )
            power = square[:n]
        return power


@dataclass(frozen=True, kw_only=True, eq=False)
class PairOfModes:
    """Left and right run over the same modes; pair matrices stay sums of left-core-right."""

    left: Modes
    right: Modes

    def _core(self, name: str) -> PairSum:
        term = Term(weight=Fraction(1), left=(), core=name, right=())
        return PairSum(number=self.left.number, terms=(term,))

    @cached_property
    def bb(self) -> PairSum:
        return self._core("bb")

    @cached_property
    def white(self) -> PairSum:
        return self._core("X")

    @cached_property
    def epoch_white(self) -> PairSum:
        return self._core("W")

    @cached_property
    def epoch_start(self) -> PairSum:
        start: PairSum = self.left.sum("M") @ self.epoch_white @ self.right.sum("M").T
        return start

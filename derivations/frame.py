"""The names a derivation uses for one pair of modes: A, B, powers, sums, the white law X."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import sympy as sp

from derivations.step import Step
from theory import symbols
from theory.engine.law import Output, When, setting_for
from theory.engine.mode import Mode, ModePair
from theory.engine.present import Presentation
from theory.engine.rational_matrix import PolynomialRing, RationalMatrix
from theory.engine.setting import Setting
from theory.errors import TheoryError
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from theory.sequences import LucasSequence

__all__ = ["LEFT", "RIGHT", "Frame", "n"]

#: the induction variable
n = sp.Symbol("n", integer=True, nonnegative=True)
LEFT, RIGHT = "left", "right"


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """Definitions shared by the steps of one derivation.

    Attributes
    ----------
    rule, scheme
        The pair.
    when, first, second, cross
        Which covariance is derived; see :mod:`theory.engine.law`.
    """

    rule: LinearRule
    scheme: SamplingScheme
    when: When
    first: Output = "weights"
    second: Output = "weights"
    cross: bool = False
    _given: dict[Any, Any] = field(default_factory=dict, repr=False)
    _known: dict[Any, Any] = field(default_factory=dict, repr=False)
    domain: sp.Basic = sp.true

    @cached_property
    def given(self) -> Mapping[Any, Any]:
        return MappingProxyType(self._given)

    @cached_property
    def setting(self) -> Setting:
        velocity = "velocity" in (self.first, self.second)
        return setting_for(
            self.rule, self.scheme, self.when, cross=self.cross, velocity=velocity
        )

    @property
    def delayed(self) -> bool:
        """Whether the state also holds the previous weights."""
        return self.setting.remembering

    @cached_property
    def size(self) -> int:
        return self.rule.state_size + int(self.delayed)

    def step(
        self, because: str, lhs: Any, rhs: Any, given: Mapping[Any, Any] | None = None
    ) -> Step:
        """A step under the frame's definitions."""
        return Step(
            because=because, lhs=lhs, rhs=rhs, given=self.given if given is None else given,
            domain=self.domain,
        )

    def define(self, name: str, value: Any) -> sp.MatrixSymbol:
        """A named matrix."""
        symbol = sp.MatrixSymbol(name, *value.shape)
        self._given.setdefault(symbol, value)
        return symbol

    def define_number(self, symbol: sp.Symbol, value: sp.Expr) -> sp.Symbol:
        """A named number."""
        self._given.setdefault(symbol, value)
        return symbol

    def free(self, name: str) -> sp.MatrixSymbol:
        """A square matrix of unknown entries: what is proved with it holds for any matrix."""
        cells = [
            [sp.Symbol(rf"\hat{{{name.lower()}}}_{{{i + 1}{k + 1}}}") for k in range(self.size)]
            for i in range(self.size)
        ]
        return self.define(rf"\hat{{{name}}}", sp.ImmutableMatrix(cells))

    @cached_property
    def identity(self) -> Any:
        return sp.Identity(self.size)

    # one mode

    def _prime(self, side: str) -> str:
        return "'" if side == RIGHT and self.cross else ""

    def _swap(self, expression: Any, side: str) -> Any:
        if side == RIGHT and self.cross:
            return expression.subs(symbols.curvature, symbols.second_curvature)
        return expression

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def explicit(self, side: str) -> tuple[sp.Matrix, sp.Matrix]:
        """A and B of the rule (with the previous weights as a last entry where needed)."""
        a, b = self.rule.transition, self.rule.injection
        if self.delayed:
            k = self.rule.state_size
            a = sp.Matrix(sp.BlockMatrix([[a, sp.zeros(k, 1)], [sp.eye(k)[0, :], sp.zeros(1, 1)]]))
            b = sp.Matrix([*b, 0])
        return self._swap(sp.Matrix(a), side), self._swap(sp.Matrix(b), side)

    def A(self, side: str = LEFT) -> sp.MatrixSymbol:
        return self._once(("A", side), lambda: self.define(
            "A" + self._prime(side), self.explicit(side)[0].as_immutable()
        ))

    def B(self, side: str = LEFT) -> sp.MatrixSymbol:
        return self._once(("B", side), lambda: self.define(
            "B" + self._prime(side), self.explicit(side)[1].as_immutable()
        ))

    def invariants(self, side: str = LEFT) -> tuple[sp.Expr, ...]:
        own = RIGHT if side == RIGHT and self.cross else LEFT
        found: tuple[sp.Expr, ...] = self._once(("e", own), lambda: self.setting.invariants(own))
        return found

    def power(self, exponent: Any, side: str = LEFT) -> Any:
        """A to a symbolic exponent, defined through the sequences."""
        return self._once(("power", exponent, side), lambda: self._power(exponent, side))

    def _power(self, exponent: Any, side: str) -> Any:
        if exponent == 0:
            return self.identity
        a, e, d = self.A(side), self.invariants(side), self.rule.state_size
        if exponent == 1:
            return a
        shifted = exponent - 1 if self.delayed else exponent
        terms, factors = [], self.identity if not self.delayed else a
        for k in range(d):
            sign = 1 if (d - 1 - k) % 2 == 0 else -1
            terms.append(sign * LucasSequence(k, shifted, *e) * factors)
            factors = a * factors if k or self.delayed else a
        return self.define(f"A{self._prime(side)}^{{{exponent}}}", sp.MatAdd(*terms))

    def R(self, side: str = LEFT) -> sp.MatrixSymbol:
        """(I - A)^-1."""
        name = "R" + self._prime(side)
        known = sp.MatrixSymbol(name, self.size, self.size)
        if known not in self._given:
            mode = self.pair.left if side == LEFT else self.pair.right
            self.define(name, self._sympy(mode.resolvent))
        return known

    def S(self, exponent: Any, side: str = LEFT) -> Any:
        """I + A + ... + A^(n-1)."""
        return self._once(("S", exponent, side), lambda: self._sum(exponent, side))

    def _sum(self, exponent: Any, side: str) -> Any:
        if exponent == 0:
            return sp.ZeroMatrix(self.size, self.size)
        value = self.R(side) * (self.identity - self.power(exponent, side))
        return self.define(f"S{self._prime(side)}_{{{exponent}}}", value)

    # both modes

    @cached_property
    def BB(self) -> Any:
        """B B'^T."""
        return self.B() * self.B(RIGHT).T

    def X(self) -> sp.MatrixSymbol:
        """The white law."""
        known = sp.MatrixSymbol("X", self.size, self.size)
        if known not in self._given:
            self.define("X", self._sympy(self.pair.white))
        return known

    def W(self) -> sp.MatrixSymbol:
        """W = A^M W A'^MT + B B'^T."""
        known = sp.MatrixSymbol("W", self.size, self.size)
        if known not in self._given:
            self.define("W", self._sympy(self.pair.epoch_white))
        return known

    def Q(self, side: str = LEFT) -> sp.MatrixSymbol:
        """(I - A^M)^-1."""
        name = "Q" + self._prime(side)
        known = sp.MatrixSymbol(name, self.size, self.size)
        if known not in self._given:
            mode = self.pair.left if side == LEFT else self.pair.right
            self.define(name, self._sympy(mode.epoch_resolvent))
        return known

    def rows(self, output: Output) -> sp.MatrixSymbol:
        """The row that reads an output off the state."""
        weights = sp.eye(self.size)[0, :]
        if output == "weights":
            return self.define("w", weights.as_immutable())
        return self.define("d", (weights - self.previous).as_immutable())

    @cached_property
    def previous(self) -> sp.Matrix:
        """The row p with theta_{k-1} = p s_k: p A = w and p B = 0 at every curvature."""
        if self.delayed:
            return sp.Matrix([[0] * (self.size - 1) + [1]])
        a, b = self.explicit(LEFT)
        unknown = sp.symbols(f"p0:{self.size}")
        row = sp.Matrix([unknown])
        equations = [*(row * a - sp.eye(self.size)[0, :]), (row * b)[0]]
        # at two curvatures: the row may not depend on it
        other = [e.subs(symbols.curvature, symbols.second_curvature) for e in equations]
        for candidate in sp.linsolve([*equations, *other], unknown):
            fixed = dict.fromkeys(unknown, 0)
            return sp.Matrix([[sp.factor(sp.sympify(x, strict=True).subs(fixed)) for x in candidate]])
        raise TheoryError(f"the state of {self.rule.name!r} does not determine the velocity")

    # explicit solutions, taken from the engine and proved by the steps that use them

    @cached_property
    def _ring(self) -> PolynomialRing:
        segments = [u for us in self._generators.values() for u in us]
        own = (symbols.learning_rate, *self.rule.parameters, symbols.curvature)
        own += (symbols.second_curvature,) if self.cross else ()
        return PolynomialRing(symbols=(*segments, *own, symbols.steps_per_epoch))

    @cached_property
    def _generators(self) -> Mapping[str, tuple[sp.Symbol, ...]]:
        sides = (LEFT, RIGHT) if self.cross else (LEFT,)
        d = self.rule.state_size
        return {s: tuple(sp.Dummy(f"u_{s}_{k}") for k in range(d)) for s in sides}

    @cached_property
    def pair(self) -> ModePair[RationalMatrix]:
        """The engine's modes at any learning rate."""
        left = self._mode(LEFT)
        return ModePair(left=left, right=self._mode(RIGHT) if self.cross else left)

    def _mode(self, side: str) -> Mode[RationalMatrix]:
        a, b = self.explicit(side)
        return Mode(
            transition=self._ring.matrix(a), injection=self._ring.matrix(b),
            generators={"M": self._generators[side]}, layout={}, delayed=self.delayed,
        )

    def _sympy(self, matrix: RationalMatrix) -> sp.ImmutableMatrix:
        exponent = symbols.steps_per_epoch - int(self.delayed)
        table = {
            u: LucasSequence(k, exponent, *self.invariants(side))
            for side, names in self._generators.items() for k, u in enumerate(names)
        }
        shown = Presentation(
            ring=self._ring, count=sum(map(len, self._generators.values())), replacements=table
        )
        rows, columns = matrix.shape
        return sp.ImmutableMatrix(
            rows, columns, lambda i, k: shown.closed_form(*matrix.entry(i, k))
        )

"""From a rule and a named exponent layout to a pair of symbolic modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import sympy as sp

from theory import symbols
from theory.engine.mode import Mode, ModePair
from theory.engine.rational_matrix import PolynomialRing, RationalMatrix
from theory.optimizers import LinearRule
from theory.sequences import LucasSequence

__all__ = ["Setting"]

#: exponents of the segments, and how named exponents are made of them
EXPONENTS: Mapping[str, sp.Expr] = {
    "M": symbols.steps_per_epoch,
    "before": symbols.steps_per_epoch - 1,
    "j": symbols.position,
    "lag": symbols.lag,
    "rest": symbols.steps_per_epoch - symbols.lag,
    "excess": symbols.lag - symbols.steps_per_epoch,
    "folded": sp.Mod(symbols.lag, symbols.steps_per_epoch),
    "unfolded": symbols.steps_per_epoch - sp.Mod(symbols.lag, symbols.steps_per_epoch),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """A rule, at learning rate one where units allow it, with the symbols its powers need.

    Attributes
    ----------
    rule
        The update rule.
    segments
        Exponents that get generators of their own.
    layout
        Named exponents made of several segments.
    cross
        Whether the right mode has its own curvature.
    remembering
        Whether the state also holds the previous weights, for velocities of rules that do not
        keep them.
    """

    rule: LinearRule
    segments: tuple[str, ...] = ("M",)
    layout: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cross: bool = False
    remembering: bool = False

    @cached_property
    def generators(self) -> Mapping[tuple[str, str], tuple[sp.Symbol, ...]]:
        """Ring symbols per (side, segment)."""
        sides = ("left", "right") if self.cross else ("left",)
        return {
            (side, segment): tuple(
                sp.Dummy(f"{segment}_{side}_{k}") for k in range(self.rule.state_size)
            )
            for side in sides
            for segment in self.segments
        }

    @cached_property
    def ring(self) -> PolynomialRing:
        own = [*self.rule.parameters, symbols.curvature]
        if not self.rule.scales:
            own.append(symbols.learning_rate)
        if self.cross:
            own.append(symbols.second_curvature)
        times = (symbols.steps_per_epoch, symbols.batch_size, symbols.samples, symbols.lag)
        flat = [u for us in self.generators.values() for u in us]
        return PolynomialRing(symbols=(*flat, *own, *times, symbols.position))

    @cached_property
    def pair(self) -> ModePair[RationalMatrix]:
        left = self._mode("left")
        return ModePair(left=left, right=self._mode("right") if self.cross else left)

    def _mode(self, side: str) -> Mode[RationalMatrix]:
        transition, injection = self.rule.scaled
        if side == "right":
            swap = {symbols.curvature: symbols.second_curvature}
            transition, injection = transition.subs(swap), injection.subs(swap)
        if self.remembering:
            n = self.rule.state_size
            previous = sp.eye(n)[0, :]
            transition = sp.Matrix(
                sp.BlockMatrix([[transition, sp.zeros(n, 1)], [previous, sp.zeros(1, 1)]])
            )
            injection = sp.Matrix([*injection, 0])
        return Mode(
            transition=self.ring.matrix(transition),
            injection=self.ring.matrix(injection),
            generators={s: self.generators[side, s] for s in self.segments},
            layout=self.layout,
            delayed=self.remembering,
        )

    @cached_property
    def replacements(self) -> dict[sp.Symbol, sp.Expr]:
        """From the ring's symbols back to the user's: x = eta lambda, generators to sequences."""
        eta = symbols.learning_rate
        with_unit = (symbols.curvature, symbols.second_curvature, symbols.weight_decay)
        table: dict[sp.Symbol, sp.Expr] = (
            {s: eta * s for s in with_unit} if self.rule.scales else {}
        )
        for (side, segment), names in self.generators.items():
            exponent = EXPONENTS[segment] - (1 if self.remembering else 0)
            table |= {
                u: LucasSequence(k, exponent, *self.invariants(side)) for k, u in enumerate(names)
            }
        return table

    @property
    def unit(self) -> sp.Expr:
        r"""What the engine's covariances are in units of: :math:`\eta^2c`, or c alone."""
        scale = symbols.learning_rate**2 if self.rule.scales else sp.S.One
        return scale * symbols.noise_variance

    def invariants(self, side: str) -> tuple[sp.Expr, ...]:
        """Elementary symmetric functions of the poles, in the user's symbols."""
        z = sp.Dummy("z")
        polynomial = sp.Poly(self.rule.characteristic_polynomial(z), z)
        coefficients = polynomial.all_coeffs()[1:]
        found = [sp.expand((-1) ** (i + 1) * c) for i, c in enumerate(coefficients)]
        if side == "right":
            found = [e.subs(symbols.curvature, symbols.second_curvature) for e in found]
        return tuple(found)

    @cached_property
    def weights_row(self) -> RationalMatrix:
        n = self.pair.left.transition.shape[0]
        return self.ring.matrix(sp.eye(n)[0, :])

    def velocity_row(self) -> RationalMatrix | None:
        """The row d with v_k = d s_k, or None if the state does not determine the velocity.

        theta_{k-1} = w s_k needs w A = c and w B = 0 at every curvature.
        """
        n = self.rule.state_size
        if self.remembering:
            return self.ring.matrix(sp.Matrix([[1, *[0] * (n - 1), -1]]))
        transition, injection = self.rule.scaled
        unknown = sp.symbols(f"w0:{n}")
        row = sp.Matrix([unknown])
        target = sp.eye(n)[0, :]
        equations = [*(row * transition - target), (row * injection)[0]]
        found = sp.linsolve(equations, unknown)
        for candidate in found:
            free = set().union(*(sp.sympify(w, strict=True).free_symbols for w in candidate))
            polynomial = all(sp.fraction(sp.together(w))[1].is_number for w in candidate)
            if not free & {*unknown, symbols.curvature} and polynomial:
                return self.ring.matrix(target - sp.Matrix([candidate]))
        return None

r"""One direction whose batch curvature fluctuates independently from step to step, in symbols."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from theory.errors import TheoryError
from theory.optimizers import LinearRule
from theory.sequences import LucasSequence
from theory.symbols import curvature, curvature_variance, lag, learning_rate, noise_variance

__all__ = ["OneDirection", "one_direction"]


@dataclass(frozen=True, kw_only=True, eq=False)
class OneDirection:
    r"""A rule at batch curvature :math:`\lambda+\Delta_k` of variance :math:`\psi`, noise of variance c.

    .. math:: s_k = (A+\Delta_kA')s_{k-1}+B\xi_k, \qquad A'=\partial A/\partial\lambda,

    with :math:`(\Delta_k,\xi_k)` independent from step to step and of mean zero. The mean of the state
    dies out, hence the covariance of :math:`\Delta_k` with :math:`\xi_k` never enters the stationary
    law, and

    .. math:: P = APA^\top+\psi A'PA'^\top+cBB^\top .

    :math:`A'=Ba^\top`, so :math:`P=X\,c/(1-\psi\varphi)` with the law X under white noise of
    variance one and :math:`\varphi=a^\top Xa`.

    Attributes
    ----------
    rule
        Any linear rule.
    """

    rule: LinearRule

    @cached_property
    def white(self) -> sp.ImmutableMatrix:
        """X, by one linear solve in a polynomial ring, factored. Shape (n, n)."""
        a, b = self.rule.transition, self.rule.injection
        n = self.rule.state_size
        pairs = list(combinations_with_replacement(range(n), 2))
        names = sp.symbols(f"x0:{len(pairs)}")
        x = sp.zeros(n, n)
        for name, (i, j) in zip(names, pairs, strict=True):
            x[i, j] = x[j, i] = name
        rest = (x - a * x * a.T - b * b.T).applyfunc(sp.expand)
        system, right = sp.linear_eq_to_matrix([rest[p] for p in pairs], names)
        both = DomainMatrix.from_Matrix(system.row_join(right))
        top, bottom = both[:, : len(pairs)].solve_den(both[:, len(pairs) :])
        under = both.domain.to_sympy(bottom)
        out = sp.zeros(n, n)
        for value, (i, j) in zip(top.to_Matrix(), pairs, strict=True):
            out[i, j] = out[j, i] = sp.factor(sp.cancel(value / under))
        return out.as_immutable()

    @cached_property
    def response(self) -> sp.Expr:
        r""":math:`\varphi=a^\top Xa`, from :math:`A'XA'^\top=\varphi BB^\top`."""
        slope, b = self.rule.transition.diff(curvature), self.rule.injection
        row = next(i for i in range(self.rule.state_size) if b[i] != 0)
        return sp.factor(sp.cancel((slope * self.white * slope.T)[row, row] / b[row] ** 2))

    @cached_property
    def _point(self) -> dict[sp.Symbol, sp.Rational]:
        """Where signs are taken: a small learning rate, at which every rule with a law is stable."""
        named = self.rule.transition.free_symbols | {curvature, *self.rule.parameters}
        return {s: sp.Rational(1, 2) for s in named} | {learning_rate: sp.Rational(1, 1000)}

    def _oriented(self, side: sp.Expr) -> sp.Expr:
        """The same up to sign, every factor positive at the point."""
        product: sp.Expr = sp.S.One
        for factor in sp.Mul.make_args(side):
            base, power = factor.as_base_exp()
            product *= (base if base.subs(self._point) > 0 else sp.expand(-base)) ** power
        return product

    @cached_property
    def _sides(self) -> tuple[sp.Expr, sp.Expr]:
        """Numerator and denominator of the response, both positive where the mean is stable."""
        if not self.response.subs(self._point) > 0:
            raise TheoryError(f"{self.rule.name} has no law at small learning rates: nothing to state")
        top, bottom = sp.fraction(self.response)
        return self._oriented(top), self._oriented(bottom)

    @property
    def denominator(self) -> sp.Expr:
        r"""Of :math:`\varphi`, positive where the mean is stable."""
        return self._sides[1]

    @property
    def gap(self) -> sp.Expr:
        r""":math:`1-\psi\varphi` times the denominator of :math:`\varphi`: positive exactly below the
        mean-square limit, where the mean is stable."""
        top, bottom = self._sides
        return bottom - curvature_variance * top

    @property
    def valid_if(self) -> sp.Basic:
        """The exact condition for a stationary second moment."""
        return sp.And(self.rule.valid_if, self.gap > 0)

    def _law(self, white: sp.Expr) -> sp.Expr:
        top, under = sp.fraction(sp.factor(sp.cancel(white * self.denominator)))
        return noise_variance * self._oriented(top) / (self._oriented(under) * self.gap)

    @property
    def weight_variance(self) -> sp.Expr:
        r""":math:`\langle\theta^2\rangle`."""
        return self._law(self.white[0, 0])

    @property
    def weight_velocity_covariance(self) -> sp.Expr:
        r""":math:`\langle\theta v\rangle=[(I-A)P]`: the noise of a step does not know its start."""
        return self._law(self.white[0, 0] - (self.rule.transition * self.white)[0, 0])

    @property
    def velocity_variance(self) -> sp.Expr:
        r""":math:`\langle v^2\rangle=2\langle\theta v\rangle`."""
        return 2 * self.weight_velocity_covariance

    @property
    def weight_autocovariance(self) -> sp.Expr:
        r""":math:`\langle\theta_{k+\tau}\theta_k\rangle=[A^\tau P]`, for rules of two states.

        Raises
        ------
        TheoryError
            For a rule with another number of states.
        """
        if self.rule.state_size != 2:
            raise TheoryError(f"stated for rules of two states; {self.rule.name} has another number")
        a = self.rule.transition
        invariants = (sp.expand(a.trace()), sp.factor(a.det()))
        bottom = self.denominator
        now, next_one = (
            sp.factor(sp.cancel(bottom * value))
            for value in (self.white[0, 0], (a * self.white)[0, 0])
        )
        shared = sp.gcd(now, next_one)
        parts = [sp.factor(sp.cancel(value / shared)) for value in (now, next_one)]
        u, w = (LucasSequence(k, lag, *invariants) for k in (1, 0))
        return noise_variance * shared * (parts[1] * u - parts[0] * w) / self.gap


@lru_cache(maxsize=32)
def one_direction(rule: LinearRule) -> OneDirection:
    """One law per rule, so that what is derived once stays derived."""
    return OneDirection(rule=rule)

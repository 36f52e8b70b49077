r"""Signs inside the stability region, and whether a power decays there.

The region is described by positive numbers: :math:`\beta=1/(1+t)` and the like, and where a fact
:math:`a-b\eta>0` bounds the learning rate, :math:`\eta=(a/b)/(1+u)`. A polynomial in them whose
coefficients all have one sign has that sign: sufficient, never wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import sympy as sp

from theory.symbols import averaging_rate, dampening, immediate_discount, learning_rate, momentum

__all__ = ["ROOT_OF_MOMENTUM", "Region"]

#: stands for sqrt(momentum) where half powers occur
ROOT_OF_MOMENTUM = sp.Symbol("sqrt_momentum", positive=True)
_BELOW_ONE = (momentum, ROOT_OF_MOMENTUM, averaging_rate, dampening, immediate_discount)


class Region:
    """Where the formula holds; ``valid_if`` is its condition."""

    def __init__(self, valid_if: sp.Basic) -> None:
        self.valid_if = valid_if
        parts = valid_if.args if isinstance(valid_if, sp.And) else (valid_if,)
        ordered = (sp.StrictLessThan, sp.StrictGreaterThan, sp.LessThan, sp.GreaterThan)
        self._facts = tuple(sp.expand(p.gts - p.lts) for p in parts if isinstance(p, ordered))
        self._charts = self._parametrizations()
        self.sign = lru_cache(maxsize=512)(self._sign)

    def at(self, values: Mapping[sp.Symbol, sp.Expr]) -> Region:
        """The region in a plane through it, e.g. without momentum."""
        return Region(self.valid_if.subs(values))

    def _parametrizations(self) -> list[dict[sp.Symbol, sp.Expr]]:
        """Plain (momentum and the like below one), and with the learning rate below each bound."""
        inner = {s: 1 / (1 + sp.Dummy(f"t_{s.name}", positive=True)) for s in _BELOW_ONE}
        charts = [inner]
        for fact in self._facts:
            slope = fact.coeff(learning_rate, 1)
            rest = sp.expand(fact - slope * learning_rate)
            if slope != 0 and not rest.has(learning_rate):
                bound = (-rest / slope).xreplace(inner)
                charts.append({**inner, learning_rate: bound / (1 + sp.Dummy("u", positive=True))})
        return charts

    def _sign(self, expression: sp.Expr) -> int:
        """1 or -1 where it is certain, else 0."""
        over, under = sp.fraction(sp.together(expression))
        total = 1
        for part in (over, under):
            constant, factors = sp.factor_list(part)
            total *= 1 if constant > 0 else -1
            for factor, multiplicity in factors:
                if multiplicity % 2:
                    total *= self._sign_of_factor(factor)
        return total

    def _sign_of_factor(self, factor: sp.Expr) -> int:
        if factor.is_positive or factor.is_negative:
            return 1 if factor.is_positive else -1
        for chart in self._charts:
            over, under = sp.fraction(sp.together(factor.xreplace(chart)))
            signs = [_one_sign(part) for part in (over, under)]
            if all(signs):
                return signs[0] * signs[1]
        return 0

    def decays(self, base: sp.Expr) -> bool:
        """Whether -1 < base < 1 is certain."""
        return self.sign(1 - base) > 0 and self.sign(1 + base) > 0

    def may_decay(self, base: sp.Expr) -> bool:
        """Whether -1 < base < 1 somewhere: looked for at small learning rates."""
        for rate in (sp.Rational(1, 1000), sp.Rational(1, 10)):
            half = dict.fromkeys(base.free_symbols, sp.S.Half) | {learning_rate: rate}
            value = base.subs(half)
            if value.is_number and value.is_real and -1 < value < 1:
                return True
        return False

    def stable_pair(self, trace: sp.Expr, determinant: sp.Expr) -> bool:
        """Whether both roots of z² - trace z + determinant certainly lie inside the unit circle."""
        conditions = (1 - determinant, 1 + determinant - trace, 1 + determinant + trace)
        return all(self.sign(c) > 0 for c in conditions)


def _one_sign(polynomial: sp.Expr) -> int:
    """The common sign of all terms of a polynomial in positive symbols, else 0."""
    terms = sp.Add.make_args(sp.expand(polynomial))
    if any(t.is_positive for t in terms) and all(t.is_nonnegative for t in terms):
        return 1
    return -1 if any(t.is_negative for t in terms) and all(t.is_nonpositive for t in terms) else 0

"""What follows from a region, by proof."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp
from sympy.core.relational import Relational

from derivations.checking.inequalities import infeasible
from derivations.checking.normal_form import literals

__all__ = ["empty", "implied"]


def empty(parts: Sequence[sp.Basic], *, signs: bool = True) -> bool:
    """Whether all parts together provably hold nowhere."""
    return all(infeasible(branch, signs=signs) for branch in literals(sp.And(*parts, evaluate=False)))


def implied(condition: sp.Basic, region: sp.Basic) -> bool:
    """Whether the condition is proved to follow from the region and the symbols' own domains.

    Exact and linear, by :mod:`derivations.checking.inequalities`; a product of factors follows from the
    signs of its factors. False where it is not decided.
    """
    if condition in (sp.true, sp.false):
        return bool(condition) or empty([region])
    if isinstance(condition, sp.And):
        return all(implied(part, region) for part in condition.args)
    if empty([region, sp.Not(condition)]):
        return True
    return isinstance(condition, Relational) and _follows_by_signs(condition, region)


def _follows_by_signs(condition: Relational, region: sp.Basic) -> bool:
    """A product > 0 or >= 0 whose factors have signs that follow from the region."""
    if isinstance(condition, (sp.Eq, sp.Ne)):
        return False
    gap = condition.lhs - condition.rhs
    if isinstance(condition, (sp.StrictLessThan, sp.LessThan)):
        gap = -gap
    strict = isinstance(condition, (sp.StrictLessThan, sp.StrictGreaterThan))
    try:
        factors = sp.Mul.make_args(sp.factor(gap))
    except sp.PolynomialError:
        return False
    if len(factors) < 2:
        return False
    sign = 1
    for factor in factors:
        base = factor.base if isinstance(factor, sp.Pow) and factor.exp.is_Integer else factor
        power = int(factor.exp) if base is not factor else 1
        found = _sign(base, region, strict or power < 0)
        if found == 0:
            return False
        sign *= found**power if power % 2 else 1
    return sign > 0


def _sign(factor: sp.Expr, region: sp.Basic, strict: bool) -> int:
    """1 or -1 if the factor is proved positive or negative (or zero, if not strict), else 0."""
    for value, known in ((1, factor.is_positive if strict else factor.is_nonnegative),
                         (-1, factor.is_negative if strict else factor.is_nonpositive)):
        opposite = sp.Le if strict else sp.Lt
        if known or empty([region, opposite(value * factor, 0)]):
            return value
    return 0

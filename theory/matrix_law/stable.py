"""Whether every direction of the Hessian is stable, and at which learning rate it would be."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

import numpy as np
import sympy as sp

from theory import symbols
from theory.errors import UnstableError
from theory.matrix_law.matrices import FloatArray
from theory.optimizers import LinearRule

__all__ = ["require_stable"]


def require_stable(
    rule: LinearRule, values: Mapping[str, Fraction], curvatures: FloatArray
) -> None:
    r"""The Jury conditions at every curvature.

    Raises
    ------
    UnstableError
        If one fails; the message has the limit on the learning rate in the worst direction, for
        heavy ball :math:`2(1+\beta)/\lambda_{\max}`.
    """
    if curvatures.size == 0:
        return
    table = {
        s: sp.Rational(values[s.name].numerator, values[s.name].denominator)
        for s in rule.parameters
    }
    rate = values["learning_rate"]
    number = sp.Rational(rate.numerator, rate.denominator)
    conditions = [sp.sympify(q, strict=True).subs(table) for q in _conditions(rule)]
    broken = np.zeros(curvatures.shape, dtype=bool)
    for quantity in conditions:
        at_rate = quantity.subs(symbols.learning_rate, number)
        broken |= ~(_polynomial(at_rate, symbols.curvature, curvatures) > 0)
    if not broken.any():
        return
    worst = float(curvatures[broken].max())
    limit = min((r for q in conditions for r in _positive_roots(q, worst)), default=0.0)
    name = " = 2 (1 + momentum) / lambda_max" if rule.name == "heavy-ball" else ""
    way_out = (
        f"Lower the learning rate below {limit:.4g}" if limit > 0 else "Change the hyperparameters"
    )
    raise UnstableError(
        f"no stationary law: learning_rate = {float(rate):.6g} is not below {limit:.6g}{name}, the "
        f"stability limit of {rule.name} at the curvature {worst:.6g}. {way_out}"
    )


@lru_cache(maxsize=32)
def _conditions(rule: LinearRule) -> tuple[sp.Expr, ...]:
    """Derived once per rule."""
    return rule.stability


def _polynomial(expression: sp.Expr, symbol: sp.Symbol, at: FloatArray) -> FloatArray:
    """Value on an array; the expression is a product of polynomials, each by Horner's rule."""
    out = np.ones(at.shape)
    for factor in sp.Mul.make_args(sp.sympify(expression, strict=True)):
        if symbol in factor.free_symbols:
            coefficients = [float(c) for c in sp.Poly(factor, symbol).all_coeffs()]
            out *= np.sign(np.polyval(coefficients, at))
        else:
            out *= float(sp.sign(factor))
    return out


def _positive_roots(quantity: sp.Expr, curvature: float) -> list[float]:
    """Learning rates at which the quantity vanishes in this direction."""
    eta, lam = symbols.learning_rate, symbols.curvature
    inserted = sp.sympify(quantity, strict=True).subs(lam, sp.Rational(curvature) if curvature else 0)
    if eta not in inserted.free_symbols:
        return []
    z = sp.Symbol("z")
    polynomial = sp.Poly(inserted.subs(eta, z), z)
    return sorted(float(r) for r in polynomial.real_roots() if r > 0)

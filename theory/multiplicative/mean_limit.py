r"""The learning rate below which the mean converges, for any rule: its Jury conditions as polynomials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import sympy as sp

from theory.optimizers import LinearRule
from theory.symbols import curvature, learning_rate

__all__ = ["mean_limit"]


def mean_limit(
    rule: LinearRule, hyperparameters: Mapping[str, float | Fraction], curvatures: npt.ArrayLike
) -> float:
    r"""The largest :math:`\eta` such that every smaller one keeps all poles inside the unit circle.

    For heavy ball :math:`2(1+\beta)/\lambda_{\max}`. Infinite if nothing has curvature; zero if the
    other hyperparameters exclude stability at any learning rate. Exact up to the rounding of the result:
    the first positive root of a condition of :attr:`~theory.optimizers.LinearRule.stability`.

    Parameters
    ----------
    hyperparameters
        Those of the rule; the learning rate, if it is among them, is not used.
    curvatures
        Shape (d,). Zero counts only through a weight decay.
    """
    numbers = {s: sp.Rational(hyperparameters[s.name]) for s in rule.parameters}
    conditions = [
        sp.Poly(sp.sympify(q, strict=True).subs(numbers), learning_rate, curvature).terms()
        for q in rule.stability
    ]
    values = np.unique(np.asarray(curvatures, dtype=np.float64))
    pulled = values[values + float(hyperparameters.get("weight_decay", 0)) > 0]
    limits = (_first_root(_at(terms, Fraction(float(h)))) for h in pulled for terms in conditions)
    return min(limits, default=np.inf)


def _at(terms: Sequence[tuple[tuple[int, int], sp.Rational]], value: Fraction) -> list[Fraction]:
    """Coefficients of the learning rate at one curvature, from the constant on."""
    found = [Fraction(0)] * (1 + max(power for (power, _), _ in terms))
    for (power, own), c in terms:
        found[power] += Fraction(int(c.p), int(c.q)) * value**own
    return found


def _first_root(coefficients: Sequence[Fraction]) -> float:
    """Up to where a polynomial stays positive from just above 0 on."""
    lowest = next((c for c in coefficients if c), Fraction(0))
    if not lowest > 0:
        return 0.0
    if len(coefficients) <= 2:
        constant, slope = (*coefficients, Fraction(0))[:2]
        return float(-constant / slope) if slope < 0 else np.inf
    polynomial = sp.Poly([sp.Rational(c) for c in reversed(coefficients)], learning_rate)
    return min((float(r) for r in polynomial.real_roots() if r > 0), default=np.inf)

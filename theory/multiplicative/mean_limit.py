r"""The learning rate below which the mean converges, for any rule: its Jury conditions as polynomials."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import sympy as sp

from theory.multiplicative.quadratics import FloatArray
from theory.optimizers import LinearRule
from theory.symbols import curvature, learning_rate

__all__ = ["mean_limit"]

#: learning rates are looked for as multiples of 1 / curvature
_x = sp.Symbol("x", positive=True)


def mean_limit(rule: LinearRule, hyperparameters: Mapping[str, float], curvatures: FloatArray) -> float:
    r"""The largest :math:`\eta` such that every smaller one keeps all poles inside the unit circle.

    For heavy ball :math:`2(1+\beta)/\lambda_{\max}`. Infinite if nothing has curvature; zero if the
    other hyperparameters exclude stability at any learning rate.

    Parameters
    ----------
    hyperparameters
        Those of the rule; the learning rate, if it is among them, is not used.
    curvatures
        Shape (d,). Zero counts only through a weight decay.
    """
    numbers = {s: sp.Rational(float(hyperparameters[s.name])) for s in rule.parameters}
    conditions = [sp.sympify(q, strict=True).subs(numbers) for q in rule.stability]
    decay = float(hyperparameters.get("weight_decay", 0.0))
    limit = np.inf
    for value in np.unique(curvatures[curvatures + decay > 0]):
        size = sp.Rational(float(value + decay))
        for condition in conditions:
            inserted = condition.subs({curvature: sp.Rational(float(value)), learning_rate: _x / size})
            coefficients = [float(c) for c in sp.Poly(inserted, _x).all_coeffs()]
            limit = min(limit, _first_root(coefficients) / float(size))
            if limit == 0:
                return 0.0
    return float(limit)


def _first_root(coefficients: list[float]) -> float:
    """Up to where a polynomial, from the highest power on, stays positive from 0 on."""
    last = [c for c in reversed(coefficients) if c != 0]
    if not last or last[0] < 0:
        return 0.0
    if len(coefficients) == 2:
        slope, constant = coefficients
        return constant / -slope if slope < 0 else np.inf
    roots = np.roots(coefficients)
    real = roots.real[(np.abs(roots.imag) <= 1e-9 * np.abs(roots)) & (roots.real > 0)]
    return float(real.min(initial=np.inf))

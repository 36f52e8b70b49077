"""The true value at a point without any formula: the exact solver, or the definition."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from derivations.checking.fluctuating_value import fluctuating_value
from derivations.checking.points import Point
from derivations.checking.target import Target
from theory.errors import TheoryError
from theory.solvers.by_name import exact_noise_autocovariance, solve_by_name
from theory.symbols import noise_variance

__all__ = ["exact_value"]


def exact_value(target: Target, point: Point) -> tuple[Any, str]:
    """The quantity at a point, and how it was found; None and why not.

    Moments of the stationary law come from exact arithmetic on the epoch-lifted system, those under
    fluctuating curvature from one linear system, spectra from their definition to 50 digits. None for
    formulas that are limits or definitions themselves, or about one epoch: there the proof is the truth.
    """
    if not target.exact:
        return None, f"{target.name} is itself a limit or definition: its proof is the reference"
    if target.model != "stationary":
        return _of_another_model(target, point)
    values: dict[str, Any] = {"noise_variance": point[noise_variance]} | {
        s.name: point[s] for s in target.parameters
    }
    try:
        if target.quantity.endswith("spectrum"):
            return _spectrum(target, values), "the definition: sum over lags, 50 digits"
        value = solve_by_name(target.rule, target.scheme, target.quantity, values)
    except TheoryError as error:
        return None, str(error)
    return Fraction(value), "exact rational arithmetic on every step of one epoch"


def _of_another_model(target: Target, point: Point) -> tuple[Any, str]:
    if target.model != "multiplicative":
        return None, f"the proof of {target.name} is the reference"
    try:
        return fluctuating_value(target, point), "exact rational solution for the second moment of one step"
    except TheoryError as error:
        return None, str(error)


def _spectrum(target: Target, values: dict[str, Any]) -> Any:
    r""":math:`S(\omega)=\sum_hR(h)\cos h\omega`, times :math:`|w(z-A)^{-1}B|^2` for the weights."""
    if target.scheme.periodic:
        raise TheoryError("the power of periodic noise sits on lines; the formula's proof is the reference")
    own = {"steps_per_epoch": Fraction(1), **values}
    with mpmath.workdps(50):
        omega = mpmath.mpf(own["frequency"].numerator) / own["frequency"].denominator
        total = mpmath.mpf(0)
        for h in range(int(own["steps_per_epoch"])):
            r = exact_noise_autocovariance(target.scheme, {**own, "lag": h})
            total += (1 if h == 0 else 2) * mpmath.mpf(r.numerator) / r.denominator * mpmath.cos(h * omega)
        if target.quantity == "weight-spectrum":
            table = {s: sp.Rational(point.numerator, point.denominator)
                     for s in target.parameters if isinstance(point := own[s.name], Fraction)}
            a, b = (mpmath.matrix(m.subs(table).tolist()) for m in (target.rule.transition,
                                                                    target.rule.injection))
            response = mpmath.lu_solve(mpmath.expj(omega) * mpmath.eye(a.rows) - a, b)
            total *= abs(response[0]) ** 2
        return total

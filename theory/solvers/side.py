"""One mode at exact hyperparameters, refused where it has no stationary law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NoReturn

import sympy as sp

from theory import symbols
from theory.errors import TheoryError, UnstableError
from theory.numbers import exact_number
from theory.optimizers.rule import LinearRule
from theory.solvers.rational import Rows
from theory.solvers.schur_cohn import largest_stable, stability_of

__all__ = ["Side", "build_side"]

Point = Mapping[sp.Symbol, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    r"""One mode: :math:`s_k=As_{k-1}+B\xi_k`, read out as ``output`` · s.

    Attributes
    ----------
    transition
        A, with the velocity as an extra last entry of the state if ``output`` asks for it. The row
        :math:`wA-w` of :math:`v_k=(wA-w)s_{k-1}+wB\xi_k` is formed exactly, so that no digits are
        lost where the weights hardly move. Shape (n, n).
    injection
        B. Shape (n,).
    output
        Shape (n,): a unit vector.
    slope
        dA/d(curvature). Shape (n, n).
    flat
        Whether A has the simple eigenvalue 1.
    """

    transition: Rows
    injection: tuple[Fraction, ...]
    output: tuple[Fraction, ...]
    slope: Rows
    flat: bool


@lru_cache(maxsize=64)
def _forms(rule: LinearRule) -> tuple[sp.Matrix, sp.Matrix]:
    return rule.transition, rule.injection


def _numbers(matrix: sp.Matrix, point: Point) -> Rows:
    exact = {s: sp.Rational(x.numerator, x.denominator) for s, x in point.items()}
    return tuple(
        tuple(exact_number("state-space form", e.subs(exact)) for e in matrix.row(i))
        for i in range(matrix.rows)
    )


def build_side(
    rule: LinearRule, point: Point, curvature: Fraction, output: str,
    name: str,
) -> Side:
    symbolic, injection = _forms(rule)
    here = {**point, symbols.curvature: curvature}
    transition = _numbers(symbolic, here)
    stability = stability_of(transition)
    if stability == "unstable":
        _raise_unstable(rule, point, curvature, name)
    _require_domain(rule, point)
    b = tuple(row[0] for row in _numbers(injection, here))
    slope = _numbers(symbolic.diff(symbols.curvature), here)
    zero = Fraction(0)
    if output == "velocity":
        unit = (Fraction(1), *(zero for _ in b[1:]))
        change = tuple(x - u for x, u in zip(transition[0], unit, strict=True))
        transition = (*((*row, zero) for row in transition), (*change, zero))
        slope = (*((*row, zero) for row in slope), (*slope[0], zero))
        b = (*b, b[0])
    read = len(b) - 1 if output == "velocity" else 0
    row = tuple(Fraction(k == read) for k in range(len(b)))
    return Side(
        transition=transition, injection=b, output=row, slope=slope, flat=stability == "flat"
    )


def _broken(rule: LinearRule, point: Point) -> list[str]:
    """Conditions on the hyperparameters alone that do not hold, in words."""
    exact = {s: sp.Rational(x.numerator, x.denominator) for s, x in point.items()}
    found = [f"{c} (got {_listed(point)})" for c in rule.domain if not bool(c.subs(exact))]
    for s, x in point.items():
        if (s.is_positive and not x > 0) or (s.is_nonnegative and not x >= 0):
            found.append(f"{s} {'>' if s.is_positive else '>='} 0 (got {float(x):.6g})")
    return found


def _listed(point: Point) -> str:
    others = {s: x for s, x in point.items() if s != symbols.learning_rate}
    return ", ".join(f"{s} = {float(x):.6g}" for s, x in others.items())


def _require_domain(rule: LinearRule, point: Point) -> None:
    broken = _broken(rule, point)
    if broken:
        raise TheoryError(f"rule {rule.name!r} needs {' and '.join(broken)}")


def _raise_unstable(
    rule: LinearRule, point: Point, curvature: Fraction, name: str
) -> NoReturn:
    """Name the number, the limit and the way out."""
    broken = _broken(rule, point)
    if broken:
        raise UnstableError(f"no stationary law: {rule.name} needs {' and '.join(broken)}")
    rate = point[symbols.learning_rate]
    symbolic, _ = _forms(rule)

    def is_stable(trial: Fraction) -> bool:
        here = {**point, symbols.learning_rate: trial, symbols.curvature: curvature}
        return stability_of(_numbers(symbolic, here)) == "stable"

    limit = largest_stable(is_stable, rate)
    if limit is None:
        raise UnstableError(
            f"no stationary law: {name} = {float(curvature):.6g} is unstable at every learning "
            f"rate ({_listed(point)}); a stationary law needs a positive curvature"
        )
    others = _listed(point)
    raise UnstableError(
        f"no stationary law: learning_rate = {float(rate):.6g} is not below {float(limit):.6g}, "
        f"the limit of {rule.name} at {name} = {float(curvature):.6g}"
        f"{', ' + others if others else ''}. Lower the learning rate"
    )

r"""Exact values under independent steps with a fluctuating curvature, by one linear system.

With :math:`A` one step at the mean curvature, :math:`G=\partial A/\partial\lambda` and B the injection,

.. math:: P = APA^\top + \psi\,GPG^\top + c\,BB^\top .

The map of P is positive, so that its spectral radius is below 1, and P exists, exactly if the solution with
the identity in the place of the noise is positive definite.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy as sp
from flint import fmpq, fmpq_mat

from derivations.checking.target import Target
from theory.errors import TheoryError, UnstableError
from theory.symbols import (
    batch_size,
    curvature,
    curvature_variance,
    label_variance,
    lag,
    noise_variance,
)

__all__ = ["fluctuating_value"]

#: of a Gaussian input: the variance of its square over the square of its variance
_GAUSSIAN = 2


def fluctuating_value(target: Target, point: Mapping[sp.Symbol, Fraction]) -> Fraction:
    """The moment of weights or velocity that the target names.

    Raises
    ------
    UnstableError
        If there is no second moment.
    TheoryError
        If the target is no such moment.
    """
    if target.unit != (0, 2):
        raise TheoryError(f"{target.name} is no moment: its proof is the reference")
    step, gradient, kick = _matrices(target, point)
    noise, fluctuation = _strengths(target, point)
    _require_second_moment(step, gradient, fluctuation)
    law = _solved(step, gradient, fluctuation, kick * kick.transpose() * noise)
    later = step * law
    if target.quantity == "weight-autocovariance":
        later = law
        for _ in range(int(point[lag])):
            later = step * later
        return _fraction(later[0, 0])
    both = law[0, 0] - later[0, 0]  # <theta_k v_k>, half of <v_k^2>
    found = {
        "weight-variance": law[0, 0], "velocity-variance": 2 * both, "weight-velocity-covariance": both,
    }
    if target.quantity not in found:
        raise TheoryError(f"{target.quantity} under fluctuating curvature: its proof is the reference")
    return _fraction(found[target.quantity])


def _strengths(target: Target, point: Mapping[sp.Symbol, Fraction]) -> tuple[fmpq, fmpq]:
    """Variances of noise and curvature of a batch; from the labels' for a Gaussian input."""
    if label_variance in target.parameters:
        h, s = point[curvature], point[batch_size]
        return _exact(point[label_variance] * h / s), _exact(_GAUSSIAN * h * h / s)
    return _exact(point[noise_variance]), _exact(point[curvature_variance])


def _matrices(
    target: Target, point: Mapping[sp.Symbol, Fraction]
) -> tuple[fmpq_mat, fmpq_mat, fmpq_mat]:
    """A, its derivative by the curvature (every rule is linear in it), and B."""
    rule = target.rule
    here = {s: _rational(v) for s, v in point.items() if s != curvature}

    def numbers(matrix: sp.Matrix, h: Fraction) -> fmpq_mat:
        entries = [sp.Rational(e.subs({**here, curvature: _rational(h)})) for e in matrix]
        return fmpq_mat(matrix.rows, matrix.cols, [fmpq(int(e.p), int(e.q)) for e in entries])

    flat, one = (numbers(rule.transition, Fraction(h)) for h in (0, 1))
    kick = numbers(rule.injection, Fraction(0))
    return numbers(rule.transition, point[curvature]), one - flat, kick


def _solved(step: fmpq_mat, gradient: fmpq_mat, fluctuation: fmpq, drive: fmpq_mat) -> fmpq_mat:
    n = step.nrows()
    system = [[fmpq(int(i == j)) for j in range(n * n)] for i in range(n * n)]
    for i in range(n * n):
        for j in range(n * n):
            (p, q), (r, s) = divmod(i, n), divmod(j, n)
            system[i][j] -= step[p, r] * step[q, s] + fluctuation * gradient[p, r] * gradient[q, s]
    right = fmpq_mat(n * n, 1, [drive[p, q] for p in range(n) for q in range(n)])
    try:
        found = fmpq_mat(system).solve(right)
    except ZeroDivisionError:
        raise UnstableError("no second moment: a point on the border of mean-square stability") from None
    return fmpq_mat(n, n, [found[k, 0] for k in range(n * n)])


def _require_second_moment(step: fmpq_mat, gradient: fmpq_mat, fluctuation: fmpq) -> None:
    n = step.nrows()
    unit = fmpq_mat([[int(i == j) for j in range(n)] for i in range(n)])
    law = _solved(step, gradient, fluctuation, unit)
    minors = (
        fmpq_mat([[law[i, j] for j in range(k)] for i in range(k)]).det() for k in range(1, n + 1)
    )
    if not all(minor > 0 for minor in minors):
        raise UnstableError("no second moment: a point beyond the limit of mean-square stability")


def _exact(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def _rational(value: Fraction) -> sp.Rational:
    return sp.Rational(value.numerator, value.denominator)


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))

r"""Cross-gramians of two modes as ratios of polynomials, found by exact interpolation.

A determinant or cofactor of :math:`I-A\otimes A'` is a polynomial of low degree in what
distinguishes the two modes: of degree n in :math:`x=\eta\lambda`, because A depends on x through a
matrix of rank one; and of total degree n in the invariants of a companion matrix, for the same
reason. So a polynomial in both modes is a small table of coefficients
:math:`p(i,j)=\sum_{rs}c_{rs}\,m_r(i)\,m_s(j)` over the monomials of one mode.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from flint import fmpq, fmpq_mat

from theory.errors import NoStationaryLawError
from theory.matrix_law.rational_rule import RationalMatrixRows, RationalRule

__all__ = ["GramianPolynomials", "companion_gramian_polynomials", "white_gramian_polynomials"]

_ATTEMPTS = 20
Table = tuple[tuple[Fraction, ...], ...]
Exponents = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GramianPolynomials:
    """``numerator[p][q] / denominator``, tables over ``monomials`` (exponents of one mode)."""

    monomials: tuple[Exponents, ...]
    numerator: tuple[tuple[Table, ...], ...]
    denominator: Table


@lru_cache(maxsize=64)
def white_gramian_polynomials(rule: RationalRule) -> GramianPolynomials:
    """X = A(x) X A(x')^T + B B^T in the monomials 1, x, ..., x^n."""
    n = rule.size
    monomials = tuple((k,) for k in range(n + 1))
    for attempt in range(_ATTEMPTS):
        points = [(Fraction(k + 5, 2) + Fraction(attempt, 7),) for k in range(n + 1)]
        try:
            return _interpolate(
                monomials, points, lambda point: (rule.transition(point[0]), rule.injection)
            )
        except ZeroDivisionError:  # two of the points have poles with product one
            continue
    raise NoStationaryLawError(
        "no stationary law at any curvature: two poles of the rule have product one whatever the "
        "curvature, e.g. an average that forgets nothing. Change the hyperparameters"
    )


@lru_cache(maxsize=8)
def companion_gramian_polynomials(n: int) -> GramianPolynomials:
    """G = F G F'^T + e1 e1^T for companion matrices F, in the monomials of their invariants."""
    monomials = tuple(
        e for e in itertools.product(range(n + 1), repeat=n) if sum(e) <= n
    )
    # a shifted simplex grid determines every polynomial of total degree n
    points = [tuple(Fraction(7 * k + 3 + m) for m, k in enumerate(e)) for e in monomials]

    def matrices(point: Sequence[Fraction]) -> tuple[RationalMatrixRows, tuple[Fraction, ...]]:
        zero, one = Fraction(0), Fraction(1)
        rows = tuple(
            tuple(
                (one if i == j + 1 else zero)
                if j < n - 1
                else (one if i == j + 1 else zero) + (-1) ** (n - 1 - i) * point[n - 1 - i]
                for j in range(n)
            )
            for i in range(n)
        )
        return rows, tuple(one if i == 0 else zero for i in range(n))

    return _interpolate(monomials, points, matrices)


def _interpolate(
    monomials: tuple[Exponents, ...],
    points: Sequence[tuple[Fraction, ...]],
    matrices: Callable[[Sequence[Fraction]], tuple[RationalMatrixRows, tuple[Fraction, ...]]],
) -> GramianPolynomials:
    """Solve the Lyapunov equation exactly at all pairs of points; invert the monomials there."""
    size = len(points)
    vandermonde = _matrix([[_power(p, e) for e in monomials] for p in points])
    inverse = vandermonde.inv()
    made = [matrices(p) for p in points]
    n = len(made[0][1])
    samples: list[list[list[fmpq]]] = [[[] for _ in range(size)] for _ in range(n * n + 1)]
    for a, (left, b) in enumerate(made):
        for right, c in made:
            kron = _matrix(
                [
                    [
                        Fraction(int(i == p and j == q)) - left[i][p] * right[j][q]
                        for p in range(n)
                        for q in range(n)
                    ]
                    for i in range(n)
                    for j in range(n)
                ]
            )
            source = _matrix([[b[i] * c[j]] for i in range(n) for j in range(n)])
            determinant = kron.det()
            solution = kron.solve(source)
            for k in range(n * n):
                samples[k][a].append(solution[k, 0] * determinant)
            samples[n * n][a].append(determinant)
    tables = [
        _table(inverse * fmpq_mat(size, size, list(itertools.chain(*s))) * inverse.transpose())
        for s in samples
    ]
    return GramianPolynomials(
        monomials=monomials,
        numerator=tuple(tuple(tables[p * n + q] for q in range(n)) for p in range(n)),
        denominator=tables[-1],
    )


def _power(point: Sequence[Fraction], exponents: Exponents) -> Fraction:
    out = Fraction(1)
    for value, e in zip(point, exponents, strict=True):
        out *= value**e
    return out


def _matrix(rows: Sequence[Sequence[Fraction]]) -> fmpq_mat:
    flat = [fmpq(v.numerator, v.denominator) for row in rows for v in row]
    return fmpq_mat(len(rows), len(rows[0]), flat)


def _table(matrix: fmpq_mat) -> Table:
    return tuple(
        tuple(Fraction(int(e.p), int(e.q)) for e in row) for row in matrix.tolist()
    )

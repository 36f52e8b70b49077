"""Which columns of a design matrix depend on which others, whatever their scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validation.regression import FloatArray

__all__ = ["Relation", "full_condition_number", "relations"]

#: share of a unit null vector that makes a column a pivot; parts below are rounding
_PIVOT, _ROUNDING = 1e-2, 1e-12


@dataclass(frozen=True, kw_only=True)
class Relation:
    r"""One column as a combination of others, :math:`\|x_j-\sum_ic_ix_i\|\le\epsilon\|x_j\|`.

    Attributes
    ----------
    column, others
        j, and the i whose part is not rounding. A column of zeros has none.
    residual
        :math:`\epsilon`.
    """

    column: int
    others: tuple[int, ...]
    residual: float


def relations(features: FloatArray, tolerance: float) -> tuple[Relation, ...]:
    """Null vectors of the columns at unit length, reduced so that each names as few columns as possible.

    Parameters
    ----------
    features
        Shape (N, d).
    tolerance
        Squares of singular values below this times the largest count as zero.
    """
    sizes = np.linalg.norm(features / np.abs(features).max(), axis=0)
    some = np.flatnonzero(sizes > 0)
    x = features[:, some] / np.abs(features[:, some]).max(axis=0)
    x = x / np.linalg.norm(x, axis=0)
    _, s, vt = np.linalg.svd(_triangle(x), full_matrices=True)
    values = np.zeros(len(some))
    values[: s.size] = s
    rows = vt[values**2 < tolerance * values[0] ** 2]
    found = []
    for place, row in _pivots(rows):
        residual = float(np.linalg.norm(x @ row))
        others = np.flatnonzero(np.abs(row) > max(10 * residual, _ROUNDING))
        found.append(Relation(
            column=int(some[place]), others=tuple(int(some[i]) for i in others if i != place),
            residual=residual,
        ))
    return tuple(sorted(found, key=lambda relation: relation.column))


def _pivots(rows: FloatArray) -> list[tuple[int, FloatArray]]:
    """Gauss and Jordan in place, the last columns first: each pivot is 1, and 0 in the other rows."""
    left: list[int] = list(range(len(rows)))
    pivots: list[tuple[int, FloatArray]] = []
    for place in reversed(range(rows.shape[1])):
        if not left:
            break
        best = max(left, key=lambda r: abs(rows[r, place]))
        if abs(rows[best, place]) < _PIVOT * np.abs(rows[left]).max():
            continue
        rows[best] /= rows[best, place]
        for other in range(len(rows)):
            if other != best:
                rows[other] -= rows[other, place] * rows[best]
                rows[other, place] = 0.0
        rows[best, place] = 1.0
        left.remove(best)
        pivots.append((place, rows[best]))  # a view: later pivots reduce it further
    return pivots


def full_condition_number(features: FloatArray) -> float:
    """Of all directions, infinite where the smallest singular value is rounding."""
    s = np.linalg.svd(_triangle(features / np.abs(features).max()), compute_uv=False)
    rounding = max(features.shape) * float(np.finfo(np.float64).eps)
    if len(s) < features.shape[1] or s[-1] <= rounding * s[0]:
        return float("inf")
    return float((s[0] / s[-1]) ** 2)


def _triangle(features: FloatArray) -> FloatArray:
    """The same singular values and right vectors, without N rows."""
    tall = features.shape[0] > features.shape[1]
    out: FloatArray = np.asarray(np.linalg.qr(features, mode="r")) if tall else features
    return out

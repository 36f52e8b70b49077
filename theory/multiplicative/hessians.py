r"""Symmetric matrices of a list of samples: read, and taken apart into factors and signs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError

__all__ = ["factorised", "mean_eigenbasis", "read_hessians"]

FloatArray = npt.NDArray[np.float64]
#: relative sizes: of a skew part that is rounding, and of an eigenvalue that is none
_SKEW, _SILENT = 1e-12, 1e-15


def read_hessians(
    hessians: npt.ArrayLike, gradients: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Copies in double precision. Shapes (N, d, d) and (N, d).

    Raises
    ------
    TheoryError
        If shapes do not match, a number is not finite, or a Hessian is not symmetric.
    """
    h, g = np.array(hessians, dtype=np.float64), np.array(gradients, dtype=np.float64)
    if h.ndim != 3 or h.shape[1] != h.shape[2] or g.shape != h.shape[:2]:
        raise TheoryError(
            f"hessians must have shape (N, d, d) and gradients (N, d); got {h.shape} and {g.shape}"
        )
    for name, array in (("hessians", h), ("gradients", g)):
        if not np.isfinite(array).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise TheoryError(f"{name}{list(where)} is {array[where]}: remove that sample")
    skew = np.abs(h - h.swapaxes(1, 2)).max(initial=0.0)
    if not skew <= _SKEW * np.abs(h).max(initial=0.0):
        raise TheoryError(f"a Hessian is not symmetric (H - H^T up to {skew:.3g}): give (H + H^T) / 2")
    return h, g


def mean_eigenbasis(hessians: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues of the mean, descending, and eigenvectors as columns. Shapes (d,) and (d, d)."""
    values, vectors = np.linalg.eigh(hessians.mean(axis=0))
    return values[::-1].copy(), np.ascontiguousarray(vectors[:, ::-1])


def factorised(hessians: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Factors in the coordinates of ``directions``, and signs, of as many terms as the largest rank.

    Shapes (N, r, d) and (N, r).
    """
    weights, axes = np.linalg.eigh(hessians)
    kept = np.abs(weights) > _SILENT * np.abs(weights).max(initial=1e-300, keepdims=True)
    order = np.argsort(~kept, axis=1, kind="stable")
    rank = max(1, int(kept.sum(axis=1).max(initial=0)))
    weights = np.take_along_axis(weights * kept, order, axis=1)[:, :rank]
    axes = np.take_along_axis(axes, order[:, None, :], axis=2)[:, :, :rank]
    factors: FloatArray = np.sqrt(np.abs(weights))[:, :, None] * (axes.swapaxes(1, 2) @ directions)
    return factors, np.sign(weights)

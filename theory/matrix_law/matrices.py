"""Checks of the two input matrices, before any work on them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError

__all__ = ["FloatArray", "check_covariance", "check_symmetric", "square_matrix"]

FloatArray = npt.NDArray[np.float64]
_ASYMMETRY = 1e-10
_ROWS = 256


def square_matrix(name: str, matrix: npt.ArrayLike, size: int | None = None) -> FloatArray:
    """Convert to float64 of shape (d, d), finite.

    Raises
    ------
    TheoryError
        For another shape, entries that are no real numbers, NaN or infinity.
    """
    try:
        raw = np.asarray(matrix)
    except ValueError as error:
        raise TheoryError(f"{name} is no matrix: its rows have different lengths ({error})") from None
    if np.iscomplexobj(raw):
        raise TheoryError(f"{name} must be real; got {raw.dtype}: pass its real part")
    try:
        array = raw.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise TheoryError(f"{name} must hold real numbers: {error}") from None
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] == 0:
        raise TheoryError(f"{name} must have shape (d, d) with d >= 1; got {array.shape}")
    if size is not None and array.shape[0] != size:
        raise TheoryError(
            f"{name} has shape {array.shape}, but the hessian has shape ({size}, {size}): "
            "give both in the same parameters"
        )
    for start in range(0, array.shape[0], _ROWS):
        finite = np.isfinite(array[start : start + _ROWS])
        if not finite.all():
            i, j = np.argwhere(~finite)[0]
            raise TheoryError(f"{name}[{start + i}, {j}] = {array[start + i, j]} is not finite")
    return array


def check_symmetric(name: str, matrix: FloatArray) -> None:
    """Asymmetry at most 1e-10 of the largest entry.

    Raises
    ------
    TheoryError
        Otherwise; the message says where and how large.
    """
    largest = max(float(matrix.max()), -float(matrix.min()))
    worst, place = 0.0, (0, 0)
    for start in range(0, matrix.shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        gap = np.abs(matrix[rows] - matrix[:, rows].T)
        if gap.max() > worst:
            i, j = np.unravel_index(int(gap.argmax()), gap.shape)
            worst, place = float(gap[i, j]), (start + int(i), int(j))
    if not worst <= _ASYMMETRY * largest:
        raise TheoryError(
            f"{name} is not symmetric: entries {place} and {place[::-1]} differ by {worst:.3g}, "
            f"{worst / largest:.3g} of the largest entry (limit {_ASYMMETRY:g}). "
            f"Pass ({name} + {name}.T) / 2 if the difference is rounding"
        )


def check_covariance(name: str, matrix: FloatArray, tolerance: float) -> None:
    """Positive semi-definite up to ``tolerance`` times its Frobenius norm.

    One Cholesky factorisation of the matrix shifted by that much; eigenvalues only if it fails.

    Raises
    ------
    TheoryError
        If the smallest eigenvalue lies below minus the tolerance.
    """
    size = float(np.linalg.norm(matrix))
    if size == 0.0:
        return
    d = matrix.shape[0]
    shifted = matrix / size
    shifted[np.diag_indices(d)] += tolerance
    try:
        np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        spectrum = np.linalg.eigvalsh(matrix / size)
        if not spectrum[0] >= -tolerance:
            raise TheoryError(
                f"{name} is not a covariance: its smallest eigenvalue is "
                f"{spectrum[0] * size:.3g}, its largest {spectrum[-1] * size:.3g} "
                f"(limit -{tolerance:.2g} of the Frobenius norm). Estimate it as a sum of outer "
                "products, or clip its negative eigenvalues"
            ) from None

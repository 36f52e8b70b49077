"""Largest eigenvalues of maps of symmetric matrices that are known by what they do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError, UnstableError
from validation.epoch_map.system import FloatArray

__all__ = ["slowest_mode", "top_mode"]

_ITERATIONS = 100
#: rows of states of which all eigenvalues are found where Arnoldi iteration fails
_DENSE = 32


def slowest_mode(solve: Callable[[FloatArray], FloatArray], k: int, *, settled: float) -> FloatArray:
    """Eigenvector of the largest eigenvalue below 1, by inverse iteration. Shape (k, k).

    ``solve`` inverts one minus the map, ``settled`` is the relative change that ends the iteration.

    Raises
    ------
    UnstableError
        If an iterate is not positive: an eigenvalue is above 1.
    AccuracyError
        If it does not settle: the largest eigenvalues lie too close together.
    """
    x = np.asarray(np.eye(k))
    size = 0.0
    for _ in range(_ITERATIONS):
        y = solve(x)
        unit = np.sqrt(np.abs(np.diag(y)))
        if not (np.diag(y) > 0).all() or np.linalg.eigvalsh(y / np.outer(unit, unit))[0] < -1e-2:
            raise UnstableError("the averaged epoch map has an eigenvalue above 1")
        last, size = size, float(np.linalg.norm(y))
        x = y * (1 / size)
        if abs(size - last) < settled * size:
            return x
    raise AccuracyError(f"inverse iteration did not settle in {_ITERATIONS} iterations")


def top_mode(act: Callable[[FloatArray], FloatArray], k: int) -> tuple[float, FloatArray]:
    """Spectral radius of the map ``act`` and its eigenvector, shape (k, k), by Arnoldi iteration.

    Raises
    ------
    AccuracyError
        If Arnoldi iteration does not converge.
    """
    from scipy.sparse.linalg import LinearOperator, eigs

    from theory.arnoldi import arnoldi_must_converge

    def moved(vector: npt.NDArray[np.float64]) -> FloatArray:
        x: FloatArray = np.reshape(vector, (k, k))
        return act((x + x.T) / 2).ravel()

    def every() -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
        values, vectors = np.linalg.eig(np.stack([moved(x) for x in np.eye(k * k)], axis=1))
        return values, vectors

    if k <= 4:
        values, vectors = every()
    else:
        try:
            with arnoldi_must_converge("the spectral radius of the averaged epoch map", k * k, 1e-6):
                values, vectors = eigs(
                    LinearOperator((k * k, k * k), matvec=moved, dtype=np.float64), k=1,
                    v0=np.eye(k).ravel(), tol=1e-6,
                )
        except AccuracyError:
            if k > _DENSE:
                raise
            values, vectors = every()
    i = int(np.abs(values).argmax())
    vector = np.reshape(vectors[:, i].real, (k, k))
    return float(np.abs(values[i])), vector * np.sign(np.trace(vector))

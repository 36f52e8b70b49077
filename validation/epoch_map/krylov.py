"""Linear equations for symmetric matrices whose map is known by what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError
from validation.epoch_map.system import FloatArray

__all__ = ["Linear", "solve_symmetric"]

Linear = Callable[[FloatArray], FloatArray]


def solve_symmetric(act: Linear, precondition: Linear, right: FloatArray, tolerance: float) -> FloatArray:
    r"""Symmetric X with :math:`X-\mathcal A(X)=Q` by preconditioned GMRES. ``tolerance`` is relative.

    Raises
    ------
    TheoryError
        If it does not converge.
    """
    from scipy.sparse.linalg import LinearOperator, gmres

    k = len(right)

    def moved(vector: npt.NDArray[np.float64]) -> FloatArray:
        x: FloatArray = np.reshape(vector, (k, k))
        x = (x + x.T) / 2
        return precondition(x - act(x)).ravel()

    answer: Any = gmres(
        LinearOperator((k * k, k * k), matvec=moved, dtype=np.float64), precondition(right).ravel(),
        rtol=tolerance, atol=0.0, restart=60, maxiter=10,
    )
    solved, failed = answer
    if failed:
        raise AccuracyError(
            f"the averaged epoch map could not be inverted to {tolerance:g} in 600 iterations: the "
            "learning rate is at the mean-square limit; lower it"
        )
    out: FloatArray = solved.reshape(k, k)
    return (out + out.T) / 2

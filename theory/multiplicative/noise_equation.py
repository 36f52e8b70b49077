r"""The covariance of the batch noise, from the one d x d equation the whole law reduces to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigs, gmres

from theory.arnoldi import arnoldi_must_converge
from theory.errors import AccuracyError
from theory.multiplicative.quadratics import FloatArray

__all__ = ["feedback_radius", "solve_noise"]

Action = Callable[[FloatArray], FloatArray]
_MOST_ITERATIONS = 400
#: below this size all eigenvalues are computed
_DENSE = 6


def solve_noise(
    additive: FloatArray, feedback: Action, scaling: FloatArray, tolerance: float
) -> tuple[FloatArray, float, int]:
    r"""Solve :math:`R=R_0+\mathcal K[R]` for symmetric R, by GMRES and one more substitution.

    :math:`\mathcal K` maps positive matrices to positive ones and has a spectral radius below one,
    so substitution alone would converge; GMRES takes the place of many substitutions. Sizes are
    those of :math:`R_{ij}/w_iw_j`, in units of the additive part: no absolute tolerance.

    Parameters
    ----------
    additive
        :math:`R_0`. Shape (d, d).
    feedback
        :math:`\mathcal K`, (d, d) to (d, d).
    scaling
        w > 0. Shape (d,).
    tolerance
        Of the residual over :math:`|R_0|`.

    Returns
    -------
    R; the relative residual of what is returned; the number of times ``feedback`` was applied.

    Raises
    ------
    AccuracyError
        If the tolerance is not met.
    """
    d = scaling.size
    outer = np.outer(scaling, scaling)
    unit = additive / outer
    size = float(np.linalg.norm(unit))
    if size == 0:
        return np.zeros((d, d)), 0.0, 0
    count = 0

    def apply(flat: FloatArray) -> FloatArray:
        nonlocal count
        count += 1
        image = feedback(flat.reshape(d, d) * outer)
        return (image + image.T).ravel() / (2 * outer.ravel())

    system = LinearOperator((d * d, d * d), matvec=lambda x: x - apply(x), dtype=np.float64)
    right = unit.ravel() / size
    found, _ = gmres(
        system, right, rtol=tolerance / 4, atol=0.0, restart=60, maxiter=_MOST_ITERATIONS // 60
    )
    better = right + apply(found)
    residual = float(np.linalg.norm(right + apply(better) - better))
    if not residual <= tolerance:
        raise AccuracyError(
            f"the second moment was solved to a relative residual of {residual:.3g}, not {tolerance:.3g}, "
            f"in {count} applications. The learning rate is close to its mean-square limit: lower it, or "
            "ask for less accuracy (tolerance=)"
        )
    return size * better.reshape(d, d) * outer, residual, count


def feedback_radius(feedback: Action, scaling: FloatArray, tolerance: float = 1e-12) -> tuple[float, int]:
    r"""Spectral radius of :math:`\mathcal K`, and how often it was applied.

    :math:`\mathcal K` keeps the cone of positive matrices, so its radius is an eigenvalue, the
    rightmost one, with a positive eigenvector (Perron, Krein-Rutman): Arnoldi from a positive start.
    """
    d = scaling.size
    outer = np.outer(scaling, scaling).ravel()
    count = 0

    def apply(flat: FloatArray) -> FloatArray:
        nonlocal count
        count += 1
        image = feedback((flat * outer).reshape(d, d))
        return (image + image.T).ravel() / (2 * outer)

    if d <= _DENSE:
        columns = [apply(unit) for unit in np.eye(d * d)]
        return float(np.linalg.eigvals(np.array(columns).T).real.max(initial=0.0)), count
    start = np.eye(d).ravel()
    image = apply(start)
    scale = float(np.abs(image).max())
    if scale == 0:
        return 0.0, count
    operator = LinearOperator((d * d, d * d), matvec=lambda x: apply(x) / scale, dtype=np.float64)
    with arnoldi_must_converge("the spectral radius of the noise feedback", d * d, tolerance):
        found = eigs(operator, k=1, which="LR", v0=image, tol=tolerance, return_eigenvectors=False)
    return float(found[0].real) * scale, count

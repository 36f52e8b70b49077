r"""The response of two directions to unit noise: all the additive law there is, n x n per pair."""

from __future__ import annotations

import numpy as np

from theory.multiplicative.quadratics import FloatArray

__all__ = ["mode_pairs", "seen_response"]

_CHUNK_BYTES = 1 << 26


def mode_pairs(drifts: FloatArray, inject: FloatArray) -> FloatArray:
    r"""Solve :math:`X_{ij}=A_iX_{ij}A_j^\top+bb^\top` for every pair of directions.

    In terms of :math:`D=I-A` it is :math:`D_iX+XD_j^\top-D_iXD_j^\top=bb^\top`. That system is only
    badly *scaled* where a direction is flat (whole columns are of the size of
    :math:`\eta\lambda`), and elimination does not mind how columns are scaled: entries keep their
    relative accuracy at :math:`\eta\lambda=10^{-12}`, where :math:`I-A\otimes A` has lost it.

    Parameters
    ----------
    drifts
        D per direction, every A with its poles inside the unit circle. Shape (d, n, n).
    inject
        b. Shape (n,).

    Returns
    -------
    X, shape (n, n, d, d), index [row, column, i, j]: the stationary covariance of the state of
    direction i with that of direction j if both feel the same white noise of variance one.
    """
    d, n, _ = drifts.shape
    out = np.empty((n, n, d, d))
    eye = np.eye(n)
    target = np.outer(inject, inject).reshape(n * n, 1)
    rows = max(1, _CHUNK_BYTES // (8 * max(1, d) * n**4))
    for first in range(0, d, rows):
        left = drifts[first : first + rows]
        system = (
            np.einsum("iab,cd->iacbd", left, eye)[:, None]
            + np.einsum("ab,jcd->jacbd", eye, drifts)[None]
            - np.einsum("iab,jcd->ijacbd", left, drifts)
        ).reshape(len(left), d, n * n, n * n)
        solved = np.linalg.solve(system, np.broadcast_to(target, (len(left), d, n * n, 1)))
        out[:, :, first : first + rows] = solved.reshape(len(left), d, n, n).transpose(2, 3, 0, 1)
    return out


def seen_response(pairs: FloatArray, evaluate_at: FloatArray) -> FloatArray:
    r""":math:`\varphi_{ij}=a^\top X_{ij}a`: what the next gradient sees of unit noise. Shape (d, d)."""
    out: FloatArray = np.einsum("p,pqij,q->ij", evaluate_at, pairs, evaluate_at)
    return out

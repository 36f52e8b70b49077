r"""The quadratic whose gradient the expected displacement is.

**At every order.** Let :math:`B_k` be the batch Hessians and expand the product of the m steps
:math:`K\otimes I+b\,a^\top\!\otimes B_k` of *any* linear rule. Each term is a product of r Hessians of
different steps, :math:`B_{k_1}\cdots B_{k_r}`, times a matrix of numbers that depends on the gaps alone.
Batches without replacement are exchangeable, so its mean depends on r alone:

.. math:: \mathbb E[\Phi] = \sum_r \Gamma_r\otimes E_r, \qquad E_r=\mathbb E[B_1B_2\cdots B_r],
   \qquad \sum_r\Gamma_ry^r=(K+y\,b\,a^\top)^m .

Reversing the order of the steps is one more permutation and transposes the product, so
:math:`E_r=E_r^\top`: *every block* of :math:`\mathbb E[\Phi]` is symmetric. From rest
(:math:`s_0=e\otimes\delta`) the expected displacement of the weights is an affine function of
:math:`\delta` with a symmetric matrix, the gradient of a quadratic. For independent steps
:math:`E_r=H^r`: gradient descent. Where all :math:`H_n` commute, :math:`E_r` is the elementary symmetric
polynomial of their eigenvalues over :math:`\binom Nr`.

**To second order**, :math:`\mathbb E[\theta_m-\theta_m^{GD}]=-\nabla\mathcal R`, for plain SGD with
commuting :math:`H_n` and one term per direction

.. math:: \mathcal R = \frac{\eta^2}{2(N-1)}\Big[s\,\overline{\xi^2}+2s\,\overline{A\xi}\,\delta
   +w\,\overline{A^2}\,\delta^2\Big], \qquad
   s=\frac{1-p^m-m(1-p)p^{m-1}}{(1-p)^2},\quad w=\tfrac{m(m-1)}2p^{m-2},\quad p=1-\eta\lambda .

It is :math:`\operatorname{tr}(S\operatorname{Cov})` of the gradients at :math:`\delta` exactly where
:math:`s=w` (flat directions); elsewhere it has the value and the slope of
:math:`\operatorname{tr}(S\operatorname{Cov})` at the stationary point, but another curvature, because the
gradient that multiplies the fluctuation changes along the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.one_epoch.epoch import Epoch
from theory.one_epoch.expected_map import expected_map, responses

__all__ = ["Regularizer", "regularizer", "regularizer_weights"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regularizer:
    r""":math:`\mathcal R=\frac12\delta^\top Q\delta+r\cdot\delta+\rho`; its descent is the drift.

    Attributes
    ----------
    matrix
        Q, symmetric, in the eigenbasis of H. Shape (d, d). Dimensionless.
    vector
        r. Shape (d,). Unit: parameter.
    constant
        :math:`\rho`, by convention :math:`\frac1{2(N-1)}\sum_i\sigma_i\overline{\xi_i^2}` with the first of
        :func:`regularizer_weights`. Unit: parameter².
    """

    matrix: FloatArray
    vector: FloatArray
    constant: float

    def value(self, at: FloatArray) -> float:
        r""":math:`\mathcal R` at a deviation from the stationary point. Shape (d,). Unit: parameter²."""
        return float(at @ self.matrix @ at / 2 + self.vector @ at + self.constant)

    def gradient(self, at: FloatArray) -> FloatArray:
        """Minus the expected drift from ``at``. Shape (d,) to (d,). Unit: parameter."""
        out: FloatArray = self.matrix @ at + self.vector
        return out


def regularizer(epoch: Epoch, at_rest: npt.ArrayLike | None = None) -> Regularizer:
    r"""The regularizer of one epoch to second order, for any :math:`H_n` and any linear rule.

    Parameters
    ----------
    at_rest
        e, the state at rest at unit displacement; (1, 0, ..., 0) unless given, which is right for
        rules whose other entries are velocities or buffers. Shape (n,).

    Raises
    ------
    TheoryError
        If ``at_rest`` is not finite or not of shape (n,).
    """
    entries = _entries_at_rest(epoch, at_rest)
    found = expected_map(epoch)
    matrix = -np.einsum("iyl,y->il", found.matrix[0], entries)
    slope, _ = regularizer_weights(epoch, entries)
    q = epoch.quadratics
    constant = slope @ np.mean(q.gradients**2, axis=0) / (2 * (q.samples - 1))
    return Regularizer(matrix=(matrix + matrix.T) / 2, vector=-found.offset[0], constant=float(constant))


def regularizer_weights(
    epoch: Epoch, at_rest: npt.ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    r"""Weights :math:`(\sigma_i,\omega_i)` of one direction of its own.

    .. math:: \nabla_i\mathcal R = \frac1{N-1}\big(\sigma_i\overline{A\xi}+\omega_i\overline{A^2}\delta\big),

    for plain SGD :math:`\eta^2(s,w)`. Shapes (d,). Unit: parameter⁴ / loss².

    Raises
    ------
    TheoryError
        As :func:`regularizer`.
    """
    entries = _entries_at_rest(epoch, at_rest)
    m, n, d = epoch.steps, len(epoch.rule.inject), epoch.quadratics.dimension
    if m < 2:
        return np.zeros(d), np.zeros(d)
    columns, rows = responses(epoch)
    psi = columns[: m - 1] @ epoch.rule.evaluate_at
    reach = np.cumsum(columns[:, :, 0], axis=0)
    slope = sum(psi[t] * reach[m - 2 - t] for t in range(m - 1))
    between, curved = np.zeros((d, n, n)), np.zeros(d)
    for s in range(m - 1):
        between = epoch.transition @ between + epoch.rule.inject[:, None] * rows[s][:, None, :]
        curved = curved + psi[m - 2 - s] * (between[:, 0] @ entries)
    return np.asarray(slope, dtype=np.float64), np.asarray(curved, dtype=np.float64)


def _entries_at_rest(epoch: Epoch, at_rest: npt.ArrayLike | None) -> FloatArray:
    n = len(epoch.rule.inject)
    entries: FloatArray = np.eye(n)[0] if at_rest is None else np.asarray(at_rest, dtype=np.float64)
    if entries.shape != (n,) or not np.isfinite(entries).all():
        raise TheoryError(
            f"at_rest must be finite, of shape ({n},), one number per entry of the state; got {entries} of "
            f"shape {entries.shape}"
        )
    return entries

r"""The mean of the epoch map, :math:`\mathbb E[\Phi]` and :math:`\mathbb E[c]`, to second order.

One epoch is affine, :math:`s_m=\Phi s_0+c`. With
:math:`\psi_t=a^\top\mathcal A^tb` per direction and :math:`\bar F_t=\overline{A_n\psi_tA_n}`,

.. math:: \mathbb E[\Phi] = \mathcal A^m - \frac1{N-1}\sum_{t+s=m-2}\bar F_t\circ V_s, \qquad
   V_s(i,l) = \sum_{r\le s}\mathcal A_i^{s-r}b\;a^\top\mathcal A_l^{r} .

(In the tensor product of state and direction; :math:`\circ` multiplies entry (i, l).)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.one_epoch.epoch import Epoch

__all__ = ["ExpectedMap", "expected_map", "responses"]

FloatArray = npt.NDArray[np.float64]
#: up to here the actions on one direction each (d³ numbers) are kept
_MOST_DIRECTIONS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMap:
    r"""Mean of the epoch map to second order.

    Attributes
    ----------
    descent
        :math:`\mathcal A^m`, the map of full-batch descent, by direction. Shape (d, n, n).
    matrix
        What :math:`\mathbb E[\Phi]` adds to it. Shape (n, d, n, d): [entry, direction] after,
        [entry, direction] before.
    offset
        :math:`\mathbb E[c]`. Shape (n, d). Unit: parameter in the first row.
    """

    descent: FloatArray
    matrix: FloatArray
    offset: FloatArray

    def drift(self, start: FloatArray) -> FloatArray:
        """Expected state minus that of gradient descent. Shape (n, d) to (n, d)."""
        out: FloatArray = np.einsum("xiyl,yl->xi", self.matrix, start) + self.offset
        return out

    def after(self, start: FloatArray) -> FloatArray:
        """Expected state after the epoch. Shape (n, d) to (n, d)."""
        out: FloatArray = np.einsum("ixy,yi->xi", self.descent, start) + self.drift(start)
        return out


def responses(epoch: Epoch) -> tuple[FloatArray, FloatArray]:
    r""":math:`\mathcal A_i^tb` and :math:`a^\top\mathcal A_i^t`, t = 0..m-1. Shapes (m, d, n)."""
    step, rule, d = epoch.transition, epoch.rule, epoch.quadratics.dimension
    columns = [np.tile(rule.inject, (d, 1))]
    rows = [np.tile(rule.evaluate_at, (d, 1))]
    for _ in range(epoch.steps - 1):
        columns.append(np.einsum("ixy,iy->ix", step, columns[-1]))
        rows.append(np.einsum("ix,ixy->iy", rows[-1], step))
    return np.stack(columns), np.stack(rows)


def _sandwiches(epoch: Epoch, psi: FloatArray) -> list[FloatArray]:
    """All F_t, by m - 1 actions or by d, whichever are fewer."""
    act, d = epoch.fluctuations.sandwich, epoch.quadratics.dimension
    if len(psi) <= d or d > _MOST_DIRECTIONS:
        return [act(row) for row in psi]
    each = np.stack([act(unit) for unit in np.eye(d)]).reshape(d, d * d)
    return list((psi @ each).reshape(len(psi), d, d))


def expected_map(epoch: Epoch) -> ExpectedMap:
    r"""The mean epoch map to second order: min(m, d) actions of O(N r d²), then O(m n² d²).

    The neglected order is that of :func:`theory.one_epoch.expected_drift`, which gives its size.
    """
    step, rule, m = epoch.transition, epoch.rule, epoch.steps
    n, d, count = len(rule.inject), epoch.quadratics.dimension, epoch.quadratics.samples
    columns, rows = responses(epoch)
    matrix, offset = np.zeros((n, d, n, d)), np.zeros((n, d))
    if m > 1:
        psi = columns[: m - 1] @ rule.evaluate_at
        forces = psi @ epoch.fluctuations.with_gradients.T
        reach = np.cumsum(columns, axis=0)
        between = np.zeros((n, d, n, d))
        for s, sandwich in enumerate(reversed(_sandwiches(epoch, psi))):
            between = np.einsum("ixy,yizl->xizl", step, between)
            between += rule.inject[:, None, None, None] * rows[s].T[None, None]
            matrix -= sandwich[None, :, None, :] * between / (count - 1)
            offset -= reach[s].T * forces[m - 2 - s] / (count - 1)
    descent = np.stack([np.linalg.matrix_power(a, m) for a in step])
    return ExpectedMap(descent=descent, matrix=matrix, offset=offset)

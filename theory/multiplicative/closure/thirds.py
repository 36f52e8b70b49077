r"""Third cumulants: how one batch enters both the noise and the response to earlier noise."""

from __future__ import annotations

from itertools import islice

import numpy as np

from theory.multiplicative.batch_moments import joint_coefficients
from theory.multiplicative.closure.moments import EpochMoments, TimePairs
from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.quadratics import FloatArray

__all__ = ["ThirdMoments", "later_responses"]

#: numbers of a table that a processor's cache holds beside others
_CACHED = 1_000_000


def later_responses(response: FloatArray) -> FloatArray:
    r"""Table of :math:`\Psi_{l-1-j}` for j < l, zero otherwise. Shape (M, ...) to (..., M, M)."""
    m = response.shape[0]
    age = np.arange(m)[None, :] - 1 - np.arange(m)[:, None]
    table = np.where(
        (age >= 0).reshape(m, m, *(1 for _ in response.shape[1:])), response[np.maximum(age, 0)], 0.0
    )
    return np.ascontiguousarray(np.moveaxis(table, (0, 1), (-2, -1)))


class ThirdMoments:
    r"""Sums of :math:`\mathbb E[w_i(\Delta H_l\Psi_{l-1-j}w_j)^\top]` over j < l.

    :math:`w_j=\xi_j+\Delta H_jy_{j-1}` with second moments :math:`\Gamma` of the points y. A pass has
    distinct samples, so (:mod:`theory.multiplicative.batch_moments`)

    .. math:: \mathbb E[w_i\,\Delta H_l\,w_j] = m_3\Big\{c_0 + c_2\Big(\frac{\delta_{ij}}{S_i}
              + \frac{\delta_{il}}{S_l}\Big)\Big\}, \qquad j<l,

    :math:`c_0=\frac2{(N-1)(N-2)}`, :math:`c_2=-\frac N{(N-1)(N-2)}`. The population moments are centred:
    :math:`\overline{g g^\top\Psi H_n}-C\Psi H` and

    .. math:: \overline{H_n\Gamma H_n\Psi H_n} - \overline{\Delta H\,\Gamma\,\Delta H}\,\Psi H
              - \overline{H_n\,\Gamma H\Psi\,H_n} - H\Gamma\,\overline{\Delta H\,\Psi\,\Delta H} .

    Every result is the sum of these and their transposes, directions and times exchanged.
    """

    def __init__(self, products: SampleProducts, response: FloatArray, sizes: FloatArray) -> None:
        problem = products.problem
        self._products, self._steps = products, len(sizes)
        self._inverse = 1 / sizes
        found = joint_coefficients(3, problem.samples)
        singles = frozenset(frozenset({i}) for i in range(3))
        pair = frozenset({frozenset({0, 1}), frozenset({2})})
        self._apart, self._together = float(found[singles]), float(found[pair])
        self._response = response
        self.times = TimePairs(len(sizes))
        self._later = later_responses(response)
        stack = response.T[:, :, None] * np.eye(len(problem.curvatures))[:, None, :]
        #: :math:`\overline{\Delta H\,\Psi_p\,\Delta H}`. Shape (d, d, M)
        self.drift = products.covariance(np.ascontiguousarray(stack.transpose(0, 2, 1)))
        #: the same by (j, c, l, b), with :math:`\Psi_{l-1-j}`
        self._later_drift = np.ascontiguousarray(
            later_responses(np.moveaxis(self.drift, 2, 0)).transpose(2, 0, 3, 1)
        )
        self.gradients = self._from_gradients()

    def _coupled(self, own: FloatArray, later: FloatArray) -> FloatArray:
        """Sum over j of ``own[i, j] later[j, l]`` with the coefficients. Shapes (..., M, M)."""
        total = own @ later
        return self._with_coincidences(total, np.diagonal(own, axis1=-2, axis2=-1)[..., None] * later)

    def _with_coincidences(self, total: FloatArray, at_i: FloatArray) -> FloatArray:
        out: FloatArray = self._apart * total + self._together * self._inverse[:, None] * at_i
        i = np.arange(self._steps)
        out[..., i, i] += self._together * self._inverse * total[..., i, i]
        return out

    def _from_gradients(self) -> EpochMoments:
        problem = self._products.problem
        d, m = problem.dimension, self._steps
        third = np.empty((d, d, m))
        for p, psi in enumerate(self._response):
            after = problem.hessian_times(problem.gradients * psi)
            third[:, :, p] = problem.gradients.T @ after / problem.samples
            third[:, :, p] -= problem.gradient_covariance * psi * problem.curvatures
        out = EpochMoments.zeros(self.times, d)
        for i, row in enumerate(third):
            later = later_responses(row.T)
            total = np.broadcast_to(later.sum(axis=-2, keepdims=True), later.shape)
            out.add_half(i, self._with_coincidences(total, later))
        return out

    def from_points(
        self, points: EpochMoments, path: FloatArray, drifted: FloatArray
    ) -> tuple[EpochMoments, EpochMoments]:
        r"""The part of :math:`\Delta H_jy_{j-1}`, and what it is made of, in one pass over the samples.

        Parameters
        ----------
        points
            :math:`\Gamma_{ij}`, about the minimum.
        path
            The mean in it. Shape (d, M).
        drifted
            :meth:`drifted` of :math:`\Gamma` about the mean.

        Returns
        -------
        :math:`\overline{\Delta H\,\Gamma_{ij}\,\Delta H}`, and the third cumulants.
        """
        curvatures = self._products.problem.curvatures
        later = self._later * curvatures[:, None, None]
        middle = EpochMoments.zeros(self.times, len(points))
        for i, row in enumerate(points):
            middle.add_half(i, self._coupled(row, later))
        covariance, third = self._over_samples(points.packed, middle.packed)
        now, pushed = points.equal_times(), self.drifted_mean(path)
        for i, row in enumerate(covariance):
            memory = drifted[i] + path[i][:, None] * pushed[:, None, :]
            rest = self._coupled(row, later)
            rest += curvatures[i] * self._with_coincidences(memory, self._at_own_time(now[i]))
            third.add_half(i, -rest)
        return covariance, third

    def _at_own_time(self, now: FloatArray) -> FloatArray:
        r""":math:`\Gamma_{ii}\,\overline{\Delta H\,\Psi_{l-1-i}\,\Delta H}`. Shape (d, M) to (d, M, M)."""
        d, m = now.shape
        late = (now.T @ self.drift.reshape(d, d * m)).reshape(m, d, m)  # by i, b, age
        i, l = np.triu_indices(m, 1)
        out = np.zeros((d, m, m))
        out[:, i, l] = late[i, :, l - 1 - i].T
        return out

    def _over_samples(
        self, moments: FloatArray, middle: FloatArray
    ) -> tuple[EpochMoments, EpochMoments]:
        r"""Covariance of the points, and :math:`\overline{H_n\Gamma H_n\Psi H_n}-\overline{H_nXH_n}`.

        The former of these is summed with the coefficients; X is ``middle``. Both arguments packed.
        """
        problem, times, size = self._products.problem, self.times, moments.shape[2]
        diagonal = self._response.T[:, None, :] * np.eye(problem.dimension)[:, :, None]

        def weigh(forms: FloatArray, chunk: slice) -> tuple[FloatArray, ...]:
            packed = np.moveaxis(forms[..., :size], 0, 2)  # (q, s, samples, pairs of times)
            own = times.unpack(packed, packed.swapaxes(0, 1))
            own *= problem.signs[chunk].T[:, :, None, None]
            later = later_responses(forms[..., 2 * size :].transpose(3, 1, 2, 0))
            total = np.zeros_like(own)
            for q, s, p in np.ndindex(*own.shape[:2], own.shape[1]):
                total[q, p] += self._coupled(own[q, s], later[s, p])
            both = times.pack(total)
            both += times.pack_reversed(total.swapaxes(0, 1))
            return forms[..., :size], np.moveaxis(both, 2, 0) - forms[..., size : 2 * size]

        same, triple = self._products.transform([moments, middle, diagonal], weigh, 5 * self._steps**2)
        for row, own, curvature in zip(same, moments, problem.curvatures, strict=True):
            row -= curvature * own * problem.curvatures[:, None]
        return EpochMoments(times, same), EpochMoments(times, triple)

    def drifted(self, moments: FloatArray | EpochMoments) -> FloatArray:
        r""":math:`\sum_{j<l}\Gamma_{tj}\,\overline{\Delta H\,\Psi_{l-1-j}\,\Delta H}`.

        Shape (d, d, T, M), second time that of the points, to the same.
        """
        d, _, t, m = moments.shape
        right = self._later_drift.reshape(m * d, m * d)
        out = np.empty((d, d, t, m))
        width, most, rows = d * max(1, m // 8), max(1, _CACHED // (t * m * d)), iter(moments)
        for row in range(0, d, most):
            some = np.stack(list(islice(rows, most)))
            left = some.transpose(0, 2, 3, 1).reshape(len(some) * t, m * d)
            product = np.empty_like(left)
            for first in range(0, m * d, width):  # only earlier batches are remembered
                upto = min(first + width, m * d)
                np.matmul(left[:, :upto], right[:upto, first:upto], out=product[:, first:upto])
            out[row : row + most] = product.reshape(len(some), t, m, d).transpose(0, 3, 1, 2)
        return out

    def drifted_own(self, direction: int, row: FloatArray) -> FloatArray:
        """:meth:`drifted` where both directions are the same. Shape (d, T, M) to (T, M)."""
        out: FloatArray = np.tensordot(row, self._later_drift[..., direction], axes=((0, 2), (1, 0)))
        return out

    def drifted_mean(self, path: FloatArray) -> FloatArray:
        r""":math:`\sum_{j<l}\overline{\Delta H\,\Psi_{l-1-j}\,\Delta H}\,y_j`. Shape (d, M) to the same."""
        out = np.zeros_like(path)
        for r in range(1, path.shape[1]):
            out[:, r] = np.einsum("acj,cj->a", self.drift[:, :, r - 1 :: -1], path[:, :r])
        return out

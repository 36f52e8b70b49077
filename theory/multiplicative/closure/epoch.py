r"""Second moments of everything observed in an epoch, from the start's and the noise's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.closure.thirds import ThirdMoments
from theory.multiplicative.quadratics import FloatArray
from theory.multiplicative.responses import Observer, Responses

__all__ = ["Drive", "EpochMoments"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drive:
    r"""What drives an epoch.

    Attributes
    ----------
    start
        :math:`\langle s_0s_0^\top\rangle`. Shape (n, d, n, d).
    start_mean
        :math:`\langle s_0\rangle`. Shape (n, d).
    noise
        Effective second moments of the noise. Shape (d, d, M, M).
    noise_mean
        Shape (d, M).
    """

    start: FloatArray
    start_mean: FloatArray
    noise: FloatArray
    noise_mean: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochMoments:
    r"""Propagation through one epoch with the mean response, and its dressing.

    Batches of one epoch remember each other: step r feels
    :math:`e_r=-\frac1{N-1}\sum_{m<r}\overline{\Delta H\,\Psi_{r-1-m}\,\Delta H}\,y_{m-1}`
    (``dressed``; from THEORY: new here).
    """

    products: SampleProducts
    responses: Responses
    thirds: ThirdMoments
    shared: float

    def bare(self, first: Observer, second: Observer, drive: Drive) -> FloatArray:
        """Second moments without the dressing. Shape (d, d, T, T')."""
        out = np.einsum(
            "tim,minj,ujn->ijtu", first.start, drive.start, second.start, optimize=True
        )
        out += first.noise[:, None] @ drive.noise @ second.noise.swapaxes(1, 2)[None]
        one, two = self._means(first, drive), self._means(second, drive)
        out += np.einsum("it,ju->ijtu", one[0], two[1]) + np.einsum("it,ju->ijtu", one[1], two[0])
        return np.asarray(out)

    @staticmethod
    def _means(observer: Observer, drive: Drive) -> tuple[FloatArray, FloatArray]:
        start = np.einsum("tim,mi->it", observer.start, drive.start_mean)
        return start, (observer.noise @ drive.noise_mean[:, :, None])[:, :, 0]

    def means(self, observer: Observer, drive: Drive) -> FloatArray:
        """First moments. Shape (d, T)."""
        one, two = self._means(observer, drive)
        return one + two

    def memory(self, moments: FloatArray) -> FloatArray:
        r""":math:`\langle e_rX^\top\rangle` from :math:`\langle Xy^\top\rangle`.

        Shape (d, d, T, M) to (d, d, M, T).
        """
        return self.shared * self.thirds.drifted(moments).transpose(1, 0, 3, 2)

    def with_points(
        self, observer: Observer, drive: Drive, points: FloatArray, remembered: FloatArray
    ) -> FloatArray:
        r""":math:`\langle Xy^\top\rangle`. Shape (d, d, T, M).

        ``points`` is :math:`\langle yy^\top\rangle` and ``remembered`` its :meth:`memory`.
        """
        at = self.responses.points()
        plain = self.bare(observer, at, drive)
        late = observer.noise[:, None] @ remembered
        early = plain + late
        return early + self.memory(early).transpose(1, 0, 3, 2) @ at.noise.swapaxes(1, 2)[None]

    def points(self, drive: Drive, remembered: FloatArray) -> FloatArray:
        r""":math:`\langle yy^\top\rangle`. Shape (d, d, M, M)."""
        at = self.responses.points()
        late = at.noise[:, None] @ remembered
        return self.bare(at, at, drive) + late + late.transpose(1, 0, 3, 2)

    def felt(
        self, observer: Observer, drive: Drive, points: FloatArray, remembered: FloatArray
    ) -> FloatArray:
        r""":math:`\langle e_rX_t^\top\rangle`. Shape (d, d, M, T)."""
        return self.memory(self.with_points(observer, drive, points, remembered))

    def equal_times(
        self, first: Observer, second: Observer, drive: Drive, felt: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        r""":math:`\sum_t\langle X_tZ_t^\top\rangle`, dressed; ``felt`` of either. Shape (d, d)."""
        out = np.einsum("tim,minj,tjn->ij", first.start, drive.start, second.start, optimize=True)
        for i in range(len(out)):
            out[i] += np.einsum("jtl,jtl->j", first.noise[i] @ drive.noise[i], second.noise)
        one, two = self._means(first, drive), self._means(second, drive)
        out += one[0] @ two[1].T + one[1] @ two[0].T
        out += np.einsum("itr,ijrt->ij", first.noise, felt[1])
        out += np.einsum("jtr,jirt->ij", second.noise, felt[0])
        return np.asarray(out)

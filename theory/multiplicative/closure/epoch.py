r"""Covariances and means of everything observed in an epoch, from the start's and the noise's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.multiplicative.closure.moments import EpochMoments
from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.closure.thirds import ThirdMoments
from theory.multiplicative.quadratics import FloatArray
from theory.multiplicative.responses import Observer, Responses

__all__ = ["Drive", "EpochPropagation"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drive:
    r"""What drives an epoch.

    Attributes
    ----------
    start
        Covariance of the state at the beginning. Shape (n, d, n, d).
    noise
        Effective covariance of the noise.
    """

    start: FloatArray
    noise: EpochMoments


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochPropagation:
    r"""Propagation through one epoch with the mean response, and its dressing.

    Batches of one epoch remember each other: step r feels
    :math:`e_r=-\frac1{N-1}\sum_{m<r}\overline{\Delta H\,\Psi_{r-1-m}\,\Delta H}\,y_{m-1}`
    (``dressed``; new here).
    """

    products: SampleProducts
    responses: Responses
    thirds: ThirdMoments
    shared: float

    def bare(self, first: Observer, second: Observer, drive: Drive) -> FloatArray:
        """Covariances without the dressing. Shape (d, d, T, T')."""
        return np.stack([self._bare_row(i, first, second, drive) for i in range(len(drive.noise))])

    def _bare_row(self, direction: int, first: Observer, second: Observer, drive: Drive) -> FloatArray:
        """One direction with all: small enough for the cache. Shape (d, T, T')."""
        start = np.tensordot(first.start[:, direction], drive.start[:, direction], axes=1)  # (T, n, d)
        out: FloatArray = start.transpose(2, 0, 1) @ second.start.transpose(1, 2, 0)
        seen = first.noise[direction] @ drive.noise.row(direction)
        out += seen @ second.noise.swapaxes(1, 2)
        return out

    @staticmethod
    def means(observer: Observer, start: FloatArray, push: FloatArray) -> FloatArray:
        """First moments, of a start with this mean, shape (n, d), and a noise, (d, M). Shape (d, T)."""
        out = np.einsum("tim,mi->it", observer.start, start)
        return np.asarray(out + (observer.noise @ push[:, :, None])[:, :, 0])

    def memory(self, moments: FloatArray) -> FloatArray:
        r""":math:`\operatorname{cov}(e_r,X)` from :math:`\operatorname{cov}(X,y)`.

        Shape (d, d, T, M) to (d, d, M, T).
        """
        out = self.thirds.drifted(moments)
        out *= self.shared
        return out.transpose(1, 0, 3, 2)

    def _late_row(self, direction: int, observer: Observer, drifted: FloatArray) -> FloatArray:
        """What one direction of an observer sees of the points' memory, ``drifted``. Shape (d, T, M)."""
        return np.asarray((self.shared * observer.noise[direction]) @ drifted[:, direction].swapaxes(1, 2))

    def with_points(
        self, observer: Observer, drive: Drive, drifted: FloatArray
    ) -> FloatArray:
        r""":math:`\operatorname{cov}(X,y)`. Shape (d, d, T, M).

        ``drifted`` is :meth:`ThirdMoments.drifted` of the covariance of the points y.
        """
        at = self.responses.points()
        out = self.bare(observer, at, drive)
        for i, row in enumerate(out):
            row += self._late_row(i, observer, drifted)
        later = self.shared * at.noise.swapaxes(1, 2)
        for row, own in zip(out, self.thirds.drifted(out), strict=True):
            row += own @ later
        return out

    def points(self, drive: Drive, drifted: FloatArray) -> EpochMoments:
        """Covariance of the points y."""
        at = self.responses.points()
        out = EpochMoments.zeros(drive.noise.times, len(drive.noise))
        for i in range(len(out)):
            out.add_half(i, self._bare_row(i, at, at, drive) / 2 + self._late_row(i, at, drifted))
        return out

    def felt(self, observer: Observer, drive: Drive, drifted: FloatArray) -> FloatArray:
        r""":math:`\operatorname{cov}(e_r,X_t)`. Shape (d, d, M, T)."""
        return self.memory(self.with_points(observer, drive, drifted))

    def equal_times(
        self, first: Observer, second: Observer, drive: Drive, felt: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Sum over t of cov(X_t, Z_t), dressed; ``felt`` of either. Shape (d, d)."""
        out = np.einsum("tim,minj,tjn->ij", first.start, drive.start, second.start, optimize=True)
        for i, row in enumerate(drive.noise):
            out[i] += np.einsum("jtl,jtl->j", first.noise[i] @ row, second.noise)
        out += np.einsum("itr,ijrt->ij", first.noise, felt[1])
        out += np.einsum("jtr,jirt->ij", second.noise, felt[0])
        return np.asarray(out)

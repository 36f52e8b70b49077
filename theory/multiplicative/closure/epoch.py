r"""Covariances and means of everything observed in an epoch, from the start's and the noise's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
        Effective covariance of the noise. Shape (d, d, M, M).
    """

    start: FloatArray
    noise: FloatArray


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
        out = np.einsum(
            "tim,minj,ujn->ijtu", first.start, drive.start, second.start, optimize=True
        )
        later = second.noise.swapaxes(1, 2)
        for row, noise, response in zip(out, drive.noise, first.noise, strict=True):
            row += response @ noise @ later  # a row of directions stays in the cache
        return np.asarray(out)

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

    def _late(self, observer: Observer, drifted: FloatArray) -> FloatArray:
        """What an observer sees of the points' :meth:`memory`, from ``drifted``. Shape (d, d, T, M)."""
        return np.asarray((self.shared * observer.noise)[:, None] @ drifted.transpose(1, 0, 3, 2))

    def with_points(
        self, observer: Observer, drive: Drive, drifted: FloatArray
    ) -> FloatArray:
        r""":math:`\operatorname{cov}(X,y)`. Shape (d, d, T, M).

        ``drifted`` is :meth:`ThirdMoments.drifted` of the covariance of the points y.
        """
        at = self.responses.points()
        out = self.bare(observer, at, drive)
        out += self._late(observer, drifted)
        later = self.shared * at.noise.swapaxes(1, 2)
        for row, own in zip(out, self.thirds.drifted(out), strict=True):
            row += own @ later
        return out

    def points(self, drive: Drive, drifted: FloatArray) -> FloatArray:
        """Covariance of the points y. Shape (d, d, M, M)."""
        at = self.responses.points()
        late = self._late(at, drifted)
        out = self.bare(at, at, drive)
        out += late
        out += late.transpose(1, 0, 3, 2)
        return out

    def felt(self, observer: Observer, drive: Drive, drifted: FloatArray) -> FloatArray:
        r""":math:`\operatorname{cov}(e_r,X_t)`. Shape (d, d, M, T)."""
        return self.memory(self.with_points(observer, drive, drifted))

    def equal_times(
        self, first: Observer, second: Observer, drive: Drive, felt: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Sum over t of cov(X_t, Z_t), dressed; ``felt`` of either. Shape (d, d)."""
        out = np.einsum("tim,minj,tjn->ij", first.start, drive.start, second.start, optimize=True)
        for i in range(len(out)):
            out[i] += np.einsum("jtl,jtl->j", first.noise[i] @ drive.noise[i], second.noise)
        out += np.einsum("itr,ijrt->ij", first.noise, felt[1])
        out += np.einsum("jtr,jirt->ij", second.noise, felt[0])
        return np.asarray(out)

r"""Per-sample quadratic losses, and the averages over samples that every moment is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from theory.errors import NoStationaryLawError, TheoryError
from theory.multiplicative.hessians import FloatArray, factorised, mean_eigenbasis, read_hessians

__all__ = ["FloatArray", "SampleQuadratics"]

#: relative size of rounding errors in sums over the samples
_ROUNDING = 1e-9
_FIELDS = ("factors", "signs", "gradients", "curvatures", "directions", "minimum")


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleQuadratics:
    r"""Per-sample losses :math:`\ell_n = g_n\cdot\delta+\frac12\delta^\top H_n\delta` at the minimum.

    .. math:: H_n = \sum_{q=1}^{r} \epsilon_{nq}\,f_{nq}f_{nq}^\top, \qquad
              \frac1N\sum_n H_n = H = \operatorname{diag}(\lambda), \qquad \sum_n g_n = 0 .

    Coordinates are those of the eigenvectors of H, by descending curvature. Hessians are never
    stored; for least squares r = 1 and :math:`f_n` is a row of the design matrix. A weight decay
    :math:`\rho` is part of the update rule: it moves the minimum and the gradients there, and is in
    none of the :math:`H_n`.

    Attributes
    ----------
    factors
        f. Shape (N, r, d). Unit: sqrt(loss) / parameter.
    signs
        :math:`\epsilon`, each 1, -1 or 0. Shape (N, r).
    gradients
        g. Shape (N, d). Unit: loss / parameter.
    curvatures
        :math:`\lambda`, descending. Shape (d,). Unit: loss / parameter².
    directions
        Eigenvectors as columns, in the user's coordinates. Shape (d, d).
    minimum
        In the user's coordinates. Shape (d,). Unit: parameter.
    weight_decay
        :math:`\rho`. Unit: loss / parameter².

    Raises
    ------
    TheoryError
        If shapes do not match, N < 2 or a number is not finite.
    """

    factors: FloatArray
    signs: FloatArray
    gradients: FloatArray
    curvatures: FloatArray
    directions: FloatArray
    minimum: FloatArray
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for name in _FIELDS:
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if not np.isfinite(array).all():
                raise TheoryError(f"{name} has an entry that is not finite: remove that sample")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        shape = self.factors.shape
        wanted = {
            "signs": shape[:2], "gradients": (shape[0], *shape[2:]), "curvatures": shape[2:],
            "directions": 2 * shape[2:], "minimum": shape[2:],
        }
        for name, size in wanted.items():
            if len(shape) != 3 or getattr(self, name).shape != size:
                raise TheoryError(
                    f"factors must have shape (N, r, d) and {name} {size}; got {shape} and "
                    f"{getattr(self, name).shape}"
                )
        if shape[0] < 2:
            raise TheoryError(f"there must be at least 2 samples; got {shape[0]}")
        self._require_consistent()

    def _require_consistent(self) -> None:
        """Signs, weight decay, gradients that sum to zero, and the curvatures of the mean."""
        if not np.isin(self.signs, (-1.0, 0.0, 1.0)).all():
            raise TheoryError("signs must be 1, -1 or 0: put the size of a Hessian into its factors")
        if not 0 <= self.weight_decay < np.inf:
            raise TheoryError(f"weight_decay must be finite and >= 0; got {self.weight_decay}")
        scale = float(np.abs(self.gradients).max(initial=0.0)) or 1.0
        rest = np.abs((self.gradients / scale).mean(axis=0)).max(initial=0.0)
        if not rest <= _ROUNDING:
            raise TheoryError(
                f"the gradients must sum to zero, but their mean is {rest:.3g} of the largest: take "
                "them at the minimum, or use SampleQuadratics.from_hessians"
            )
        unit = float(np.abs(self.factors).max(initial=0.0)) or 1.0
        rows = (self.factors / unit).reshape(-1, self.dimension)
        mean = rows.T @ (rows * self.signs.reshape(-1, 1)) / self.samples
        size = float(np.abs(mean).max(initial=0.0)) or 1.0
        gap = np.abs(mean - np.diag(self.curvatures / unit / unit)).max(initial=0.0) / size
        if not gap <= _ROUNDING:
            raise TheoryError(
                f"the mean of the Hessians is not diag(curvatures): it differs by {gap:.3g} of the largest "
                "curvature; use coordinates along its eigenvectors, or SampleQuadratics.from_hessians"
            )

    @classmethod
    def from_hessians(
        cls, hessians: npt.ArrayLike, gradients: npt.ArrayLike, *, weight_decay: float = 0.0,
        rank_tolerance: float = 1e-14,
    ) -> SampleQuadratics:
        r"""From a list :math:`\ell_n(\theta)=g_n\cdot\theta+\frac12\theta^\top H_n\theta`.

        Parameters
        ----------
        hessians
            Symmetric :math:`H_n`. Shape (N, d, d).
        gradients
            :math:`g_n`, at :math:`\theta=0`. Shape (N, d).
        weight_decay
            :math:`\rho`; the minimum is that of the mean loss plus :math:`\frac\rho2|\theta|^2`.
        rank_tolerance
            Eigenvalues of H below this times the largest count as zero.

        Raises
        ------
        TheoryError
            If shapes do not match, a Hessian is not symmetric, or the mean loss has no minimum
            (H + weight decay has a negative eigenvalue, or a slope where it has none).
        """
        h, g = read_hessians(hessians, gradients)
        if not 0 <= weight_decay < np.inf:
            raise TheoryError(f"weight_decay must be finite and >= 0; got {weight_decay}")
        values, vectors = mean_eigenbasis(h)
        values[np.abs(values) < rank_tolerance * np.abs(values).max()] = 0.0
        bent, slope = values + weight_decay, vectors.T @ g.mean(axis=0)
        flat = bent == 0
        size = np.abs(g).max(initial=0.0)
        if (bent < 0).any() or (np.abs(slope[flat]) > 1e-9 * size).any():
            raise TheoryError(
                f"the mean loss has no minimum: the smallest eigenvalue of its Hessian is "
                f"{values[-1]:.4g} (weight_decay = {weight_decay:.4g} included: {bent.min():.4g}); it "
                "must be positive, or zero without a slope there"
            )
        point = np.where(flat, 0.0, -slope / np.where(flat, 1.0, bent))
        minimum = vectors @ point
        at = g + h @ minimum + weight_decay * minimum
        own = at @ vectors
        factors, signs = factorised(h, vectors)
        own -= own.mean(axis=0)
        silent = flat & (np.abs(factors).max(axis=(0, 1)) <= 1e-7 * np.abs(factors).max(initial=0.0))
        silent &= np.abs(own).max(axis=0) <= _ROUNDING * np.abs(own).max(initial=0.0)
        return cls(
            factors=np.where(silent, 0.0, factors), signs=signs,
            gradients=np.where(silent, 0.0, own),  # what rounding left there would be a force
            curvatures=values, directions=vectors, minimum=minimum, weight_decay=weight_decay,
        )

    @property
    def samples(self) -> int:
        """N."""
        return int(self.factors.shape[0])

    @property
    def dimension(self) -> int:
        """d."""
        return int(self.factors.shape[2])

    @property
    def still(self) -> npt.NDArray[np.bool_]:
        """Directions in which no sample has curvature or a gradient. Shape (d,)."""
        parts = (np.abs(self.factors).max(axis=(0, 1)), np.abs(self.gradients).max(axis=0))
        return np.asarray(np.add(*parts) == 0)

    def require_restoring(self) -> None:
        """Refuse directions that batches push but nothing pulls back.

        Raises
        ------
        NoStationaryLawError
            If a direction has noise, but neither mean curvature nor weight decay, or curvature that is
            negative beyond rounding (a saddle or maximum).
        """
        pull = self.curvatures + self.weight_decay
        lowest = int(np.argmin(pull))
        if pull[lowest] < -_ROUNDING * np.abs(pull).max():
            raise NoStationaryLawError(
                f"direction {lowest} has the curvature {pull[lowest]:.6g}, weight decay included: weights "
                "leave a saddle or a maximum, there is no stationary law. Give a larger weight decay, or ask "
                "for transients (transient_moments, theory.one_epoch)"
            )
        pushed = (pull == 0) & ~self.still
        if pushed.any():
            raise NoStationaryLawError(
                f"direction {int(np.argmax(pushed))} has no mean curvature but its batches pull: there "
                "the weights diffuse for ever. Give a weight decay, or leave it out"
            )

    @cached_property
    def gradient_covariance(self) -> FloatArray:
        r""":math:`\frac1N\sum_n g_ng_n^\top` (with N, not N - 1). Shape (d, d)."""
        out: FloatArray = self.gradients.T @ self.gradients / self.samples
        return out

    def mean_sandwich(self, between: FloatArray) -> FloatArray:
        r""":math:`P \mapsto \frac1N\sum_n H_nPH_n`, in O(N r d²). Shape (..., d, d) to the same."""
        stack = between.reshape(-1, *between.shape[-2:])
        out = np.empty_like(stack)
        for i, p in enumerate(stack):
            out[i] = self.weighted_hessian_products(self.forms(p)) / self.samples
        return out.reshape(between.shape)

    def covariance_action(self, between: FloatArray) -> FloatArray:
        r""":math:`P\mapsto\frac1N\sum_nH_nPH_n-HPH`, the covariance of the per-sample Hessians.

        A batch has :math:`\mathcal H[P]=\mathbb E[\Delta H\,P\,\Delta H]`, this times
        :math:`\frac{N-S}{S(N-1)}` without replacement and :math:`\frac1S` with. Shape (..., d, d).
        """
        mean = self.curvatures[:, None] * between * self.curvatures
        out: FloatArray = self.mean_sandwich(between) - mean
        return out

    def forms(self, between: FloatArray) -> FloatArray:
        r""":math:`\epsilon_{nq}f_{nq}^\top P f_{np}\epsilon_{np}`, so that
        :math:`H_nPH_n=\sum_{qp}f_{nq}(\cdot)_{qp}f_{np}^\top`. Shape (N, r, r)."""
        n, r, d = self.factors.shape
        left = (self.factors.reshape(n * r, d) @ between).reshape(n, r, d)
        if r == 1:
            squares: FloatArray = np.einsum("nqd,nqd->nq", left, self.factors) * self.signs**2
            return squares[:, :, None]
        inner = left @ self.factors.swapaxes(1, 2)
        out: FloatArray = inner * self.signs[:, :, None] * self.signs[:, None, :]
        return out

    def weighted_hessian_products(self, forms: FloatArray) -> FloatArray:
        r""":math:`\sum_n\sum_{qp}f_{nq}F_{nqp}f_{np}^\top`. Shape (N, r, r) to (d, d)."""
        n, r, d = self.factors.shape
        rows = self.factors.reshape(n * r, d)
        if r == 1:
            return rows.T @ (forms[:, 0] * rows)
        out: FloatArray = rows.T @ (forms @ self.factors).reshape(n * r, d)
        return out

    def hessian_times(self, vectors: FloatArray) -> FloatArray:
        r""":math:`H_nv_n` for one vector per sample. Shape (N, d) to (N, d)."""
        inner = np.einsum("nqd,nd->nq", self.factors, vectors) * self.signs
        out: FloatArray = np.einsum("nq,nqd->nd", inner, self.factors)
        return out

    def dense_covariance(self) -> FloatArray:
        r""":math:`\frac1N\sum_nH_n\otimes H_n-H\otimes H`. Shape (d², d²); for small d only."""
        h = np.einsum("nqi,nq,nqj->nij", self.factors, self.signs, self.factors)
        d = self.dimension
        out: FloatArray = np.einsum("nij,nkl->ikjl", h, h).reshape(d * d, d * d) / self.samples
        mean = np.diag(self.curvatures)
        return out - np.kron(mean, mean)

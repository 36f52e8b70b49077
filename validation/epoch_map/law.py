r"""The result of the averaged epoch map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validation.epoch_map.system import FloatArray

__all__ = ["EpochMapLaw"]


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochMapLaw:
    r"""Stationary law under one permutation per epoch, noise that depends on the weights included.

    Estimated by averaging over permutations, not by following a trajectory: no burn-in. Averages are
    over positions 1..M of the epoch, after each step; second moments are about the minimum, in the
    eigenbasis of H by descending curvature; :math:`v_k=\delta_k-\delta_{k-1}`.

    Attributes
    ----------
    second_moment, velocity, weight_velocity
        :math:`\langle\delta\delta^\top\rangle`, :math:`\langle vv^\top\rangle`,
        :math:`\langle\delta v^\top\rangle`. Shape (d, d). Unit: parameter².
    variance
        :math:`\langle\delta_i^2\rangle-\langle\delta_i\rangle^2`, estimated as such: never as the difference
        of two large numbers. An estimate from few permutations may be negative. Shape (d,).
        Unit: parameter².
    mean
        :math:`\langle\delta\rangle`, which is not zero. Shape (d,). Unit: parameter.
    by_position
        :math:`\langle\delta_i^2\rangle` after each step. Shape (M, d). Unit: parameter².
    standard_error
        Of ``variance``, one standard deviation. Shape (d,). Unit: parameter².
    mean_standard_error
        Of ``mean``. Shape (d,). Unit: parameter.
    permutations, seed
        What was averaged; no permutation where there is no noise.
    spectral_radius
        Of :math:`P\mapsto\mathbb E[\Phi P\Phi^\top]` over one epoch, an estimate; below 1. Under one
        permutation per run: the largest spectral radius of :math:`\Phi` itself.
    residual
        Relative residual of the linear equation at the boundary.
    variance_reduction
        Variance of the plain estimate over that with the control variate. Shape (d,).
    control
        Whether there was one: it is left out where, with it, too few permutations made no covariance.
    """

    second_moment: FloatArray
    velocity: FloatArray
    weight_velocity: FloatArray
    variance: FloatArray
    mean: FloatArray
    by_position: FloatArray
    standard_error: FloatArray
    mean_standard_error: FloatArray
    permutations: int
    seed: int
    spectral_radius: float
    residual: float
    variance_reduction: FloatArray
    control: bool = False

    @property
    def covariance(self) -> FloatArray:
        r""":math:`\langle\delta\delta^\top\rangle-\langle\delta\rangle\langle\delta\rangle^\top`.

        Its diagonal is ``variance``. Shape (d, d). Unit: parameter².
        """
        out: FloatArray = self.second_moment - np.outer(self.mean, self.mean)
        np.fill_diagonal(out, self.variance)
        return out

    @property
    def relative_standard_error(self) -> FloatArray:
        """``standard_error`` over ``variance``. Shape (d,).

        Zero only where nothing moves (no second moment at all); infinite where sampling made the
        variance of a moving direction zero or negative, so that it is never taken as exact.
        """
        known = self.variance > 0
        still = (self.second_moment.diagonal() == 0) & (self.standard_error == 0)
        out: FloatArray = np.where(
            known, self.standard_error / np.where(known, self.variance, 1.0), np.where(still, 0.0, np.inf)
        )
        return out

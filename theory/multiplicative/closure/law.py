"""What the position-resolved closure returns, and how far it may be from the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.multiplicative.mean_shift import shift_size
from theory.multiplicative.quadratics import FloatArray

__all__ = ["LEAST_CHANGE", "ClosureLaw", "next_orders"]

#: relative changes below it are not waited for
LEAST_CHANGE = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class ClosureLaw:
    r"""Averages over the positions of an epoch, in the eigenbasis of H.

    Attributes
    ----------
    covariance
        About the mean, which may be much smaller than the squared mean. Shape (d, d).
        Unit: parameter².
    mean
        :math:`\langle\delta\rangle`. Shape (d,). Unit: parameter.
    velocity_second_moment
        :math:`\langle vv^\top\rangle`. Shape (d, d). Unit: parameter².
    noise_autocovariance
        :math:`\operatorname{cov}(\xi_k+\Delta H_ky_{k-1},\,\xi_{k-h}+\Delta H_{k-h}y_{k-h-1})` in every
        direction, averaged over the position k, steps of one epoch only. Shape (M, d), by lag h.
        Unit: (loss / parameter)².
    iterations
        Until the changes that are left of the self-consistent second moments are below 1e-7 in every
        direction, or 3 % of the error estimate.
    contraction
        The largest ratio of two changes in a row, from the third iteration on, at most 1, r: the weight of
        one more pair of fluctuations of the Hessian.
    rounding
        What double precision leaves, relative. Shape (d,).
    third_share
        Largest part of a variance that is due to third cumulants, t: the weight of an odd order.
    fourth_share
        Part of every variance that is due to the fourth order in the noise of the minimum, q, taken as
        positive. Shape (d,).
    population
        :func:`theory.multiplicative.feedback.population_factor` of the number of samples.
    """

    covariance: FloatArray
    mean: FloatArray
    velocity_second_moment: FloatArray
    noise_autocovariance: FloatArray
    iterations: int
    contraction: float
    third_share: float
    fourth_share: FloatArray
    rounding: FloatArray
    population: float

    @property
    def relative_error_estimate(self) -> FloatArray:
        r"""Of the variances: what the next orders may add. Shape (d,).

        :math:`\epsilon_i^2\frac{N^3}{(N-1)(N-2)(N-3)}` with :math:`\epsilon_i=r+t+|q_i|`. Not a bound, but
        in 1994 random problems of 4 to 30 samples, with heavy tails and indefinite Hessians, at 2 to 50 %
        of the mean-square limit, the error is at most 0.83 of it, and that of the mean 0.74 of its own
        (:mod:`validation.benchmark.error_estimates`).
        """
        moving = np.diag(self.covariance) > 0
        return np.where(moving, self._left_out + LEAST_CHANGE + self.rounding, 0.0)

    @property
    def mean_error_estimate(self) -> FloatArray:
        r"""Of the mean: :math:`4\epsilon_i^2` of it by the factor's square. Shape (d,). Unit: parameter.

        Of :func:`theory.multiplicative.mean_shift.shift_size`, as a mean may be small by chance.
        """
        size = shift_size(self.mean, self.covariance)
        out: FloatArray = (4 * self.population * self._left_out + self.rounding) * size
        return out

    @property
    def _left_out(self) -> FloatArray:
        return next_orders(self.contraction, self.third_share, self.fourth_share, self.population)

    @property
    def second_moment(self) -> FloatArray:
        """About the minimum. Shape (d, d)."""
        return self.covariance + np.outer(self.mean, self.mean)


def next_orders(
    contraction: float, third: float, fourth: FloatArray, population: float
) -> FloatArray:
    """What the orders beyond the closure may add to every variance, relative. Shape (d,)."""
    return population * (contraction + third + fourth) ** 2

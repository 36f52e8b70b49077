r"""The closure averaged over the position in the epoch: cheap, for long epochs and many samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import UnstableError
from theory.multiplicative.batch_moments import joint_coefficients, pair_coefficients
from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.closure.solve import checked_sizes, require_positive
from theory.multiplicative.feedback import added_shares, population_factor, white_points
from theory.multiplicative.mean_shift import reshuffled_shift
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics
from theory.multiplicative.responses import Responses, lyapunov_by_modes
from theory.optimizers import NumericRule

__all__ = ["MOST_LAGS", "AveragedClosure", "AveragedLaw"]

#: lags at which samples are averaged over; the rest is interpolated
MOST_LAGS = 64
_MOST_ITERATIONS = 200
_CHANGE = 1e-7
#: iterations in a row in which every direction changes by more than before: there is no limit
_GROWING = 3
_TABLE = 8_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragedLaw:
    r"""Covariances of the weights, averaged over the epoch, in the eigenbasis of H.

    Attributes
    ----------
    covariance
        About the mean. Shape (d, d). Unit: parameter².
    mean
        To leading order, see :func:`theory.multiplicative.mean_shift`. Shape (d,). Unit: parameter.
    velocity_variances
        :math:`\langle v_i^2\rangle`. Shape (d,). Unit: parameter².
    noise_autocovariance
        R(h) in every direction. Shape (M, d), by lag. Unit: (loss / parameter)².
    additive
        Covariance without the fluctuations of the Hessian. Shape (d, d).
    third
        What third cumulants add. Shape (d, d).
    iterations, contraction
        Until a change below 1e-7, and the shrinking of changes per iteration.
    rounding
        What double precision leaves, relative. Shape (d,).
    feedback, population
        Shares that the fluctuations of the Hessian would add to the noise of independent batches, shape
        (d,), and the factor of few samples, see :mod:`theory.multiplicative.feedback`.
    """

    covariance: FloatArray
    mean: FloatArray
    velocity_variances: FloatArray
    noise_autocovariance: FloatArray
    additive: FloatArray
    third: FloatArray
    iterations: int
    contraction: float
    rounding: FloatArray
    feedback: FloatArray
    population: float

    @property
    def second_moment(self) -> FloatArray:
        """About the minimum. Shape (d, d)."""
        return self.covariance + np.outer(self.mean, self.mean)

    @property
    def relative_error_estimate(self) -> FloatArray:
        r"""Of the variances. Shape (d,).

        Second order, left out, is taken to be :math:`(r+t)(1+4a)`, with the contraction r, the largest
        share t of third cumulants and the share a that the fluctuations of the Hessian add; the position
        in the epoch, averaged over, is taken to cost :math:`a(\frac14+\frac5M)`, at most a. To this come
        twice the share that independent batches would add, and all is multiplied by
        :math:`\frac{N^3}{(N-1)(N-2)(N-3)}`; the estimate e is of first order itself, so that
        :math:`e(1+4e)` is taken. Not a bound, but in 2000 random problems of 4 to 30 samples, with heavy
        tails and indefinite Hessians, at 2 to 50 % of the mean-square limit, the error is at most 0.88 of it,
        which is above 1 for most of them: few samples are what it is not made for
        (:mod:`validation.benchmark.error_estimates`).
        """
        variance = np.diag(self.covariance)
        moving = variance > 0
        size = np.where(moving, variance, 1.0)
        third = float(np.max(np.abs(np.diag(self.third)) / size, initial=0.0))
        added = np.abs(1 - np.diag(self.additive) / size)
        share = min(1.0, 0.25 + 5 / len(self.noise_autocovariance))
        second = (self.contraction + third) * (1 + 4 * added)
        missing = self.population * (second + share * added + 2 * self.feedback)
        return np.where(moving, missing * (1 + 4 * missing) + _CHANGE + self.rounding, 0.0)


class AveragedClosure:
    r"""Self-consistent second moments with the autocovariance of the noise averaged over position.

    .. math:: R(h) = \rho(h)\{C+\overline{\Delta H\,\Gamma(h)\,\Delta H}\} + R_3(h), \qquad
              \Gamma(\tau) = \sum_h R(h)A(\tau-h),

    with the scheme's :math:`\rho(h)=\frac{N}{N-1}\overline{1/S_k}\,\delta_{h0}-\frac{M-|h|}{M(N-1)}`, the
    response A to unit white noise, and the third cumulants :math:`R_3` of the noise of the minimum (new
    here). Right to first order in the fluctuations up to the averaging, whose error falls as 1/M.

    Cost O(N d²) for each of at most 64 lags, between which :math:`\overline{\Delta H\,\Gamma\,\Delta H}`
    is interpolated.
    """

    def __init__(
        self, problem: SampleQuadratics, numeric: NumericRule, sizes: tuple[int, ...]
    ) -> None:
        checked_sizes(sizes, problem.samples)
        problem.require_restoring()
        self.problem, self.products = problem, SampleProducts(problem)
        m = len(sizes)
        self.steps = m
        self.responses = Responses.of(numeric, problem.curvatures, m)
        own, shared = (float(x) for x in pair_coefficients(problem.samples))
        lags = np.arange(m)
        self.shares = shared * (m - lags) / m
        self.shares[0] += own * float(np.mean(1 / np.array(sizes, dtype=np.float64)))
        self.nodes = _nodes(m)
        self.mean = reshuffled_shift(problem, self.responses)
        self.squared_mean = np.outer(self.mean, self.mean)[:, :, None]
        points = white_points(problem, self.responses, np.array(sizes, dtype=np.float64))
        self.feedback = added_shares(problem, points)
        self.third_noise = self._third(np.array(sizes, dtype=np.float64))

    def _third(self, sizes: FloatArray) -> FloatArray:
        r"""Third cumulants by lag, h = -(M - 1)..M - 1, averaged. Shape (d, d, 2M - 1).

        :math:`\overline{g_ag_cH_{cb}}-C_{ac}\lambda_c\delta_{cb}` times :math:`\Psi_p(c)`, with the
        coefficients of the position-resolved closure.
        """
        problem, m = self.problem, self.steps
        n, r, d = problem.factors.shape
        tensor = np.zeros((d, d * d))
        size = max(1, _TABLE // (r * d * d))
        for first in range(0, n, size):
            part = slice(first, min(first + size, n))
            f, g = problem.factors[part], problem.gradients[part]
            for q in range(r):
                own = (f[:, q] * problem.signs[part, q, None] * g)[:, :, None] * f[:, q, None, :]
                tensor += g.T @ own.reshape(len(g), -1)
        cube = tensor.reshape(d, d, d) / n  # (a, c, b)
        i = np.arange(d)
        cube[:, i, i] -= problem.gradient_covariance * problem.curvatures
        psi = self.responses.point_response
        by_age = np.moveaxis(cube, 1, 2).reshape(d * d, d) @ psi.T  # (a b), p
        found = joint_coefficients(3, n)
        apart = float(found[frozenset(frozenset({k}) for k in range(3))])
        pair = float(found[frozenset({frozenset({0, 1}), frozenset({2})})])
        total = np.zeros((d * d, m))  # sum over j < l, by l
        total[:, 1:] = np.cumsum(by_age, axis=1)[:, :-1]
        out = np.zeros((d * d, 2 * m - 1))
        running = np.concatenate([np.zeros((d * d, 1)), np.cumsum(total, axis=1)], axis=1)
        for h in range(-(m - 1), m):  # i = l + h
            low, high = max(0, -h), min(m, m - h)
            out[:, h + m - 1] = apart * (running[:, high] - running[:, low]) / m
        out[:, m - 1] += pair * (total / sizes).sum(axis=1) / m
        inverse = np.cumsum(1 / sizes)
        for age in range(m - 1):  # i = j, l = i + 1 + age
            out[:, m - 2 - age] += pair * by_age[:, age] * inverse[m - 2 - age] / m
        half = out.reshape(d, d, -1)
        return half + half.transpose(1, 0, 2)[:, :, ::-1]

    def solve(self) -> AveragedLaw:
        """Iterate to the self-consistent law.

        Raises
        ------
        UnstableError
            If the iteration does not settle.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # an iteration that grows is an error below
            return self._iterated()

    def _iterated(self) -> AveragedLaw:
        d, m = self.problem.dimension, self.steps
        plain = self._both_signs(self.problem.gradient_covariance[:, :, None] * self.shares)
        first = plain + self.third_noise
        noise, last, contraction = first, np.inf, 0.0
        before, moved, growing = np.zeros(d), np.full(d, np.inf), 0
        for iteration in range(1, _MOST_ITERATIONS + 1):
            points = self._respond(noise, self.responses.evaluate_at, self.nodes)
            now = np.einsum("iit->it", points)[:, 0]
            step = np.abs(now - before)
            change = float(np.max(step / np.where(now != 0, np.abs(now), 1.0)))
            growing = growing + 1 if (step >= moved).all() else 0
            if iteration > 3:
                contraction = max(contraction, change / last if last > 0 else 0.0)
            lost = iteration > 1 and not (now >= 0).all()  # at first third cumulants stand alone
            if lost or not np.isfinite(change):
                break
            if change < _CHANGE:
                return self._law(noise, plain, iteration, contraction)
            if growing == _GROWING:
                break
            covariance = self._interpolated(self.products.covariance(points + self.squared_mean))
            noise = first + self._both_signs(covariance * self.shares)
            before, moved, last = now, step, change
        raise UnstableError(
            f"the self-consistent second moments do not settle (relative change {change:.3g} after "
            f"{iteration} iterations): the learning rate is beyond or too near the mean-square limit "
            f"of {m} steps per epoch; lower it"
        )

    def _law(
        self, noise: FloatArray, plain: FloatArray, iterations: int, contraction: float
    ) -> AveragedLaw:
        covariance = self._weights(noise)
        require_positive(covariance, self.problem)
        return AveragedLaw(
            covariance=covariance, mean=self.mean, velocity_variances=self._velocities(noise),
            noise_autocovariance=np.einsum("iih->hi", noise)[self.steps - 1 :].copy(),
            additive=self._weights(plain), third=self._weights(self.third_noise),
            iterations=iterations, contraction=contraction, rounding=self.responses.rounding,
            feedback=self.feedback, population=population_factor(self.problem.samples),
        )

    @staticmethod
    def _both_signs(late: FloatArray) -> FloatArray:
        """From lags 0..M - 1 to -(M - 1)..M - 1."""
        return np.concatenate([late.transpose(1, 0, 2)[:, :, :0:-1], late], axis=2)

    def _interpolated(self, values: FloatArray) -> FloatArray:
        if len(self.nodes) == self.steps:
            return values
        from scipy.interpolate import CubicSpline

        out: FloatArray = CubicSpline(self.nodes, values, axis=2)(np.arange(self.steps))
        return out

    def _weights(self, noise: FloatArray) -> FloatArray:
        first = np.eye(len(self.responses.inject))[0]
        return self._respond(noise, first, np.array([0]))[:, :, 0]

    def _respond(
        self, noise: FloatArray, row: FloatArray, lags: npt.NDArray[np.int64],
    ) -> FloatArray:
        r""":math:`\sum_hR(h)A(\tau-h)` of ``row`` . state at ``lags``. Shape (d, d, len(lags))."""
        d, m = self.problem.dimension, self.steps
        b = self.responses.inject
        n = len(b)
        unit = np.zeros((n, d, n, d))
        moving = ~self.problem.still
        unit += np.outer(b, b)[:, None, :, None] * np.outer(moving, moving)[None, :, None, :]
        white = lyapunov_by_modes(self.responses.drift, unit)
        reach = self._rows(row, 2 * m)
        right = np.einsum("minj,n->imj", white, row)  # (i, m, j)
        length = 1 << int(np.ceil(np.log2(5 * m)))
        out = np.empty((d, d, len(lags)))
        for i in range(d):
            late = np.einsum("tm,mj->jt", reach[:, i], right[i])  # A_ij(t), t >= 0
            left = np.einsum("m,mnj->nj", row, white[:, i])
            early = np.einsum("tjm,mj->jt", reach, left)
            response = np.concatenate([early[:, :0:-1], late], axis=1)  # t = -(2M-1)..2M-1
            spectrum = np.fft.rfft(noise[i], length) * np.fft.rfft(response, length)
            total = np.fft.irfft(spectrum, length)
            out[i] = total[:, lags + 3 * m - 2]
        return out

    def _velocities(self, noise: FloatArray) -> FloatArray:
        first = np.eye(len(self.responses.inject))[0]
        now, next_ = np.einsum("iit->ti", self._respond(noise, first, np.array([0, 1])))
        out: FloatArray = 2 * (now - next_)
        return out

    def _rows(self, row: FloatArray, count: int) -> FloatArray:
        r""":math:`\text{row}\cdot A^t`. Shape (count, d, n)."""
        a = self.responses.powers[1]
        out = np.empty((count, len(a), len(row)))
        out[0] = row
        for t in range(1, count):
            out[t] = np.einsum("dm,dmn->dn", out[t - 1], a)
        return out


def _nodes(steps: int) -> npt.NDArray[np.int64]:
    """Lags 0..M - 1, or 64 of them: every one at first, then ever fewer."""
    if steps <= MOST_LAGS:
        return np.arange(steps)
    low, high = 1.0, float(steps)
    for _ in range(60):  # spacing grows with the lag: lag = sinh
        scale = (low + high) / 2
        if np.sinh(MOST_LAGS / scale) * scale > steps:
            low = scale
        else:
            high = scale
    found = np.rint(scale * np.sinh(np.arange(MOST_LAGS) / scale)).astype(np.int64)
    found[-1] = steps - 1
    return np.unique(np.minimum(found, steps - 1))

r"""The position-resolved closure: consistent to second order in the fluctuations, self-consistent beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from theory.errors import AccuracyError, TheoryError, UnstableError
from theory.multiplicative.batch_moments import pair_coefficients
from theory.multiplicative.closure.epoch import Drive, EpochPropagation
from theory.multiplicative.closure.fourths import fourth_order_noise
from theory.multiplicative.closure.law import LEAST_CHANGE, ClosureLaw, next_orders
from theory.multiplicative.closure.moments import EpochMoments
from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.closure.thirds import ThirdMoments
from theory.multiplicative.feedback import population_factor
from theory.multiplicative.mean_shift import third_push
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics
from theory.multiplicative.responses import Observer, Responses, lyapunov_by_modes
from theory.optimizers import NumericRule

__all__ = ["Closure", "checked_sizes", "require_positive"]

_MOST_ITERATIONS = 200
#: share of the error estimate that may be left of the changes
_SHARE = 3e-2
#: a change that has become so much larger than the first says that there is no limit
_GROWTH = 1e6
#: relative change below which third cumulants stay as they are
_THIRD = 0.03


class Closure:
    r"""Tables of one problem, rule and pass, and the equations of the closure.

    Parameters
    ----------
    problem
        Per-sample quadratics.
    numeric
        The rule.
    sizes
        Batch sizes of the pass, by position. Together at most N.

    Raises
    ------
    TheoryError
        If the sizes are no positive whole numbers, or more than N together.
    NoStationaryLawError
        If a direction without curvature has noise.
    UnstableError
        If a pole lies outside the unit circle.
    """

    def __init__(
        self, problem: SampleQuadratics, numeric: NumericRule, sizes: tuple[int, ...]
    ) -> None:
        self.problem, self.sizes = problem, checked_sizes(sizes, problem.samples)
        problem.require_restoring()
        self.products = SampleProducts(problem)
        self.responses = Responses.of(numeric, problem.curvatures, len(sizes))
        psi = self.responses.point_response
        self.thirds = ThirdMoments(self.products, psi, self.sizes)
        own, shared = pair_coefficients(problem.samples)
        self.pairs = float(own) * np.diag(1 / self.sizes) + float(shared)
        self.epoch = EpochPropagation(
            products=self.products, responses=self.responses, thirds=self.thirds, shared=float(shared)
        )
        #: third cumulants of the noise of the minimum
        self.third_noise = self.thirds.gradients
        self.noise_mean = float(shared) * self._mean_push(psi)
        self.population = population_factor(problem.samples)

    def _mean_push(self, psi: FloatArray) -> FloatArray:
        r""":math:`\sum_{j<l}\overline{H_n\Psi_{l-1-j}g_n}`. Shape (d, M)."""
        n = self.problem.samples
        each = [self.problem.hessian_times(self.problem.gradients * p).sum(axis=0) / n for p in psi]
        out = np.zeros((self.problem.dimension, len(psi)))
        out[:, 1:] = np.cumsum(np.array(each), axis=0)[:-1].T
        return out

    def third_mean(self) -> FloatArray:
        r"""Mean noise of third order, :math:`\Delta H_m\Psi\Delta H_l\Psi\xi_j`, j < l < m. Shape (d, M)."""
        psi = self.responses.point_response
        reached, out = np.cumsum(psi, axis=0), np.zeros((self.problem.dimension, len(psi)))
        for late in range(2, len(psi)):
            pairs = psi[late - 2 :: -1].T @ reached[: late - 1]
            out[:, late] = third_push(self.problem, pairs)
        return out

    def solve_start(self, noise: FloatArray) -> FloatArray:
        """Stationary second moment at the beginning of an epoch for a source at its end."""
        return lyapunov_by_modes(self.responses.epoch_drift, noise)

    def mean_at_start(self, push: FloatArray) -> FloatArray:
        r""":math:`(I-A^M)^{-1}` of what an epoch adds to the mean. Shape (n, d)."""
        end = self.responses.end()
        added = (end.noise @ push[:, :, None])[:, :, 0]
        d, n = added.shape
        out, rest = np.zeros((n, d)), self.responses.epoch_drift
        for i in range(d):
            if np.abs(added[i]).max() > 0:
                out[:, i] = np.linalg.solve(rest[i], added[i])
        return out

    def first_noise(self) -> EpochMoments:
        """Second moments of the noise of the minimum."""
        times = self.thirds.times
        return EpochMoments(times, self.problem.gradient_covariance[:, :, None] * times.pack(self.pairs))

    def add_shifted_noise(self, out: EpochMoments, start_mean: FloatArray) -> None:
        r"""Noise at the shifted mean: :math:`\langle\xi_i(\Delta H_l\bar y_{l-1})^\top\rangle+\top`."""
        path = np.einsum("tim,mi->it", self.responses.points().start, start_mean)
        d = len(path)
        flat = self.products.cross_moment.transpose(2, 0, 1).reshape(d * d, d)  # (e, b), c
        table = (flat @ path).reshape(d, d, -1)
        for i, row in enumerate(table):
            out.add_half(i, row[:, None, :] * self.pairs)

    def end_source(self, drive: Drive, drifted: FloatArray) -> FloatArray:
        """What an epoch adds to the covariance of the state, the start's own part left out."""
        end = self.responses.end()
        out = self.epoch.bare(end, end, replace(drive, start=np.zeros_like(drive.start)))
        late = end.noise[:, None] @ self.epoch.felt(end, drive, drifted)
        out += late + late.transpose(1, 0, 3, 2)
        return out.transpose(2, 0, 3, 1)

    def fourth_noise(self) -> EpochMoments:
        """Covariance of the noise of an epoch in fourth order, at the minimum."""
        out = fourth_order_noise(self.products, self.responses.point_response, self.sizes)
        # its second moments hold that of the means
        out.packed -= EpochMoments.of_means(out.times, self.noise_mean).packed
        return out

    def solve(self) -> ClosureLaw:
        """Iterate to the self-consistent law.

        Raises
        ------
        UnstableError
            If the iteration does not settle: the learning rate is beyond, or too near, the
            mean-square limit.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # an iteration that grows is an error below
            return self._iterated()

    def _iterated(self) -> ClosureLaw:
        fourth = self.fourth_noise()
        noise = EpochMoments(fourth.times, fourth.packed + self.first_noise().packed)
        given = _Given(noise=noise, fourth=fourth, push=self.noise_mean + self.third_mean())
        n, d, m = len(self.responses.inject), len(noise), len(self.sizes)
        loop = _Loop(
            drive=Drive(start=np.zeros((n, d, n, d)), noise=noise), start_mean=np.zeros((n, d)),
            path=np.zeros((d, m)), points=EpochMoments.zeros(noise.times, d),
            drifted=np.zeros((d, d, m, m)), third=self.third_noise, change=np.inf,
        )
        first, contraction = np.inf, 0.0
        for iteration in range(1, _MOST_ITERATIONS + 1):
            last = loop.change
            loop = self._next(loop, given)
            first = loop.change if iteration == 2 else first
            if not np.isfinite(loop.change) or not loop.change <= _GROWTH * first:
                break
            shrinks = loop.change / last if last > 0 else 0.0
            if iteration > 2:  # the first changes bring in the fluctuations, the next may grow by chance
                contraction = max(contraction, min(shrinks, 1.0))
            if iteration > 3 and shrinks < 1:
                left = loop.change * shrinks / (1 - shrinks)
                if left < max(LEAST_CHANGE, _SHARE * self._least_estimate(loop, given, contraction)):
                    return self._law(loop, given, iteration, contraction)
        raise UnstableError(
            f"the self-consistent second moments do not settle (relative change {loop.change:.3g} after "
            f"{iteration} iterations): the learning rate is beyond or too near the mean-square limit; "
            "lower it, or use the averaged epoch map"
        )

    def _next(self, loop: _Loop, given: _Given) -> _Loop:
        """One iteration: noise from points, start from noise, points from both."""
        third, times = loop.third, given.noise.times
        moments = EpochMoments.of_means(times, loop.path)
        moments.packed += loop.points.packed
        if not moments.packed.any():
            noise = EpochMoments(times, given.noise.packed + third.packed)
        else:
            if loop.change > _THIRD:
                noise, third = self.thirds.from_points(moments, loop.path, loop.drifted)
                third.packed += self.third_noise.packed
            else:  # third cumulants are a small part, which need not follow the last digits
                noise = EpochMoments(times, self.products.covariance(moments.packed))
            noise.packed *= times.pack(self.pairs)
            noise.packed += given.noise.packed
            noise.packed += third.packed
            self.add_shifted_noise(noise, loop.start_mean)
        drive = replace(loop.drive, noise=noise)
        drive = replace(drive, start=self.solve_start(self.end_source(drive, loop.drifted)))
        start_mean = self.mean_at_start(given.push + self._remembered_mean(loop.path))
        points = self.epoch.points(drive, loop.drifted)
        path = self._path(start_mean, given.push, loop.path)
        before, after = (
            p.sum_of_variances() + (m**2).sum(axis=1)
            for p, m in ((loop.points, loop.path), (points, path))
        )
        gap = np.abs(after - before) / np.where(after != 0, np.abs(after), 1.0)
        lost = loop.points.packed.any() and not (after >= 0).all()  # at first cumulants stand alone
        return _Loop(
            drive=drive, start_mean=start_mean, path=path, points=points,
            drifted=self.thirds.drifted(points), third=third,
            change=np.inf if lost else float(gap.max()),
        )

    def _path(self, start_mean: FloatArray, push: FloatArray, before: FloatArray) -> FloatArray:
        """Mean of the points. Shape (d, M)."""
        total = push + self._remembered_mean(before)
        return self.epoch.means(self.responses.points(), start_mean, total)

    def _remembered_mean(self, path: FloatArray) -> FloatArray:
        r""":math:`\langle e_r\rangle` from the mean of the points. Shape (d, M)."""
        return self.epoch.shared * self.thirds.drifted_mean(path)

    def _law(
        self, loop: _Loop, given: _Given, iterations: int, contraction: float
    ) -> ClosureLaw:
        drive, m, trace = loop.drive, len(self.sizes), self.responses.trace()
        weights, velocity = self.responses.weights(), trace.increments()
        felt = self._felt_by_trace(trace, loop)
        seen = [(weights, felt[..., 1:]), (velocity, np.diff(felt, axis=3))]
        total = given.push + self._remembered_mean(loop.path)
        path, moves = (self.epoch.means(x, loop.start_mean, total) for x in (weights, velocity))
        mean = path.mean(axis=1)
        spread = path - mean[:, None]

        def average(i: int, j: int) -> FloatArray:
            (x, one), (z, other) = seen[i], seen[j]
            return self.epoch.equal_times(x, z, drive, (one, other)) / m

        covariance = average(0, 0) + spread @ spread.T / m
        require_positive(covariance, self.problem)
        third, fourth = self._shares(loop, given, weights, np.diag(covariance))
        return ClosureLaw(
            covariance=covariance, mean=mean,
            velocity_second_moment=average(1, 1) + moves @ moves.T / m,
            noise_autocovariance=self._noise_by_lag(drive),
            iterations=iterations, contraction=contraction, third_share=third, fourth_share=fourth,
            population=self.population, rounding=self.responses.rounding,
        )

    def _felt_by_trace(self, trace: Observer, loop: _Loop) -> FloatArray:
        """:meth:`EpochPropagation.felt` of the weights at every time. Shape (d, d, M, M + 1)."""
        if not self.responses.at_weights:
            return self.epoch.felt(trace, loop.drive, loop.drifted)
        known = self.epoch.shared * loop.drifted.transpose(1, 0, 3, 2)  # all but the last are points
        last = Observer(start=trace.start[-1:], noise=trace.noise[:, -1:])
        return np.concatenate([known, self.epoch.felt(last, loop.drive, loop.drifted)], axis=3)

    def _noise_by_lag(self, drive: Drive) -> FloatArray:
        """The effective noise, and what it shares with the memory of the pass. Shape (M, d)."""
        at, m, out = self.responses.points(), len(self.sizes), []
        for i, row in enumerate(drive.noise):
            seen = row @ at.noise.swapaxes(1, 2)  # cov(noise, y)
            late = self.epoch.shared * self.thirds.drifted_own(i, seen)  # cov(noise, e)
            own = row[i] + late + late.T
            out.append([np.trace(own, -h) / m for h in range(m)])
        return np.array(out).T

    def _least_estimate(self, loop: _Loop, given: _Given, contraction: float) -> float:
        """Smallest relative error estimate of a direction, of the points in place of the weights."""
        variances = loop.points.sum_of_variances() / len(self.sizes)
        third, fourth = self._shares(loop, given, self.responses.points(), variances)
        each = next_orders(contraction, third, fourth, self.population)
        return float(np.min(each[variances > 0], initial=np.inf))

    def _shares(
        self, loop: _Loop, given: _Given, observer: Observer, variances: FloatArray
    ) -> tuple[float, FloatArray]:
        """Parts of the observer's variances: the largest of third cumulants, and all of the fourth order."""
        third, fourth = (
            np.divide(
                np.abs(self._variances_from(noise, observer)), variances,
                out=np.zeros_like(variances), where=variances > 0,
            ) for noise in (loop.third, given.fourth)
        )
        return float(third.max(initial=0.0)), fourth

    def _variances_from(self, noise: EpochMoments, observer: Observer) -> FloatArray:
        """What a noise alone makes, averaged over the times. Shape (d,)."""
        n, d = len(self.responses.inject), len(noise)
        drive = Drive(start=np.zeros((n, d, n, d)), noise=noise)
        end = self.responses.end()
        source = self.epoch.bare(end, end, drive).transpose(2, 0, 3, 1)
        drive = replace(drive, start=self.solve_start(source))
        out = np.einsum("tim,mini,tin->i", observer.start, drive.start, observer.start, optimize=True)
        out += [np.sum((seen @ noise.own(i)) * seen) for i, seen in enumerate(observer.noise)]
        return np.asarray(out / len(self.sizes))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Given:
    """What no iteration changes: second moments of the noise, the fourth order in them, and its mean."""

    noise: EpochMoments
    fourth: EpochMoments
    push: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loop:
    """What passes from one iteration to the next.

    ``path`` and ``points`` are mean and covariance of the points, ``drifted`` what the batches' memory
    makes of the latter, ``third`` the third cumulants of the noise.
    """

    drive: Drive
    start_mean: FloatArray
    path: FloatArray
    points: EpochMoments
    drifted: FloatArray
    third: EpochMoments
    change: float


def checked_sizes(sizes: Sequence[int], samples: int) -> FloatArray:
    """Batch sizes of one pass.

    Raises
    ------
    TheoryError
        If there are none, one is no positive whole number, or they are more than ``samples`` together.
    """
    out = np.array(sizes, dtype=np.float64)
    good = out.ndim == 1 and out.size > 0 and (out >= 1).all() and (out == np.floor(out)).all()
    if not good or not out.sum() <= samples:
        raise TheoryError(
            f"batch sizes must be positive whole numbers of at most {samples} samples together; got "
            f"{tuple(sizes)}"
        )
    return out


def require_positive(covariance: FloatArray, problem: SampleQuadratics) -> None:
    """A closure that has lost a variance is of no use.

    Raises
    ------
    AccuracyError
        If a direction with noise has no positive variance.
    """
    noisy = np.diag(problem.gradient_covariance) > 0
    bad = np.flatnonzero(noisy & ~(np.diag(covariance) > 0))
    if bad.size:
        raise AccuracyError(
            f"direction {int(bad[0])} has the variance {covariance[bad[0], bad[0]]:.4g}: the fluctuations "
            "are too large for this closure; use the averaged epoch map, or lower the learning rate"
        )

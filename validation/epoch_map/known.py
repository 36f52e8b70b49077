r"""What is known exactly: an epoch to second order in the fluctuations, averaged over permutations.

With :math:`T_0=A^M`, :math:`T_1=\sum_kA^{M-k}D_kA^{k-1}` and :math:`T_2` with two factors
:math:`D_k=b\,a^\top\!\otimes\Delta H_{B_k}` (and the batch gradients, as a column of their own) the
averages need only two-point functions of sampling without replacement: for a population of mean zero

.. math:: \mathbb E[X_kY_l] = \Big(\frac{N\,\delta_{kl}}{(N-1)S_k}-\frac1{N-1}\Big)\frac1N\sum_nx_ny_n .

The first part is a sum over steps; the second, over all pairs of steps, is one sample's response to
itself at every step.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from theory.multiplicative import SampleQuadratics
from validation.epoch_map.system import EpochSystem, FloatArray

__all__ = ["SecondOrder"]


class SecondOrder:
    r"""Exact averages of the truncated epoch, in units of ``scales``.

    ``unperturbed`` is :math:`A^M`, shape (n d, n d); ``drift`` is :math:`\mathbb E[T_2]`, shape
    (n d, n d + 1), the last column affine.
    """

    def __init__(self, system: EpochSystem, scales: FloatArray) -> None:
        self.system, self.scales = system, scales
        d = system.dimension
        self._problem = SampleQuadratics(
            factors=system.factors, signs=system.signs, gradients=system.gradients,
            curvatures=system.curvatures, directions=np.eye(d), minimum=np.zeros(d),
        )

    @cached_property
    def _powers(self) -> FloatArray:
        """A^0 ... A^M of every direction. Shape (M + 1, d, n, n)."""
        a, m = self.system.transitions, self.system.steps
        out = np.empty((m + 1, *a.shape))
        out[0] = np.eye(a.shape[1])
        for k in range(m):
            out[k + 1] = a @ out[k]
        return out

    @cached_property
    def _points(self) -> FloatArray:
        """a A^(k-1), k = 1..M. Shape (M, d, n)."""
        return np.asarray(np.einsum("m,kdmn->kdn", self.system.evaluate_at, self._powers[:-1]))

    @cached_property
    def _pushes(self) -> FloatArray:
        """A^(M-k) b, k = 1..M. Shape (M, d, n)."""
        return np.asarray(np.einsum("kdmn,n->kdm", self._powers[-2::-1], self.system.inject))

    @cached_property
    def _weights(self) -> FloatArray:
        """N / ((N - 1) S_k)."""
        n = self.system.samples
        return np.asarray(n / ((n - 1) * self.system.sizes))

    def _dense(self, modes: FloatArray) -> FloatArray:
        """One n x n block per direction as a matrix, shape (n d, n d)."""
        d, n = modes.shape[:2]
        out = np.zeros((n, d, n, d))
        out[:, np.arange(d), :, np.arange(d)] = modes
        return out.reshape(n * d, n * d)

    @cached_property
    def unperturbed(self) -> FloatArray:
        r""":math:`T_0=A^M`, the epoch without fluctuations, in units of ``scales``. Shape (n d, n d)."""
        out = self._dense(self._powers[-1])
        return np.asarray(out * self.scales / self.scales[:, None])

    @cached_property
    def drifts(self) -> FloatArray:
        r""":math:`\mathbb E[T_2]` after each step, in the units of the system. (M, n, d, n d + 1)."""
        system, problem = self.system, self._problem
        m, d, n = system.steps, system.dimension, system.entries
        back = np.einsum("kdn,n->kd", self._points, system.inject)  # a A^r b, r = 0..M-1
        pairs, pulls = np.empty((m, d, d)), np.empty((m, d))
        for r in range(m):
            pairs[r] = problem.covariance_action(np.diag(back[r]))
            pulls[r] = problem.hessian_times(back[r] * problem.gradients).mean(axis=0)
        out, state = np.empty((m, n, d, n * d + 1)), np.zeros((n, d, n * d + 1))
        for j in range(1, m + 1):
            force = np.zeros((d, n * d + 1))
            if j > 1:
                points = self._points[j - 2 :: -1][: j - 1]  # a A^(j-2-r), r = 0..j-2
                moved = np.einsum("ril,rlm->iml", pairs[: j - 1], points, optimize=True)
                force[:, :-1] = moved.reshape(d, n * d)
                force[:, -1] = pulls[: j - 1].sum(axis=0)
            state = np.einsum("dmn,ndc->mdc", system.transitions, state)
            state -= system.inject[:, None, None] * force / (system.samples - 1)
            out[j - 1] = state
        return out

    @cached_property
    def drift(self) -> FloatArray:
        r""":math:`\mathbb E[T_2]` of the whole epoch, in units of ``scales``. Shape (n d, n d + 1)."""
        out = self.drifts[-1].reshape(self.scales.size, -1) / self.scales[:, None]
        return np.asarray(out * np.append(self.scales, 1.0))

    @cached_property
    def _responses(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Every sample's own response as low-rank factors (left, right), its mean, and its push."""
        system, problem = self.system, self._problem
        k = self.scales.size
        core = np.einsum("kim,kjn->minj", self._pushes, self._points, optimize=True)
        mean = core * np.diag(system.curvatures)[None, :, None, :]
        u, s, vt = np.linalg.svd(core.reshape(k, k))
        kept = s > 1e-13 * s[0]
        rows = np.tile(problem.factors, (1, 1, system.entries))[:, :, None, :]
        left = rows * (u[:, kept] * s[kept]).T * problem.signs[:, :, None, None] / self.scales
        right = rows * vt[kept] * self.scales
        shape = (system.samples, -1, k)
        push = np.einsum("kdm,nd->nmd", self._pushes, problem.gradients).reshape(shape[0], k)
        return (
            left.reshape(shape), right.reshape(shape),
            mean.reshape(k, k) * self.scales / self.scales[:, None], push / self.scales,
        )

    def _own(self, second: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
        """Mean over samples of V P V^T."""
        n, q, k = left.shape
        forms = (right.reshape(-1, k) @ second).reshape(n, q, k) @ right.swapaxes(1, 2)
        return np.asarray(left.reshape(-1, k).T @ (forms @ left).reshape(-1, k) / n)

    def _same_step(self, second: FloatArray, outer: FloatArray, inner: FloatArray) -> FloatArray:
        """Sum over steps of w_k outer_k Cov[inner_k^T P inner_k] outer_k^T."""
        n, d = self.system.entries, self.system.dimension
        blocks = second.reshape(n, d, n, d)
        seen = np.einsum("kim,minj,kjn->kij", inner, blocks, inner, optimize=True)
        u, s, vt = np.linalg.svd(seen.reshape(len(seen), -1), full_matrices=False)
        few = s > 1e-13 * s[0]  # steps differ smoothly: a dozen matrices stand for all of them
        noise = self._problem.covariance_action(vt[few].reshape(-1, d, d)).reshape(-1, d * d)
        noise = ((u[:, few] * s[few] * self._weights[:, None]) @ noise).reshape(seen.shape)
        out = np.einsum("kim,kij,kjn->minj", outer, noise, outer, optimize=True)
        return np.asarray(out.reshape(n * d, n * d))

    def apply(self, second: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[T_1PT_1^\top]`, Hessians only."""
        unit = np.outer(self.scales, self.scales)
        left, right, mean, _ = self._responses
        own = self._own(second, left, right) - mean @ second @ mean.T
        return self._same_step(second * unit, self._pushes, self._points) / unit - own / (
            self.system.samples - 1
        )

    @cached_property
    def matrix(self) -> FloatArray:
        """:meth:`apply` of symmetric arguments as a matrix, for small n d only. Shape (n² d², n² d²)."""
        k = self.scales.size
        out = np.empty((k * k, k * k))
        for i in range(k):
            for j in range(i + 1):
                unit = np.zeros((k, k))
                unit[i, j] += 0.5
                unit[j, i] += 0.5
                out[:, i * k + j] = out[:, j * k + i] = self.apply(unit).ravel()
        return out

    def adjoint(self, weight: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[T_1^\top GT_1]`, Hessians only."""
        unit = np.outer(self.scales, self.scales)
        left, right, mean, _ = self._responses
        own = self._own(weight, right, left) - mean.T @ weight @ mean
        return self._same_step(weight / unit, self._points, self._pushes) * unit - own / (
            self.system.samples - 1
        )

    def source(self, mean: FloatArray) -> FloatArray:
        r"""What gradients add to :math:`\mathbb E[T_1\tilde PT_1^\top]` at boundary mean ``mean``."""
        n = self.system.samples
        left, right, middle, push = self._responses
        response = ((right @ mean)[:, None, :] @ left)[:, 0] - middle @ mean
        own = (response + push / 2).T @ push / n
        steps = self._same_step_source(mean)
        out = np.einsum("kim,kij,kjn->minj", self._pushes, steps, self._pushes, optimize=True)
        out = out.reshape(self.scales.size, -1) / np.outer(self.scales, self.scales)
        return np.asarray(out - (own + own.T) / (n - 1))

    def _same_step_source(self, mean: FloatArray) -> FloatArray:
        """w_k times the covariance of the gradients at the path of the mean, its square left out."""
        n, d = self.system.entries, self.system.dimension
        path = np.einsum("kim,mi->ki", self._points, (mean * self.scales).reshape(n, d))
        out = np.empty((self.system.steps, d, d))
        g = self._problem.gradients
        for k, point in enumerate(path):
            moved = self._problem.hessian_times(np.broadcast_to(point, g.shape)) + g / 2
            out[k] = moved.T @ g / len(g)
        return (out + out.swapaxes(1, 2)) * self._weights[:, None, None]

    def positions(self, second: FloatArray, mean: FloatArray, start: FloatArray) -> FloatArray:
        r"""Second-order part of :math:`\langle\delta_i^2\rangle` after each step. Shape (M, d).

        ``start`` are columns R, with :math:`RR^\top` the second moment, the last one the mean.
        """
        from validation.epoch_map.follow import follow_samples

        system = self.system
        m, d, n = system.steps, system.dimension, system.entries
        blocks = (second * np.outer(self.scales, self.scales)).reshape(n, d, n, d)
        seen = np.einsum("kim,minj,kjn->kij", self._points, blocks, self._points, optimize=True)
        noise = self._problem.covariance_action(seen) * self._weights[:, None, None]
        noise += self._same_step_source(mean)
        own = np.einsum("kii->ki", noise)
        out = np.empty((m, d))
        kick = np.einsum("rdm,m->rd", self._powers[:, :, 0, :], system.inject)  # (A^r b)_0
        for j in range(m):
            out[j] = (kick[: j + 1][::-1] ** 2 * own[: j + 1]).sum(axis=0)
        points, weights = self.path(start)
        squares = np.empty((system.samples, m, d))
        follow_samples(
            system.factors, system.signs, system.gradients, system.keep, system.inject,
            system.evaluate_at, system.curvatures, points, squares,
        )
        out -= squares.mean(axis=0) / (system.samples - 1)
        moved = self.drifts[:, 0, :, :-1] @ start.reshape(n * d, -1)
        moved[:, :, -1] += self.drifts[:, 0, :, -1]
        return np.asarray(out + 2 * (weights * moved).sum(axis=2))

    def path(self, start: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points and weights of ``start``, shape (1, n, d, columns), without fluctuations."""
        states = np.einsum("kdmn,ndc->kmdc", self._powers, start[0], optimize=True)
        points = np.tensordot(self.system.evaluate_at, states[:-1], (0, 1))
        return np.ascontiguousarray(points), np.ascontiguousarray(states[1:, 0])

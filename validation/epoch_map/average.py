r"""The affine maps of many epochs, and the linear equations their averages obey."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError, UnstableError
from validation.epoch_map.columns import chunk_size, identity_columns
from validation.epoch_map.krylov import Linear, solve_symmetric
from validation.epoch_map.modes import mode_inverse, solve_modes, state_scales
from validation.epoch_map.spectrum import slowest_mode, top_mode
from validation.epoch_map.system import EpochSystem, FloatArray

__all__ = ["AveragedMap", "maps_of"]

_FEW = 128  # maps that stand for all of them while solving for a correction


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragedMap:
    r"""Epochs :math:`s\mapsto\Phi s+c`, and :math:`P\mapsto\mathbb E[\Phi P\Phi^\top]` over them.

    Attributes
    ----------
    system
        What the maps belong to.
    maps
        :math:`\Phi`, in chunks of shape (n d, permutations, n d), so that both products of the
        sandwich are one matrix product.
    shifts
        c, in chunks of shape (permutations, n d).
    scales
        Size of every entry of the state: maps, shifts and everything computed from them are in
        these units, so that relative errors mean the same in every direction. Shape (n d,).
    """

    system: EpochSystem
    maps: tuple[FloatArray, ...]
    shifts: tuple[FloatArray, ...]
    scales: FloatArray

    dense_limit: ClassVar[int] = 32  # state size up to which E[Phi (x) Phi] is held as a matrix

    @cached_property
    def permutations(self) -> int:
        """How many epochs are averaged."""
        return sum(len(c) for c in self.shifts)

    @cached_property
    def size(self) -> int:
        """n d."""
        return int(self.maps[0].shape[0])

    @cached_property
    def mean_map(self) -> FloatArray:
        r""":math:`\mathbb E[\Phi]`. Shape (n d, n d)."""
        return np.asarray(sum(f.sum(axis=1) for f in self.maps)) / self.permutations

    @cached_property
    def mean_shift(self) -> FloatArray:
        r""":math:`\mathbb E[c]`. Shape (n d,)."""
        return np.asarray(sum(c.sum(axis=0) for c in self.shifts)) / self.permutations

    @cached_property
    def mean(self) -> FloatArray:
        r""":math:`\mu_0=\mathbb E[\Phi]\mu_0+\mathbb E[c]`. Shape (n d,)."""
        solved = np.linalg.solve(np.eye(self.size) - self.mean_map, self.mean_shift)
        return np.asarray(solved, dtype=np.float64)

    @cached_property
    def source(self) -> FloatArray:
        """What the equation for P contains besides P."""
        return self.source_at(self.mean)

    def source_at(self, mean: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi\mu_0c^\top]+\mathbb E[c\,\mu_0^\top\Phi^\top]+\mathbb E[cc^\top]`."""
        out = np.zeros((self.size, self.size))
        for f, c in zip(self.maps, self.shifts, strict=True):
            out += ((f @ mean).T + c / 2).T @ c / self.permutations
        return out + out.T

    def apply(self, second: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi P\Phi^\top]` for symmetric P. Shape (n d, n d) to the same."""
        return self._sampled(second) if self._dense is None else self._times(self._dense, second)

    def adjoint(self, weight: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi^\top G\,\Phi]` for symmetric G."""
        if self._dense is None:
            return self._sampled_adjoint(weight)
        return self._times(self._dense.T, weight)

    @staticmethod
    def _times(dense: FloatArray, argument: FloatArray) -> FloatArray:
        return (dense @ argument.ravel()).reshape(argument.shape)

    def _sampled(self, second: FloatArray) -> FloatArray:
        """Mean over the maps of Phi P Phi^T, without a matrix of size n² d²."""
        out, k = np.zeros_like(second), self.size
        for f in self.maps:
            out += (f.reshape(-1, k) @ second).reshape(k, -1) @ f.reshape(k, -1).T
        out /= self.permutations
        return out

    def _sampled_adjoint(self, weight: FloatArray) -> FloatArray:
        """Mean over the maps of Phi^T G Phi."""
        out, k = np.zeros_like(weight), self.size
        for f in self.maps:
            out += f.reshape(-1, k).T @ (weight @ f.reshape(k, -1)).reshape(-1, k)
        out /= self.permutations
        return out

    @cached_property
    def _dense(self) -> FloatArray | None:
        """:meth:`apply` as a matrix, shape (n² d², n² d²), for small n d only."""
        return self._sampled_dense()

    def _sampled_dense(self) -> FloatArray | None:
        r""":math:`\mathbb E[\Phi\otimes\Phi]` over the maps."""
        k = self.size
        if k > self.dense_limit:
            return None
        out = np.zeros((k * k, k * k))
        for f in self.maps:
            flat = f.swapaxes(0, 1).reshape(-1, k * k)
            out += flat.T @ flat
        out = out.reshape(k, k, k, k).swapaxes(1, 2) / self.permutations
        return np.ascontiguousarray(out).reshape(k * k, k * k)

    @cached_property
    def _inverse(self) -> FloatArray | None:
        if self._dense is None:
            return None
        return np.asarray(np.linalg.inv(np.eye(self.size**2) - self._dense), dtype=np.float64)

    @cached_property
    def few(self) -> AveragedMap:
        """The first maps only, for what need not be exact; all of them where that costs nothing."""
        if self.size <= self.dense_limit or self.permutations <= 2 * _FEW:
            return self
        return AveragedMap(
            system=self.system, maps=(np.ascontiguousarray(self.maps[0][:, :_FEW]),),
            shifts=(self.shifts[0][:_FEW],), scales=self.scales,
        )

    @cached_property
    def _mode_inverse(self) -> FloatArray:
        return mode_inverse(self.system)

    def _without_noise(self, right: FloatArray, *, turned: bool) -> FloatArray:
        """Solve as if no batch Hessian fluctuated: the preconditioner."""
        size = self.scales if turned else 1 / self.scales
        return solve_modes(self._mode_inverse, right / np.outer(size, size), turned=turned) * np.outer(
            size, size
        )

    def solve(self, right: FloatArray, *, tolerance: float = 1e-6) -> FloatArray:
        r"""Symmetric X with :math:`X-\mathbb E[\Phi X\Phi^\top]=Q`. ``tolerance`` is relative."""
        return self._solve(right, self.apply, turned=False, tolerance=tolerance)

    def solve_adjoint(self, right: FloatArray, *, tolerance: float = 1e-6) -> FloatArray:
        r"""Symmetric G with :math:`G-\mathbb E[\Phi^\top G\Phi]=L`."""
        return self._solve(right, self.adjoint, turned=True, tolerance=tolerance)

    def _solve(self, right: FloatArray, act: Linear, *, turned: bool, tolerance: float) -> FloatArray:
        """Directly, or by GMRES preconditioned with the equation without fluctuations."""
        if self._inverse is not None:
            inverse = self._inverse.T if turned else self._inverse
            solved = (inverse @ right.ravel()).reshape(right.shape)
            return (solved + solved.T) / 2
        return solve_symmetric(act, lambda x: self._without_noise(x, turned=turned), right, tolerance)

    def residual(self, second: FloatArray) -> float:
        r"""Largest entry of :math:`P-\mathbb E[\Phi P\Phi^\top]-Q`, solved for P, over that of P."""
        gap = self._without_noise(second - self.apply(second) - self.source, turned=False)
        return float(np.abs(gap).max() / max(np.abs(second).max(), 1e-300))

    @cached_property
    def spectral_radius(self) -> float:
        r"""That of :math:`P\mapsto\mathbb E[\Phi P\Phi^\top]`: mean-square stable iff below 1.

        The map keeps the cone of covariances, so its radius is an eigenvalue with a positive
        semi-definite eigenvector, and it is below 1 exactly if the inverse of one minus the map is
        positive: then inverse iteration finds it, otherwise Arnoldi iteration. For a large state the
        eigenvectors, left and right, are those of a few maps: the error is of second order.
        """
        pair = self.few.slow_pair
        if pair is None:
            return self.top_pair[0]
        left, right = pair
        moved = self.apply(right)
        radius = float(np.vdot(left, moved) / np.vdot(left, right))
        gap = float(np.linalg.norm(moved - radius * right) / np.linalg.norm(moved))
        return radius if gap < 0.02 else self.top_pair[0]

    @cached_property
    def slow_pair(self) -> tuple[FloatArray, FloatArray] | None:
        """Left and right eigenvector of the radius where that is below 1 and inverse iteration settles."""
        settled = 1e-9 if self.size <= self.dense_limit else 1e-2
        try:
            return (
                slowest_mode(lambda x: self.solve_adjoint(x, tolerance=1e-2), self.size, settled=settled),
                slowest_mode(lambda x: self.solve(x, tolerance=1e-2), self.size, settled=settled),
            )
        except (np.linalg.LinAlgError, UnstableError, AccuracyError):
            return None

    @cached_property
    def top_pair(self) -> tuple[float, FloatArray, FloatArray]:
        """Radius with its left and right eigenvector by Arnoldi iteration, stable or not."""
        value, right = top_mode(self.apply, self.size)
        return value, top_mode(self.adjoint, self.size)[1], right

    @cached_property
    def radius_spread(self) -> float:
        """Standard error of the radius over the permutations, by its eigenvectors."""
        _, left, right = self.top_pair
        parts = []
        for f in self.maps:
            moved = (f @ right).swapaxes(0, 1) @ f.transpose(1, 2, 0)  # permutation, row, column
            parts.append(np.tensordot(moved, left, 2) / np.vdot(left, right))
        values = np.concatenate(parts)
        return float(values.std() / np.sqrt(len(values)))


def maps_of(
    system: EpochSystem, indices: Callable[[int, int], npt.NDArray[np.int32]], count: int, *,
    progress: Callable[[int], None] = lambda done: None,
) -> AveragedMap:
    """Form the maps of ``count`` permutations; ``indices(first, count)`` gives them."""
    start = identity_columns(system)
    k, maps, shifts, done = start.shape[3] - 1, [], [], 0
    stride, scales = min(chunk_size(3 * k * (k + 1)), 1024), np.empty(0)
    while done < count:
        few = min(stride, count - done)
        ends = system.propagate(indices(done, few), start)["ends"].reshape(few, k, k + 1)
        if not done:
            scales = state_scales(system, ends[:, :, k])
        maps.append(np.ascontiguousarray((ends[:, :, :k] * scales / scales[:, None]).swapaxes(0, 1)))
        shifts.append(ends[:, :, k] / scales)
        done += few
        progress(few)
    return AveragedMap(system=system, maps=tuple(maps), shifts=tuple(shifts), scales=scales)

r"""The averaged map with a control variate: known second order plus the sampled remainder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from validation.epoch_map.average import AveragedMap
from validation.epoch_map.columns import chunk_size, identity_columns
from validation.epoch_map.known import SecondOrder
from validation.epoch_map.modes import state_scales
from validation.epoch_map.system import EpochSystem, FloatArray

__all__ = ["ControlledMap", "controlled_maps_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlledMap(AveragedMap):
    r"""An :class:`AveragedMap` whose averages are corrected by what is known exactly.

    Every :math:`T=(\Phi,c)` is split as :math:`T_0+T_1+T_2+\text{rest}` in the fluctuations, and
    :math:`\mathbb E[T\tilde PT^\top]` is estimated by

    .. math:: \overline{T\tilde PT^\top}-\overline{T_1\tilde PT_1^\top}+\mathbb E[T_1\tilde PT_1^\top]
              -T_0\tilde P\,\Delta^\top-\Delta\,\tilde PT_0^\top, \qquad
              \Delta=\overline{T_1}+\overline{T_2}-\mathbb E[T_2] .

    Attributes
    ----------
    first
        The maps :math:`T_1` and their shifts.
    gap
        :math:`\Delta`. Shape (n d, n d + 1), the last column affine.
    known, closed
        The exact averages, and the map made of them alone.
    """

    first: AveragedMap
    gap: FloatArray
    known: SecondOrder
    closed: KnownMap

    @cached_property
    def mean_map(self) -> FloatArray:
        r""":math:`\mathbb E[\Phi]`, corrected."""
        return np.asarray(sum(f.sum(axis=1) for f in self.maps) / self.permutations - self.gap[:, :-1])

    @cached_property
    def mean_shift(self) -> FloatArray:
        r""":math:`\mathbb E[c]`, corrected."""
        return np.asarray(sum(c.sum(axis=0) for c in self.shifts) / self.permutations - self.gap[:, -1])

    @cached_property
    def source(self) -> FloatArray:
        """What does not contain P, corrected."""
        cross = np.outer(self.known.unperturbed @ self.mean, self.gap[:, -1])
        return np.asarray(
            self.source_at(self.mean) - self.first.source_at(self.mean)
            + self.known.source(self.mean) - cross - cross.T
        )

    def apply(self, second: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi P\Phi^\top]`, corrected."""
        if self._dense is not None:
            return self._times(self._dense, second)
        cross = self.known.unperturbed @ second @ self.gap[:, :-1].T
        sampled = self._sampled(second) - self.first._sampled(second)
        return np.asarray(sampled + self.known.apply(second) - cross - cross.T)

    def adjoint(self, weight: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi^\top G\,\Phi]`, corrected."""
        if self._dense is not None:
            return self._times(self._dense.T, weight)
        cross = self.known.unperturbed.T @ weight @ self.gap[:, :-1]
        sampled = self._sampled_adjoint(weight) - self.first._sampled_adjoint(weight)
        return np.asarray(sampled + self.known.adjoint(weight) - cross - cross.T)

    @cached_property
    def _dense(self) -> FloatArray | None:
        """The corrected map as a matrix, for small n d only."""
        own, other = self._sampled_dense(), self.first._sampled_dense()
        if own is None or other is None:
            return None
        cross = np.kron(self.known.unperturbed, self.gap[:, :-1])
        turned = np.kron(self.gap[:, :-1], self.known.unperturbed)
        return np.asarray(own - other + self.known.matrix - cross - turned)

    @cached_property
    def few(self) -> AveragedMap:
        """Where the state is large, the known part alone; some of the maps where that is unstable."""
        if self.size <= self.dense_limit:
            return self
        if self.closed.slow_pair is not None:
            return self.closed
        return AveragedMap(
            system=self.system, maps=self.maps, shifts=self.shifts, scales=self.scales
        ).few


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownMap(AveragedMap):
    """The map to second order in the fluctuations, with nothing sampled."""

    known: SecondOrder

    def apply(self, second: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi P\Phi^\top]` to second order."""
        t, drift = self.known.unperturbed, self.known.drift[:, :-1]
        cross = t @ second @ drift.T
        return np.asarray(t @ second @ t.T + cross + cross.T + self.known.apply(second))

    def adjoint(self, weight: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi^\top G\,\Phi]` to second order."""
        t, drift = self.known.unperturbed, self.known.drift[:, :-1]
        cross = t.T @ weight @ drift
        return np.asarray(t.T @ weight @ t + cross + cross.T + self.known.adjoint(weight))

    @cached_property
    def _dense(self) -> None:
        """Never: of the sampled maps it has the size alone."""


def controlled_maps_of(
    system: EpochSystem, indices: Callable[[int, int], npt.NDArray[np.int32]], count: int, *,
    progress: Callable[[int], None] = lambda done: None, closed: KnownMap | None = None,
) -> ControlledMap:
    """Form the maps of ``count`` permutations, and their parts of first and second order.

    ``closed`` is that of an earlier sample, so that what is known need not be computed again.
    """
    start = identity_columns(system)
    k, done = start.shape[3] - 1, 0
    stride = min(chunk_size(8 * k * (k + 1)), 1024)
    scales = np.empty(0) if closed is None else closed.scales
    path = SecondOrder(system, np.ones(k)).path(start)
    maps: list[list[FloatArray]] = [[], []]
    shifts: list[list[FloatArray]] = [[], []]
    total = np.zeros((k, k + 1))
    while done < count:
        few = min(stride, count - done)
        ends = system.propagate(indices(done, few), start, path=path)["ends"]
        ends = ends.reshape(few, 3, k, k + 1)
        if not scales.size:
            scales = state_scales(system, ends[:, 0, :, k])
        ends *= np.append(scales, 1.0) / scales[:, None]
        for which in (0, 1):
            maps[which].append(np.ascontiguousarray(ends[:, which, :, :k].swapaxes(0, 1)))
            shifts[which].append(ends[:, which, :, k].copy())
        total += (ends[:, 1] + ends[:, 2]).sum(axis=0)
        done += few
        progress(few)
    first = AveragedMap(system=system, maps=tuple(maps[1]), shifts=tuple(shifts[1]), scales=scales)
    own = AveragedMap(system=system, maps=tuple(maps[0]), shifts=tuple(shifts[0]), scales=scales)
    if closed is None:
        closed = KnownMap(
            system=system, maps=own.maps[:1], shifts=own.shifts[:1], scales=scales,
            known=SecondOrder(system, scales),
        )
    return ControlledMap(
        system=system, maps=own.maps, shifts=own.shifts, scales=scales, first=first,
        gap=total / count - closed.known.drift, known=closed.known, closed=closed,
    )

r"""How much one permutation moves the variances: the delta method through the linear equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from validation.epoch_map.average import AveragedMap
from validation.epoch_map.columns import chunk_size, identity_columns
from validation.epoch_map.system import FloatArray

__all__ = ["MOST_PATHS", "PATH_BYTES", "Influence", "influence_of"]

#: paths from which the position average is differentiated, at most, and their bytes
MOST_PATHS, PATH_BYTES = 1024, 300_000_000
#: permutations from which the pull on the mean is taken, at least: a small part of the influence
_PULLED = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class Influence:
    r"""Derivatives of the position-averaged variances and means by the moments at the boundary.

    A variance :math:`\sigma_i^2` is linear in the empirical measure of the permutations to first
    order; permutation p contributes

    .. math:: I_{p,i} = \overline{\delta_i^2}-2\mu_i\overline{\delta_i}
              + \langle G_i,\,ss^\top\rangle + g_i\cdot s ,

    averages over positions and the state s after the epoch less its stationary mean, all under
    permutation p and the stationary law at its start; :math:`G_i,g_i` solve the adjoint equations. States
    are about the mean because that may be many standard deviations: G, g rest on a few permutations, and
    their errors must not meet its square. So
    :math:`\operatorname{sd}_p(I_{p,i})/\sqrt P` is the standard error of :math:`\sigma_i^2`.

    Attributes
    ----------
    second, first
        G, g in the units of the averaged map. Shape (d, n d, n d) and (d, n d).
    first_of_mean
        The same derivative of the mean. Shape (d, n d).
    mean
        :math:`\mu_i`, over positions. Shape (d,).
    """

    second: FloatArray
    first: FloatArray
    first_of_mean: FloatArray
    mean: FloatArray

    def of_variance(
        self, squares: FloatArray, means: FloatArray, ends: FloatArray, base: FloatArray
    ) -> FloatArray:
        """I per permutation and order: the whole and, where ``orders`` is 3, its parts of first and
        second order in the fluctuations.

        From position averages (P, orders, d), final columns (P, orders, n d, columns) and those
        without fluctuations (n d, columns), the last column about the mean. Shape (P, orders, d).
        """
        p, orders, k = ends.shape[:3]
        out: FloatArray = squares - 2 * self.mean * means + ends[:, :, :, -1] @ self.first.T
        outer = np.empty((p, orders, k, k))
        outer[:, 0] = ends[:, 0] @ ends[:, 0].swapaxes(1, 2)
        if orders > 1:
            outer[:, 1] = 2 * ends[:, 1] @ base.T
            outer[:, 2] = 2 * ends[:, 2] @ base.T + ends[:, 1] @ ends[:, 1].swapaxes(1, 2)
        return out + outer.reshape(p, orders, k * k) @ self.second.reshape(-1, k * k).T

    def of_mean(self, means: FloatArray, ends: FloatArray) -> FloatArray:
        """The same for the mean. Shape (P, orders, d)."""
        out: FloatArray = means + ends[:, :, :, -1] @ self.first_of_mean.T
        return out


def influence_of(
    average: AveragedMap, indices: Callable[[int, int], npt.NDArray[np.int32]]
) -> Influence:
    """Solve the adjoint equations, for a large state with a few of the permutations."""
    system, few, k = average.system, average.few, average.size
    start = identity_columns(system)
    each = 8 * system.steps * system.dimension * (k + 1)
    count = int(np.clip(PATH_BYTES // each, 4, min(average.permutations, MOST_PATHS)))
    weight, rows = _position_weights(average, indices, start, count)
    mean = rows @ np.append(average.mean, 1.0)
    centre = np.eye(k + 1)
    centre[k, :k] = average.mean  # paths from the mean, about their own
    weight = centre @ weight @ centre.T
    weight[:, :k, k] -= mean[:, None] * rows[:, :k]
    second = np.stack([few.solve_adjoint(w[:k, :k], tolerance=3e-2) for w in weight])
    pull = _pull(average, second)
    back = np.linalg.inv(np.eye(k) - average.mean_map)
    first = (pull + 2 * weight[:, :k, k]) @ back
    return Influence(second=second, first=first, first_of_mean=rows[:, :k] @ back, mean=mean)


def _pull(average: AveragedMap, second: FloatArray) -> FloatArray:
    r""":math:`2\operatorname{cov}(\Phi,\,Gs)`, s the state after an epoch from the mean. Shape (d, n d)."""
    k, sample = average.size, 0
    both, pushes, maps = np.zeros((len(second), k)), np.zeros(k), np.zeros((k, k))
    for f, c in zip(average.maps, average.shifts, strict=True):
        if sample < _PULLED:
            sample += len(c)
            pushed = c + (f @ average.mean).T - average.mean
            moved = np.tensordot(second, pushed, (2, 1))  # direction, state, permutation
            both += np.einsum("dip,ipk->dk", moved, f, optimize=True)
            pushes += pushed.sum(axis=0)
            maps += f.sum(axis=1)
    return 2 * (both - (second @ pushes) @ maps / sample) / sample


def _position_weights(
    average: AveragedMap, indices: Callable[[int, int], npt.NDArray[np.int32]], start: FloatArray,
    count: int,
) -> tuple[FloatArray, FloatArray]:
    """Mean over positions and permutations of w w^T and of w, the rows that give a weight."""
    system, d = average.system, average.system.dimension
    scales = np.append(average.scales, 1.0)
    weight, rows = np.zeros((d, scales.size, scales.size)), np.zeros((d, scales.size))
    stride = chunk_size(3 * system.steps * rows.size)
    for done in range(0, count, stride):
        few = indices(done, min(stride, count - done))
        paths = system.propagate(few, start, paths=True)["paths"] * scales
        paths = paths.transpose(2, 3, 0, 1).reshape(d, scales.size, -1)
        weight += paths @ paths.swapaxes(1, 2) / (count * system.steps)
        rows += paths.sum(axis=2) / (count * system.steps)
    return weight, rows

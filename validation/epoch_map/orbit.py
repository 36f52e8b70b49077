r"""One permutation for the whole run: the periodic orbit it settles on, averaged over permutations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from theory.errors import UnstableError
from validation.epoch_map.columns import chunk_size, identity_columns
from validation.epoch_map.law import EpochMapLaw
from validation.epoch_map.system import EpochSystem, FloatArray, embed

__all__ = ["averaged_orbit"]


def averaged_orbit(
    system: EpochSystem, indices: Callable[[int, int], npt.NDArray[np.int32]], count: int, *,
    seed: int, progress: Callable[[int], None],
) -> EpochMapLaw:
    r"""Every permutation's orbit :math:`s=(I-\Phi)^{-1}c` and its averages over positions.

    There is nothing to solve for and no control variate: orbits of different permutations are
    independent, so their spread is the standard error.

    Raises
    ------
    UnstableError
        If a permutation's map has a spectral radius not below 1: its run diverges.
    """
    d, m, k = system.dimension, system.steps, system.entries * system.dimension
    columns = identity_columns(system)
    moments, positions = np.zeros((3, d, d)), np.zeros((m, d))
    squares, means, radii = np.empty((count, d)), np.empty((count, d)), np.empty(count)
    stride = chunk_size(2 * k * (k + 1) + 3 * d * d + m * d)
    for first in range(0, count, stride):
        part = slice(first, min(first + stride, count))
        rows = indices(first, part.stop - first)
        ends = system.propagate(rows, columns)["ends"].reshape(-1, k, k + 1)
        radii[part] = np.abs(np.linalg.eigvals(ends[:, :, :k])).max(axis=1)
        if (radii[part] < 1).all():
            starts = np.linalg.solve(np.eye(k) - ends[:, :, :k], ends[:, :, k:])
            out = system.propagate(
                rows, starts.reshape(-1, system.entries, d, 1), matrices=True, positions=True
            )
            squares[part], means[part] = out["squares"][:, 0] / m, out["means"][:, 0] / m
            moments += out["matrices"].sum(axis=0) / (count * m)
            positions += out["positions"].sum(axis=0) / count
        progress(2 * (part.stop - first))
    unstable = int((~(radii < 1)).sum())
    if unstable:
        raise UnstableError(
            f"no stationary law: {unstable} of {count} permutations make a run diverge (spectral radius "
            f"of an epoch up to {radii.max():.6g}, not below 1). Lower the learning rate or raise the "
            "batch size"
        )
    mean = means.mean(axis=0)
    variance = np.maximum(squares - means**2, 0.0).mean(axis=0) + means.var(axis=0)
    unit, spread = system.unit, (squares - 2 * mean * means).std(axis=0, ddof=1) / np.sqrt(count)

    def whole(array: FloatArray) -> FloatArray:
        return embed(system, array)

    return EpochMapLaw(
        second_moment=whole(moments[0]) * unit**2, velocity=whole(moments[1]) * unit**2,
        weight_velocity=whole(moments[2]) * unit**2, variance=whole(variance) * unit**2,
        mean=whole(mean) * unit,
        by_position=whole(positions) * unit**2, standard_error=whole(spread) * unit**2,
        mean_standard_error=whole(means.std(axis=0, ddof=1) / np.sqrt(count)) * unit,
        permutations=count, seed=seed, spectral_radius=float(radii.max()), residual=0.0,
        variance_reduction=whole(np.ones(d)),
    )

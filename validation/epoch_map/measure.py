r"""The second phase: from the law at the boundary to averages over positions, with standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from validation.epoch_map.average import AveragedMap
from validation.epoch_map.columns import chunk_size
from validation.epoch_map.control import ControlledMap
from validation.epoch_map.influence import Influence
from validation.epoch_map.system import FloatArray

__all__ = ["Measurement", "measure"]

_FEWEST = 50  # permutations from which coefficients are fitted; below, they are one


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """Averages over positions in the units of the system; ``spread`` are standard errors.

    ``moments`` are those of weights, velocity and both, shape (3, d, d); ``positions`` the second
    moments after each step, shape (M, d); ``reduction`` what the control variate gained in variance.
    """

    moments: FloatArray
    positions: FloatArray
    variance: FloatArray
    variance_spread: FloatArray
    mean: FloatArray
    mean_spread: FloatArray
    reduction: FloatArray


def measure(
    average: AveragedMap, second: FloatArray, start: FloatArray, influence: Influence,
    indices: Callable[[int, int], npt.NDArray[np.int32]], progress: Callable[[int], None],
) -> Measurement:
    r"""Follow the boundary law ``start`` through every permutation's epoch.

    ``second`` is :math:`P_0` as ``start`` has it. Every diagonal is the one-step estimate
    :math:`\bar I_i-\langle G_i,P_0-\mu_0\mu_0^\top\rangle+\mu_i^2-(\bar\delta_i-\mu_i)^2`, in which an
    error of the boundary law cancels to first order, and that of a :math:`\mu_i` from few permutations
    altogether; with a control variate its known average replaces the sampled one, with coefficients fitted
    per direction, which cannot hurt. Off-diagonal entries, velocities and positions are the plain averages,
    scaled to those diagonals.
    """
    system, count, d, m = average.system, average.permutations, average.system.dimension, average.system.steps
    known = average.known if isinstance(average, ControlledMap) else None
    path = known.path(start) if known else None
    orders = 3 if known else 1
    level = np.empty((count, orders, d))
    variances, means = np.empty_like(level), np.empty_like(level)
    moments, positions = np.zeros((3, d, d)), np.zeros((m, d))
    base = np.zeros((average.size, start.shape[3])) if known is None else (
        known.unperturbed @ (start.reshape(average.size, -1) / average.scales[:, None])
    )
    base[:, -1] -= average.mean
    stride = chunk_size(orders * start.size + 4 * average.size**2 + 3 * d * d + m * d)
    for first in range(0, count, stride):
        part = slice(first, min(first + stride, count))
        rows = indices(first, part.stop - first)
        out = system.propagate(rows, start, path=path, matrices=True, positions=True)
        ends = out["ends"].reshape(len(rows), orders, average.size, -1) / average.scales[:, None]
        ends[:, 0, :, -1] -= average.mean
        level[part] = out["means"] / m
        variances[part] = influence.of_variance(out["squares"] / m, level[part], ends, base)
        means[part] = influence.of_mean(level[part], ends)
        moments += out["matrices"].sum(axis=0) / (count * m)
        positions += out["positions"].sum(axis=0) / count
        progress(part.stop - first)
    expected, expected_mean = _expected(average, second, start, influence)
    found, spread, reduction = _estimate(variances, expected)
    mean, mean_spread, _ = _estimate(means, expected_mean)
    found -= np.tensordot(influence.second, second - np.outer(average.mean, average.mean), 2)
    found += influence.mean**2 - (mean - influence.mean) ** 2
    diagonal = found + mean**2
    plain = np.diag(moments[0])
    usable = (diagonal > 0) & (plain > 0)
    factor = np.sqrt(np.where(usable, diagonal, 1.0) / np.where(usable, plain, 1.0))
    return Measurement(
        moments=moments * np.outer(factor, factor), positions=positions * factor**2, variance=found,
        variance_spread=spread, mean=mean, mean_spread=mean_spread, reduction=reduction,
    )


def _expected(
    average: AveragedMap, second: FloatArray, start: FloatArray, influence: Influence
) -> tuple[FloatArray, FloatArray]:
    """Exact averages of the first and second order, of variances and of means. Shapes (2, d)."""
    system = average.system
    out, out_mean = np.zeros((2, system.dimension)), np.zeros((2, system.dimension))
    if not isinstance(average, ControlledMap):
        return out[:0], out_mean[:0]
    known, mean = average.known, average.mean
    cross = known.unperturbed @ (
        second @ known.drift[:, :-1].T + np.outer(mean, known.drift[:, -1])
    )
    after = known.apply(second) + known.source(mean) + cross + cross.T
    moved = known.drift[:, :-1] @ mean + known.drift[:, -1]
    after -= np.outer(moved, mean) + np.outer(mean, moved)  # about the mean
    inside = known.positions(second, mean, start).mean(axis=0)
    inside_mean = (known.drifts[:, 0] @ np.append(mean * average.scales, 1.0)).mean(axis=0)
    out[1] = inside - 2 * influence.mean * inside_mean + influence.first @ moved
    out[1] += np.tensordot(influence.second, after, 2)
    out_mean[1] = inside_mean + influence.first_of_mean @ moved
    return out, out_mean


def _estimate(values: FloatArray, expected: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean, standard error and gain per direction; ``values`` (P, 1 or 3, d), controls last."""
    count, _, d = values.shape
    mean, spread, gain = values[:, 0].mean(axis=0), np.empty(d), np.ones(d)
    for i in range(d):
        whole, controls = values[:, 0, i], values[:, 1:, i]
        used = controls.shape[1]
        rest = whole
        if used:
            slopes = np.ones(used)
            size = controls.std(axis=0)
            if count >= _FEWEST and (size > 0).all():
                centred = (controls - controls.mean(axis=0)) / size
                slopes = np.linalg.lstsq(centred, whole - whole.mean(), rcond=1e-10)[0] / size
            mean[i] -= slopes @ (controls.mean(axis=0) - expected[:, i])
            rest = whole - controls @ slopes
        free = max(count - 1 - used, 1)
        spread[i] = math.sqrt(((rest - rest.mean()) ** 2).sum() / free / count)
        if used and spread[i] > 0:
            gain[i] = whole.var() / (spread[i] ** 2 * count)
    return mean, spread, gain

"""Averages of a recorded run over blocks of epochs: weights, batch noise, and what they remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from validation.regression import FloatArray

__all__ = ["LARGEST_MEMORY", "Blocks", "average_blocks", "batch_noise"]

#: share of a direction's variance that may outlive the gap between two blocks if it is compared
LARGEST_MEMORY = 0.01

_CHUNK = 1 << 24  # numbers gathered at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    r"""One number per block and direction, in the eigenbasis of the mean Hessian.

    Attributes
    ----------
    weights, means
        Averages of :math:`\delta_i^2` and :math:`\delta_i` over all steps of a block. Shape (blocks, d).
    lags
        Of the noise, in steps.
    noise
        Averages of :math:`\xi_{i,k}\xi_{i,k-h}` over all steps k of a block; k - h may lie before it.
        Shape (blocks, lags, d).
    noise_changes
        Averages of :math:`\frac12(\xi_{i,k}-\xi_{i,k-h})^2`, that is R(0) - R(h) and never negative, as
        :func:`validation.compare.compare` wants it; of :math:`\xi_{i,k}^2` at h = 0. As ``noise``.
    """

    weights: FloatArray
    means: FloatArray
    lags: tuple[int, ...]
    noise: FloatArray
    noise_changes: FloatArray

    def shifted(self, shift: FloatArray) -> FloatArray:
        r"""Averages of :math:`(\delta_i+c_i)^2`, which compare a mean as a square. Shape (blocks, d)."""
        return np.maximum(self.weights + 2 * shift * self.means + shift**2, 0.0)


def batch_noise(
    problem: SampleQuadratics, indices: npt.NDArray[np.int32], batch_sizes: Sequence[int],
    points: FloatArray,
) -> FloatArray:
    r"""Batch gradient minus its expectation, at given points.

    .. math:: \xi_k + \Delta H_k\,\delta = \frac1{S_k}\sum_{n\in B_k}(H_n\delta+g_n) - H\delta .

    Parameters
    ----------
    indices
        Shape (epochs, used).
    points
        :math:`\delta`, in the eigenbasis, at which each step took its gradient. Shape (epochs, M, d).

    Returns
    -------
    Shape (epochs, M, d). Unit: loss / parameter.
    """
    epochs, m, d = points.shape
    rank = problem.factors.shape[1]
    out = np.empty((epochs, m, d))
    start = 0
    for k, size in enumerate(batch_sizes):
        stride = max(1, _CHUNK // (size * rank * d))
        for first in range(0, epochs, stride):
            rows = slice(first, first + stride)
            batch, at = indices[rows, start : start + size], points[rows, k]
            f = problem.factors[batch].reshape(len(batch), -1, d)
            inner = (f @ at[:, :, None])[:, :, 0] * problem.signs[batch].reshape(len(batch), -1)
            slope = (inner[:, None] @ f)[:, 0] / size + problem.gradients[batch].mean(axis=1)
            out[rows, k] = slope - problem.curvatures * at
        start += size
    return out


def average_blocks(
    problem: SampleQuadratics, weights: FloatArray, indices: npt.NDArray[np.int32],
    batch_sizes: Sequence[int], *, burn_in: int, block: int, gap: int, lags: Sequence[int] = (),
    frozen: bool = False,
) -> Blocks:
    r"""Cut a run into blocks of epochs, ``gap`` epochs of it left out before each.

    Parameters
    ----------
    weights
        After every step, in the user's coordinates. Shape (epochs * M, d).
    indices, batch_sizes
        What the steps used: shape (epochs, used), and the sizes of the M batches.
    burn_in, block, gap
        Epochs. Blocks are independent as far as ``gap`` epochs forget, see
        :func:`validation.simulate.start_bias`.
    lags
        Of the noise, below ``gap`` epochs. The noise is taken at the weights before each step, where
        PyTorch takes the gradient.
    frozen
        Take the noise at the minimum instead.

    Raises
    ------
    TheoryError
        If shapes do not match, a number is out of range, or the run is shorter than two blocks.
    """
    m, d = len(batch_sizes), problem.dimension
    epochs = indices.shape[0]
    if weights.shape != (epochs * m, d):
        raise TheoryError(
            f"{epochs} epochs of {m} steps need weights of shape {(epochs * m, d)}; got {weights.shape}"
        )
    if burn_in < 0 or block < 1 or gap < 1 or any(not 0 <= h < gap * m for h in lags):
        raise TheoryError(
            f"need burn_in >= 0, block >= 1, gap >= 1 and lags in 0..{gap * m - 1}; got {burn_in}, {block}, "
            f"{gap} and {tuple(lags)}"
        )
    count = (epochs - burn_in) // (gap + block)
    if count < 2:
        raise TheoryError(
            f"{epochs} epochs hold {count} blocks of {gap} + {block} epochs after {burn_in} of burn-in: "
            "train longer"
        )
    delta = ((weights - problem.minimum) @ problem.directions).reshape(epochs, m, d)
    before = np.concatenate([np.zeros((1, d)), delta.reshape(-1, d)[:-1]]).reshape(epochs, m, d)
    points = np.zeros_like(before) if frozen else before
    squares, means = np.empty((count, d)), np.empty((count, d))
    noise, changes = np.empty((count, len(lags), d)), np.empty((count, len(lags), d))
    for b in range(count):
        first = burn_in + b * (gap + block)
        inside = slice(first + gap, first + gap + block)
        squares[b], means[b] = (delta[inside] ** 2).mean(axis=(0, 1)), delta[inside].mean(axis=(0, 1))
        if lags:
            whole = slice(first, inside.stop)
            xi = batch_noise(problem, indices[whole], batch_sizes, points[whole]).reshape(-1, d)
            now, start = xi[gap * m :], gap * m
            for t, h in enumerate(lags):
                then = xi[start - h : len(xi) - h]
                noise[b, t] = (now * then).mean(axis=0)
                changes[b, t] = (now**2 if h == 0 else (now - then) ** 2 / 2).mean(axis=0)
    return Blocks(weights=squares, means=means, lags=tuple(lags), noise=noise, noise_changes=changes)

"""Compiled loops over an epoch: blocks of columns along permutations, and one sample's own response.

Every permutation has its own generator, arrays and sums, and no operation is reordered, so results
are the same bits for any number of threads and any division into chunks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.epoch_map.kernel import (
    batch_means,
    evaluate,
    fluctuation,
    hessian_times,
    record,
    record_orders,
    update,
)
from validation.kernel import draw, seed_generators
from validation.kernel_gradients import compiled

import numba  # isort: skip

__all__ = ["draw_permutations", "follow_orders", "follow_permutations", "follow_samples"]


@compiled(parallel=True)
def _draw_all(passes: Any, generators: Any, orders: Any, indices: Any) -> None:
    for p in numba.prange(indices.shape[0]):
        draw(orders[p], passes, generators[p], indices[p])


def draw_permutations(samples: int, used: int, seed: int, first: int, count: int) -> Any:
    """The first ``used`` entries of permutations ``first``, ...; each a function of (seed, number)."""
    generators = np.empty((count, 4), dtype=np.uint64)
    seed_generators(np.uint64(seed), first, generators)
    orders = np.tile(np.arange(samples, dtype=np.int32), (count, 1))
    indices = np.empty((count, used), dtype=np.int32)
    _draw_all(np.array([used]), generators, orders, indices)
    return indices


def _following(split: bool) -> Any:
    """The loop over permutations; a constant, ``split`` costs nothing where it is false."""

    @compiled(fastmath={"contract"}, parallel=True)
    def follow(factors: Any, signs: Any, gradients: Any, keep: Any, inject: Any, at: Any,
               sizes: Any, indices: Any, starts: Any, thin: bool, curvatures: Any, points: Any,
               weights: Any, ends: Any, squares: Any, means: Any, matrices: Any,
               positions: Any, paths: Any) -> None:
        """Take one epoch of steps from ``starts`` for every row of ``indices``.

        The last column is the affine one: it alone gets the batch gradient at the minimum. ``ends``,
        ``squares`` and ``means`` hold the whole along their second axis, or three: the whole, and its parts
        of first and second order in the fluctuations about the path without them. Of that, ``points`` and
        ``weights``, shape (M, d, columns), say where the gradient is taken, and the weights after each step.
        The last axes of ``matrices`` (weights, velocity, weights with velocity), ``positions`` and, of
        the whole alone, ``paths`` are recorded where the second axis has room.
        """
        d, rank = factors.shape[2], factors.shape[1]
        n, width = starts.shape[1], starts.shape[3]
        largest = sizes.max() * rank if thin else 0
        for p in numba.prange(indices.shape[0]):
            state = starts[p % starts.shape[0]].copy()
            one, two = np.zeros((split * n, d, width)), np.zeros((split * n, d, width))
            new, point, grad = np.empty((n, d, width)), np.empty((d, width)), np.empty((d, width))
            before, gradient, own = np.empty((d, width)), np.empty(d), np.empty((d, width))
            rows, inner = np.zeros((2, largest, d)), np.empty((largest, width))
            hessian = np.empty((0 if thin else d, d))
            first = 0
            for k in range(sizes.size):
                batch = indices[p, first : first + sizes[k]]
                first += sizes[k]
                used = batch.size * rank if thin else 0
                batch_means(factors, signs, gradients, batch, rows, hessian, gradient)
                if split:  # the quadratic part first, from the linear one before this step
                    evaluate(at, one, point)
                    evaluate(at, two, own)
                    hessian_times(hessian, rows[:, :used], inner[:used], point, grad)
                    fluctuation(grad, curvatures, point, own)
                    update(keep, inject, two, grad, new)
                    hessian_times(hessian, rows[:, :used], inner[:used], points[k], grad)
                    fluctuation(grad, curvatures, points[k], point)
                    for i in range(d):
                        grad[i, width - 1] += gradient[i]
                    update(keep, inject, one, grad, new)
                evaluate(at, state, point)
                hessian_times(hessian, rows[:, :used], inner[:used], point, grad)
                for i in range(d):
                    grad[i, width - 1] += gradient[i]
                before[:] = state[0]
                update(keep, inject, state, grad, new)
                record(state, before, k, squares[p, 0], means[p, 0], matrices[p], positions[p])
                if split:
                    record_orders(weights[k], one[0], two[0], squares[p], means[p])
                elif paths.shape[1]:
                    paths[p, k] = state[0]
            ends[p, 0] = state
            if split:
                ends[p, 1] = one
                ends[p, 2] = two

    return follow


follow_permutations, follow_orders = _following(False), _following(True)


@compiled(fastmath={"contract"}, parallel=True)
def follow_samples(factors: Any, signs: Any, gradients: Any, keep: Any, inject: Any, at: Any,
                   curvatures: Any, points: Any, squares: Any) -> None:
    """First-order response to one sample's fluctuation at every step; squares over columns.

    ``squares``, shape (N, M, d), of the weights after each step.
    """
    d, rank = factors.shape[2], factors.shape[1]
    n, width = inject.size, points.shape[2]
    for s in numba.prange(factors.shape[0]):
        state, new = np.zeros((n, d, width)), np.empty((n, d, width))
        point, grad, inner = np.empty((d, width)), np.empty((d, width)), np.empty(width)
        for k in range(points.shape[0]):
            evaluate(at, state, point)
            grad[:] = 0.0
            for q in range(rank):
                inner[:] = 0.0
                for i in range(d):
                    f = factors[s, q, i]
                    for c in range(width):
                        inner[c] += f * points[k, i, c]
                for i in range(d):
                    f = signs[s, q] * factors[s, q, i]
                    for c in range(width):
                        grad[i, c] += f * inner[c]
            fluctuation(grad, curvatures, points[k], point)
            for i in range(d):
                grad[i, width - 1] += gradients[s, i]
            update(keep, inject, state, grad, new)
            for i in range(d):
                total = 0.0
                for c in range(width):
                    total += state[0, i, c] * state[0, i, c]
                squares[s, k, i] = total

"""Compiled inner loop of the epoch map: a block of columns through one epoch, per permutation.

Every permutation has its own generator, arrays and sums, and no operation is reordered, so results
are the same bits for any number of threads and any division into chunks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.kernel import draw, seed_generators  # names the extra where numba is missing
from validation.kernel_gradients import compiled

import numba  # isort: skip

__all__ = [
    "batch_means", "draw_permutations", "evaluate", "hessian_times", "propagate", "record", "update",
]


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


@compiled(fastmath={"contract"})
def _add_product(matrix: Any, block: Any, out: Any) -> None:
    """out += matrix @ block, four rows of the block at a time."""
    rows, inner, width = matrix.shape[0], matrix.shape[1], block.shape[1]
    whole = inner - inner % 4
    for j in range(0, whole, 4):
        for i in range(rows):
            h0, h1, h2, h3 = matrix[i, j], matrix[i, j + 1], matrix[i, j + 2], matrix[i, j + 3]
            for c in range(width):
                out[i, c] += (h0 * block[j, c] + h1 * block[j + 1, c]) + (
                    h2 * block[j + 2, c] + h3 * block[j + 3, c]
                )
    for j in range(whole, inner):
        for i in range(rows):
            h0 = matrix[i, j]
            for c in range(width):
                out[i, c] += h0 * block[j, c]


@compiled(fastmath={"contract"})
def batch_means(factors: Any, signs: Any, gradients: Any, batch: Any, rows: Any, hessian: Any,
           gradient: Any) -> None:
    """Batch means: the gradient, and the Hessian as a matrix, or as scaled rows if it is thin."""
    d, rank = factors.shape[2], factors.shape[1]
    share = 1.0 / batch.size
    gradient[:] = 0.0
    hessian[:] = 0.0
    used = 0
    for n in batch:
        for i in range(d):
            gradient[i] += share * gradients[n, i]
        for q in range(rank):
            weight = share * signs[n, q]
            if hessian.shape[0] == 0:
                for i in range(d):
                    rows[0, used, i] = factors[n, q, i]
                    rows[1, used, i] = weight * factors[n, q, i]
                used += 1
            else:
                for i in range(d):
                    f = weight * factors[n, q, i]
                    for j in range(d):
                        hessian[i, j] += f * factors[n, q, j]


@compiled(fastmath={"contract"})
def hessian_times(hessian: Any, rows: Any, inner: Any, block: Any, out: Any) -> None:
    """out = H_B @ block."""
    out[:] = 0.0
    if hessian.shape[0]:
        _add_product(hessian, block, out)
        return
    inner[:] = 0.0
    _add_product(rows[0], block, inner)
    for q in range(rows.shape[1]):
        for i in range(out.shape[0]):
            f = rows[1, q, i]
            for c in range(out.shape[1]):
                out[i, c] += f * inner[q, c]


@compiled(fastmath={"contract"})
def evaluate(at: Any, state: Any, point: Any) -> None:
    """point = a . state."""
    for i in range(point.shape[0]):
        for c in range(point.shape[1]):
            point[i, c] = at[0] * state[0, i, c]
        for m in range(1, at.size):
            for c in range(point.shape[1]):
                point[i, c] += at[m] * state[m, i, c]


@compiled(fastmath={"contract"})
def update(keep: Any, inject: Any, state: Any, grad: Any, new: Any) -> None:
    """state = K state + b grad."""
    for m in range(inject.size):
        for i in range(grad.shape[0]):
            for c in range(grad.shape[1]):
                new[m, i, c] = inject[m] * grad[i, c]
            for q in range(inject.size):
                for c in range(grad.shape[1]):
                    new[m, i, c] += keep[m, q] * state[q, i, c]
    state[:] = new


@compiled(fastmath={"contract"})
def record(state: Any, before: Any, k: Any, squares: Any, means: Any, matrices: Any,
            positions: Any) -> None:
    """Add one position's second moments; the last column is the mean."""
    d, width = before.shape
    for i in range(d):
        total = 0.0
        for c in range(width):
            total += state[0, i, c] * state[0, i, c]
        squares[i] += total
        means[i] += state[0, i, width - 1]
        if positions.shape[0]:
            positions[k, i] += total
    if matrices.shape[0]:
        weights, velocity = np.ascontiguousarray(state[0].T), state[0] - before
        _add_product(state[0], weights, matrices[0])
        turned = np.ascontiguousarray(velocity.T)
        _add_product(velocity, turned, matrices[1])
        _add_product(state[0], turned, matrices[2])


@compiled(fastmath={"contract"}, parallel=True)
def propagate(factors: Any, signs: Any, gradients: Any, keep: Any, inject: Any, at: Any, sizes: Any,
              indices: Any, starts: Any, thin: bool, ends: Any, squares: Any, means: Any,
              matrices: Any, positions: Any, paths: Any) -> None:
    """Take one epoch of steps from ``starts`` for every row of ``indices``.

    The last column is the affine one: it alone gets the batch gradient at the minimum.
    The last axes of ``matrices`` (weights, velocity, weights with velocity), ``positions`` and
    ``paths`` are recorded where the second axis has room.
    """
    d, rank = factors.shape[2], factors.shape[1]
    n, width = starts.shape[1], starts.shape[3]
    largest = sizes.max() * rank if thin else 0
    for p in numba.prange(indices.shape[0]):
        state = starts[p % starts.shape[0]].copy()
        new, point, grad = np.empty((n, d, width)), np.empty((d, width)), np.empty((d, width))
        before, gradient = np.empty((d, width)), np.empty(d)
        rows, inner = np.zeros((2, largest, d)), np.empty((largest, width))
        hessian = np.empty((0 if thin else d, d))
        first = 0
        for k in range(sizes.size):
            batch = indices[p, first : first + sizes[k]]
            first += sizes[k]
            used = batch.size * rank if thin else 0
            batch_means(factors, signs, gradients, batch, rows, hessian, gradient)
            evaluate(at, state, point)
            hessian_times(hessian, rows[:, :used], inner[:used], point, grad)
            for i in range(d):
                grad[i, width - 1] += gradient[i]
            before[:] = state[0]
            update(keep, inject, state, grad, new)
            record(state, before, k, squares[p], means[p], matrices[p], positions[p])
            if paths.shape[1]:
                paths[p, k] = state[0]
        ends[p] = state

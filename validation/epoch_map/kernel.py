"""Compiled parts of one step: batch means, products with a batch Hessian, updates, what is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.kernel_gradients import compiled  # names the extra where numba is missing

__all__ = [
    "batch_means", "evaluate", "fluctuation", "hessian_times", "record", "record_orders", "update",
]


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


@compiled(fastmath={"contract"})
def fluctuation(grad: Any, curvatures: Any, source: Any, point: Any) -> None:
    """grad = (H_B - H) source + H point, from grad = H_B source."""
    for i in range(grad.shape[0]):
        for c in range(grad.shape[1]):
            grad[i, c] += curvatures[i] * (point[i, c] - source[i, c])


@compiled(fastmath={"contract"})
def record_orders(zero: Any, one: Any, two: Any, squares: Any, means: Any) -> None:
    """Add the parts of first and second order in the fluctuations of one position."""
    d, width = zero.shape
    for i in range(d):
        first = second = 0.0
        for c in range(width):
            first += 2 * zero[i, c] * one[i, c]
            second += one[i, c] * one[i, c] + 2 * zero[i, c] * two[i, c]
        squares[1, i] += first
        squares[2, i] += second
        means[1, i] += one[i, width - 1]
        means[2, i] += two[i, width - 1]

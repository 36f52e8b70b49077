"""Compiled inner loops of the control variate: an epoch order by order in the fluctuations."""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.epoch_map.kernel import batch_means, evaluate, hessian_times, record, update
from validation.kernel_gradients import compiled

import numba  # isort: skip

__all__ = ["follow_samples", "propagate_orders"]


@compiled(fastmath={"contract"})
def _fluctuation(grad: Any, curvatures: Any, source: Any, point: Any) -> None:
    """grad = (H_B - H) source + H point, from grad = H_B source."""
    for i in range(grad.shape[0]):
        for c in range(grad.shape[1]):
            grad[i, c] += curvatures[i] * (point[i, c] - source[i, c])


@compiled(fastmath={"contract"})
def _record_orders(zero: Any, one: Any, two: Any, squares: Any, means: Any) -> None:
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


@compiled(fastmath={"contract"}, parallel=True)
def propagate_orders(factors: Any, signs: Any, gradients: Any, keep: Any, inject: Any, at: Any,
                     sizes: Any, indices: Any, start: Any, thin: bool, curvatures: Any, points: Any,
                     weights: Any, ends: Any, squares: Any, means: Any, matrices: Any,
                     positions: Any) -> None:
    """As ``propagate``, with the parts linear and quadratic in the fluctuations beside the whole.

    ``points`` and ``weights``, shape (M, d, columns), are the path without fluctuations: where the
    gradient is taken before, and the weights after each step. ``ends``, ``squares`` and ``means`` hold
    three along their second axis: the whole, first order, second order.
    """
    d, rank = factors.shape[2], factors.shape[1]
    n, width = start.shape[0], start.shape[2]
    largest = sizes.max() * rank if thin else 0
    for p in numba.prange(indices.shape[0]):
        whole, one, two = start.copy(), np.zeros((n, d, width)), np.zeros((n, d, width))
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
            evaluate(at, one, point)
            evaluate(at, two, own)
            hessian_times(hessian, rows[:, :used], inner[:used], point, grad)
            _fluctuation(grad, curvatures, point, own)
            update(keep, inject, two, grad, new)
            hessian_times(hessian, rows[:, :used], inner[:used], points[k], grad)
            _fluctuation(grad, curvatures, points[k], point)
            for i in range(d):
                grad[i, width - 1] += gradient[i]
            update(keep, inject, one, grad, new)
            evaluate(at, whole, point)
            hessian_times(hessian, rows[:, :used], inner[:used], point, grad)
            for i in range(d):
                grad[i, width - 1] += gradient[i]
            before[:] = whole[0]
            update(keep, inject, whole, grad, new)
            record(whole, before, k, squares[p, 0], means[p, 0], matrices[p], positions[p])
            _record_orders(weights[k], one[0], two[0], squares[p], means[p])
        ends[p, 0] = whole
        ends[p, 1] = one
        ends[p, 2] = two


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
            _fluctuation(grad, curvatures, points[k], point)
            for i in range(d):
                grad[i, width - 1] += gradients[s, i]
            update(keep, inject, state, grad, new)
            for i in range(d):
                total = 0.0
                for c in range(width):
                    total += state[0, i, c] * state[0, i, c]
                squares[s, k, i] = total

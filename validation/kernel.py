"""Compiled inner loops: draw real indices, take the steps, sum squares; one replica per task.

A replica owns its generator (xoshiro256++ seeded from ``(seed, replica)`` alone) and its sums, and
no operation is reordered (no ``fastmath``), so results are the same bits for any number of threads
and any division into chunks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.kernel_gradients import (
    ADDITIVE,
    LEAST_SQUARES,
    compiled,
    sum_frozen,
    sum_least_squares,
    sum_quadratic,
)

import numba  # isort: skip; after the module that says what to do without it

__all__ = ["LANES", "advance_chunked", "draw", "multiply_adds", "seed_generators"]

LANES = 4  # arrays over directions are padded with zeros to a multiple of this

_U = np.uint64
_GOLDEN, _MIX_1, _MIX_2 = _U(0x9E3779B97F4A7C15), _U(0xBF58476D1CE4E5B9), _U(0x94D049BB133111EB)
_LOW, _TWO_32 = _U(0xFFFFFFFF), _U(1 << 32)


@compiled()
def _splitmix(z: Any) -> Any:
    z = (z ^ (z >> _U(30))) * _MIX_1
    z = (z ^ (z >> _U(27))) * _MIX_2
    return z ^ (z >> _U(31))


@compiled()
def seed_generators(seed: Any, first: int, generators: Any) -> None:
    """Fill ``generators``, shape (replicas, 4), for replicas ``first``, ``first + 1``, ..."""
    for r in range(generators.shape[0]):
        z = _splitmix(_splitmix(seed + _GOLDEN) + _U(first + r + 1) * _GOLDEN)
        for i in range(4):
            z += _GOLDEN
            generators[r, i] = _splitmix(z)


@compiled()
def draw(order: Any, passes: Any, generator: Any, out: Any) -> None:
    """Draw the indices of one epoch by partial Fisher-Yates shuffles.

    ``passes`` holds the lengths of the passes without replacement that make up the epoch. A shuffle
    of any arrangement is uniform, so ``order`` (a permutation of all samples) is never reset. Bounded
    integers are unbiased: D. Lemire, ACM TOMACS 29, 3 (2019), with 32-bit words.
    """
    s0, s1, s2, s3 = generator[0], generator[1], generator[2], generator[3]
    start = 0
    for length in passes:
        for i in range(length):
            bound = _U(order.size - i)
            while True:
                word = s0 + s3
                word = ((word << _U(23)) | (word >> _U(41))) + s0
                t = s1 << _U(17)
                s2 ^= s0
                s3 ^= s1
                s1 ^= s2
                s0 ^= s3
                s2 ^= t
                s3 = (s3 << _U(45)) | (s3 >> _U(19))
                product = (word >> _U(32)) * bound
                low = product & _LOW
                if low >= bound or low >= (_TWO_32 - bound) % bound:
                    break
            j = i + np.int64(product >> _U(32))
            chosen = order[j]
            order[j] = order[i]
            order[i] = chosen
            out[start + i] = chosen
        start += length
    generator[0], generator[1], generator[2], generator[3] = s0, s1, s2, s3


@compiled()
def _accumulate(path: Any, history: int, lags: Any, sums: Any, covariance: Any, position: Any,
                lagged: Any) -> None:
    """Add one epoch, rows ``history`` ... of ``path``, to the sums of a replica."""
    width = path.shape[1]
    for i in range(0, width, 4):  # a register of directions: their sums stay in registers over the epoch
        a0, a1, a2, a3 = sums[0, i], sums[0, i + 1], sums[0, i + 2], sums[0, i + 3]
        b0, b1, b2, b3 = sums[1, i], sums[1, i + 1], sums[1, i + 2], sums[1, i + 3]
        c0, c1, c2, c3 = sums[2, i], sums[2, i + 1], sums[2, i + 2], sums[2, i + 3]
        d0, d1, d2, d3 = sums[3, i], sums[3, i + 1], sums[3, i + 2], sums[3, i + 3]
        k = history - 1
        p0, p1, p2, p3 = path[k, i], path[k, i + 1], path[k, i + 2], path[k, i + 3]
        for k in range(history, path.shape[0]):
            x0, x1, x2, x3 = path[k, i], path[k, i + 1], path[k, i + 2], path[k, i + 3]
            v0, v1, v2, v3 = x0 - p0, x1 - p1, x2 - p2, x3 - p3
            a0, a1, a2, a3 = a0 + x0 * x0, a1 + x1 * x1, a2 + x2 * x2, a3 + x3 * x3
            b0, b1, b2, b3 = b0 + v0 * v0, b1 + v1 * v1, b2 + v2 * v2, b3 + v3 * v3
            c0, c1, c2, c3 = c0 + x0 * v0, c1 + x1 * v1, c2 + x2 * v2, c3 + x3 * v3
            d0, d1, d2, d3 = d0 + x0, d1 + x1, d2 + x2, d3 + x3
            p0, p1, p2, p3 = x0, x1, x2, x3
        sums[0, i], sums[0, i + 1], sums[0, i + 2], sums[0, i + 3] = a0, a1, a2, a3
        sums[1, i], sums[1, i + 1], sums[1, i + 2], sums[1, i + 3] = b0, b1, b2, b3
        sums[2, i], sums[2, i + 1], sums[2, i + 2], sums[2, i + 3] = c0, c1, c2, c3
        sums[3, i], sums[3, i + 1], sums[3, i + 2], sums[3, i + 3] = d0, d1, d2, d3
    if covariance.size:  # upper triangle, in register blocks of 2 x 4
        for i in range(0, width, 2):
            for j in range(i - i % 4, width, 4):
                a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = 0.0
                for k in range(history, path.shape[0]):
                    a, b = path[k, i], path[k, i + 1]
                    x0, x1, x2, x3 = path[k, j], path[k, j + 1], path[k, j + 2], path[k, j + 3]
                    a0, a1, a2, a3 = a0 + a * x0, a1 + a * x1, a2 + a * x2, a3 + a * x3
                    b0, b1, b2, b3 = b0 + b * x0, b1 + b * x1, b2 + b * x2, b3 + b * x3
                for row, s0, s1, s2, s3 in ((i, a0, a1, a2, a3), (i + 1, b0, b1, b2, b3)):
                    covariance[row, j] += s0
                    covariance[row, j + 1] += s1
                    covariance[row, j + 2] += s2
                    covariance[row, j + 3] += s3
    if position.size:
        for k in range(position.shape[0]):
            for i in range(width):
                position[k, i] += path[history + k, i] * path[history + k, i]
    for t in range(lags.size):
        for k in range(history, path.shape[0]):
            for i in range(width):
                lagged[t, i] += path[k, i] * path[k - lags[t], i]


@compiled(parallel=True)
def advance(form: int, x: Any, e: Any, signs: Any, own: Any, shift: Any, curvatures: Any, keep: Any,
            inject: Any, evaluate_at: Any, sizes: Any, passes: Any, redraw: bool, given: Any,
            first_epoch: int, epochs: int, burn_in: int, lags: Any, generators: Any, orders: Any,
            indices: Any, states: Any, paths: Any, sums: Any, covariances: Any, positions: Any,
            lagged: Any, trace: Any) -> None:
    """Run all replicas from epoch ``first_epoch`` for ``epochs`` epochs; sum after ``burn_in``.

    Per step ``s <- K s + b g(a . s)`` in every direction, with the batch mean of ``x_n`` (additive:
    plus curvature times the point), of ``x_n (x_n . point + e_n)`` or of ``H_n point + g_n``, plus
    ``shift``. ``trace``, shape (replicas, steps, width) or empty, receives the weights after every step.

    One body for all: a compiled function of a dozen arrays counts their references at every call.
    """
    states_n, width = states.shape[1], states.shape[2]
    history = paths.shape[1] - sizes.size
    last = states_n - 1
    b0, k00, k01 = inject[0], keep[0, 0], keep[0, last]
    b1, k10, k11 = inject[last], keep[last, 0], keep[last, last]
    for r in numba.prange(states.shape[0]):
        state, path, index = states[r], paths[r], indices[r]
        point, grad, new = np.empty(width), np.empty(width), np.empty((states_n, width))
        for epoch in range(first_epoch, first_epoch + epochs):
            if given.size:
                index[:] = given[r, epoch - first_epoch]
            elif redraw or epoch == 0:
                draw(orders[r], passes, generators[r], index)
            for k in range(history):
                for i in range(width):
                    path[k, i] = path[k + sizes.size, i]
            start = 0
            for k in range(sizes.size):
                batch = index[start : start + sizes[k]]
                start += sizes[k]
                for i in range(width):
                    point[i] = evaluate_at[0] * state[0, i]
                for m in range(1, states_n):
                    for i in range(width):
                        point[i] += evaluate_at[m] * state[m, i]
                scale = 1.0 / sizes[k]
                if form == ADDITIVE:
                    sum_frozen(x, batch, grad)
                    for i in range(width):
                        grad[i] = curvatures[i] * point[i] + scale * grad[i]
                else:
                    if form == LEAST_SQUARES:
                        sum_least_squares(x, e, batch, point, grad)
                    else:
                        sum_quadratic(x, signs, own, batch, point, grad)
                    for i in range(width):
                        grad[i] = scale * grad[i] + shift[i]
                if states_n == 2:  # the common case in one pass
                    for i in range(width):
                        g, s0, s1 = grad[i], state[0, i], state[1, i]
                        state[0, i] = (b0 * g + k00 * s0) + k01 * s1
                        state[1, i] = (b1 * g + k10 * s0) + k11 * s1
                else:
                    for m in range(states_n):
                        for i in range(width):
                            new[m, i] = inject[m] * grad[i]
                        for q in range(states_n):
                            for i in range(width):
                                new[m, i] += keep[m, q] * state[q, i]
                    for m in range(states_n):
                        for i in range(width):
                            state[m, i] = new[m, i]
                for i in range(width):
                    path[history + k, i] = state[0, i]
            if trace.size:
                for k in range(sizes.size):
                    trace[r, (epoch - first_epoch) * sizes.size + k] = path[history + k]
            if epoch >= burn_in:
                _accumulate(path, history, lags, sums[r], covariances[r], positions[r], lagged[r])


def advance_chunked(*arguments: Any) -> None:
    """:func:`advance` in small tasks, so that a core busy with other work does not delay all."""
    with numba.parallel_chunksize(4):
        advance(*arguments)


@compiled(fastmath={"contract"}, parallel=True)
def multiply_adds(threads: int, rounds: int) -> Any:
    """Do nothing but multiply-adds, 16 in a register for each load and store; returns how many."""
    sink = np.zeros((threads, 64))
    for thread in numba.prange(threads):
        values = sink[thread]
        for _ in range(rounds):
            for lane in range(64):
                value = values[lane]
                for _again in range(16):
                    value = value * 0.999 + 1.0
                values[lane] = value
    return threads * rounds * 64 * 16

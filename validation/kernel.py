"""Compiled inner loops: draw real indices, take the steps, sum squares; one replica per task.

A replica owns its generator (xoshiro256++ seeded from ``(seed, replica)`` alone) and its sums, and
no operation is reordered (no ``fastmath``), so results are the same bits for any number of threads
and any division into chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from theory.errors import MissingPackageError

try:
    import numba
except ImportError as missing:
    raise MissingPackageError(
        "the simulations need numba, which is not installed: pip install 'sgd-theory[report]'"
    ) from missing

__all__ = ["LANES", "advance_chunked", "draw", "multiply_adds", "seed_generators"]

F = TypeVar("F", bound=Callable[..., Any])
LANES = 4  # arrays over directions are padded with zeros to a multiple of this

_U = np.uint64
_GOLDEN, _MIX_1, _MIX_2 = _U(0x9E3779B97F4A7C15), _U(0xBF58476D1CE4E5B9), _U(0x94D049BB133111EB)
_LOW, _TWO_32 = _U(0xFFFFFFFF), _U(1 << 32)


def _compiled(**options: Any) -> Callable[[F], F]:
    """``numba.njit`` with a type."""
    decorate: Callable[[F], F] = numba.njit(cache=True, error_model="numpy", **options)
    return decorate


@_compiled()
def _splitmix(z: Any) -> Any:
    z = (z ^ (z >> _U(30))) * _MIX_1
    z = (z ^ (z >> _U(27))) * _MIX_2
    return z ^ (z >> _U(31))


@_compiled()
def seed_generators(seed: Any, first: int, generators: Any) -> None:
    """Fill ``generators``, shape (replicas, 4), for replicas ``first``, ``first + 1``, ..."""
    for r in range(generators.shape[0]):
        z = _splitmix(_splitmix(seed + _GOLDEN) + _U(first + r + 1) * _GOLDEN)
        for i in range(4):
            z += _GOLDEN
            generators[r, i] = _splitmix(z)


@_compiled()
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


@_compiled()
def _batch_gradient(x: Any, e: Any, batch: Any, point: Any, grad: Any) -> None:
    """Sum over the batch of x_n (x_n . point + e_n), four samples at a time."""
    width, size = point.size, batch.size
    grad[:] = 0.0
    whole = size - size % 4
    for b in range(0, whole, 4):
        n0, n1, n2, n3 = batch[b], batch[b + 1], batch[b + 2], batch[b + 3]
        r0, r1, r2, r3 = e[n0], e[n1], e[n2], e[n3]
        for i in range(width):
            p = point[i]
            r0 += x[n0, i] * p
            r1 += x[n1, i] * p
            r2 += x[n2, i] * p
            r3 += x[n3, i] * p
        for i in range(width):
            grad[i] += (r0 * x[n0, i] + r1 * x[n1, i]) + (r2 * x[n2, i] + r3 * x[n3, i])
    for b in range(whole, size):
        n0 = batch[b]
        r0 = e[n0]
        for i in range(width):
            r0 += x[n0, i] * point[i]
        for i in range(width):
            grad[i] += r0 * x[n0, i]


@_compiled()
def _batch_noise(g: Any, batch: Any, grad: Any) -> None:
    """Sum over the batch of g_n."""
    grad[:] = 0.0
    for b in range(batch.size):
        n = batch[b]
        for i in range(grad.size):
            grad[i] += g[n, i]


@_compiled()
def _accumulate(path: Any, history: int, lags: Any, sums: Any, covariance: Any, position: Any,
                lagged: Any) -> None:
    """Add one epoch, rows ``history`` ... of ``path``, to the sums of a replica."""
    width = path.shape[1]
    for k in range(history, path.shape[0]):
        for i in range(width):
            v = path[k, i] - path[k - 1, i]
            sums[0, i] += path[k, i] * path[k, i]
            sums[1, i] += v * v
            sums[2, i] += path[k, i] * v
            sums[3, i] += path[k, i]
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


@_compiled(parallel=True)
def advance(x: Any, e: Any, shift: Any, additive: bool, curvatures: Any, keep: Any, inject: Any,
            evaluate_at: Any, sizes: Any, passes: Any, redraw: bool, given: Any, first_epoch: int,
            epochs: int, burn_in: int, lags: Any, generators: Any, orders: Any, indices: Any,
            states: Any, paths: Any, sums: Any, covariances: Any, positions: Any, lagged: Any) -> None:
    """Run all replicas from epoch ``first_epoch`` for ``epochs`` epochs; sum after ``burn_in``.

    Per step ``s <- K s + b g(a . s)`` in every direction, with the batch mean of ``x_n`` (additive:
    plus curvature times the point) or of ``x_n (x_n . point + e_n)``, plus ``shift``.
    """
    states_n, width = states.shape[1], states.shape[2]
    history = paths.shape[1] - sizes.size
    for r in numba.prange(states.shape[0]):
        state, path, index = states[r], paths[r], indices[r]
        point, grad, new = np.empty(width), np.empty(width), np.empty((states_n, width))
        for epoch in range(first_epoch, first_epoch + epochs):
            if given.size:
                index[:] = given[r, epoch - first_epoch]
            elif redraw or epoch == 0:
                draw(orders[r], passes, generators[r], index)
            for k in range(history):
                path[k] = path[k + sizes.size]
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
                if additive:
                    _batch_noise(x, batch, grad)
                    for i in range(width):
                        grad[i] = curvatures[i] * point[i] + scale * grad[i]
                else:
                    _batch_gradient(x, e, batch, point, grad)
                    for i in range(width):
                        grad[i] = scale * grad[i] + shift[i]
                for m in range(states_n):
                    for i in range(width):
                        new[m, i] = inject[m] * grad[i]
                    for q in range(states_n):
                        for i in range(width):
                            new[m, i] += keep[m, q] * state[q, i]
                state[:] = new
                path[history + k] = new[0]
            if epoch >= burn_in:
                _accumulate(path, history, lags, sums[r], covariances[r], positions[r], lagged[r])


def advance_chunked(*arguments: Any) -> None:
    """:func:`advance` in small tasks, so that a core busy with other work does not delay all."""
    with numba.parallel_chunksize(4):
        advance(*arguments)


@_compiled(fastmath={"contract"}, parallel=True)
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

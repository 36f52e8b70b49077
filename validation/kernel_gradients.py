"""Compiled sums over a batch: least squares, frozen at the minimum, any quadratic losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from theory.errors import MissingPackageError

try:
    import numba
except ImportError as missing:
    raise MissingPackageError(
        "the simulations need numba, which is not installed: pip install 'sgd-theory[report]'"
    ) from missing

__all__ = [
    "ADDITIVE", "LEAST_SQUARES", "QUADRATIC", "compiled", "sum_frozen", "sum_least_squares",
    "sum_quadratic",
]

F = TypeVar("F", bound=Callable[..., Any])
#: what a batch sums: x_n (x_n . point + e_n), the frozen g_n, or H_n point + g_n
LEAST_SQUARES, ADDITIVE, QUADRATIC = 0, 1, 2


def compiled(**options: Any) -> Callable[[F], F]:
    """``numba.njit`` with a type."""
    decorate: Callable[[F], F] = numba.njit(cache=True, error_model="numpy", **options)
    return decorate


@compiled()
def sum_least_squares(x: Any, e: Any, batch: Any, point: Any, grad: Any) -> None:
    """Sum over the batch of x_n (x_n . point + e_n).

    Each residual is a chain of dependent additions, so eight samples are in flight at a time; they
    are added to the gradient four by four, whatever the number in flight.
    """
    width, size = point.size, batch.size
    grad[:] = 0.0
    eights, fours = size - size % 8, size - size % 4
    for b in range(0, eights, 8):
        n0, n1, n2, n3 = batch[b], batch[b + 1], batch[b + 2], batch[b + 3]
        n4, n5, n6, n7 = batch[b + 4], batch[b + 5], batch[b + 6], batch[b + 7]
        r0, r1, r2, r3 = e[n0], e[n1], e[n2], e[n3]
        r4, r5, r6, r7 = e[n4], e[n5], e[n6], e[n7]
        for i in range(width):
            p = point[i]
            r0 += x[n0, i] * p
            r1 += x[n1, i] * p
            r2 += x[n2, i] * p
            r3 += x[n3, i] * p
            r4 += x[n4, i] * p
            r5 += x[n5, i] * p
            r6 += x[n6, i] * p
            r7 += x[n7, i] * p
        for i in range(width):
            first = (r0 * x[n0, i] + r1 * x[n1, i]) + (r2 * x[n2, i] + r3 * x[n3, i])
            second = (r4 * x[n4, i] + r5 * x[n5, i]) + (r6 * x[n6, i] + r7 * x[n7, i])
            grad[i] = (grad[i] + first) + second
    for b in range(eights, fours, 4):
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
    for b in range(fours, size):
        n0 = batch[b]
        r0 = e[n0]
        for i in range(width):
            r0 += x[n0, i] * point[i]
        for i in range(width):
            grad[i] += r0 * x[n0, i]


@compiled()
def sum_frozen(g: Any, batch: Any, grad: Any) -> None:
    """Sum over the batch of g_n."""
    grad[:] = 0.0
    for b in range(batch.size):
        n = batch[b]
        for i in range(grad.size):
            grad[i] += g[n, i]


@compiled()
def sum_quadratic(factors: Any, signs: Any, gradients: Any, batch: Any, point: Any, grad: Any) -> None:
    """Sum over the batch of sum_q sign_nq f_nq (f_nq . point) + g_n; row N_q n + q holds f_nq."""
    rank = signs.shape[1]
    grad[:] = 0.0
    for b in range(batch.size):
        n = batch[b]
        for q in range(rank):
            if signs[n, q] != 0.0:
                row, inner = n * rank + q, 0.0
                for i in range(point.size):
                    inner += factors[row, i] * point[i]
                inner *= signs[n, q]
                for i in range(point.size):
                    grad[i] += inner * factors[row, i]
        for i in range(point.size):
            grad[i] += gradients[n, i]

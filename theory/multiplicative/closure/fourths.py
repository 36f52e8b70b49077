r"""Fourth order in the noise of the minimum: what products of two-point functions leave out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from theory.multiplicative.batch_moments import Partition, coefficients, pair_coefficients
from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics

__all__ = ["fourth_order_noise"]

Blocks = tuple[tuple[int, ...], ...]
#: numbers in a table of products of a factor and a gradient
_TABLE = 8_000_000
_NONE: tuple[tuple[int, int], ...] = ()


def _pattern(pairs: tuple[tuple[int, int], ...]) -> Partition:
    taken = {i for pair in pairs for i in pair}
    blocks = [frozenset(pair) for pair in pairs]
    return frozenset(blocks + [frozenset({i}) for i in range(4) if i not in taken])


def _weights(
    samples: int, moment: Blocks, patterns: tuple[tuple[tuple[int, int], ...], ...],
    included: Blocks | None,
) -> dict[tuple[tuple[int, int], ...], float]:
    """Coefficient per pattern of coinciding batches, less the product of two-point functions."""
    exact = coefficients(4, samples, moment)
    out = {pairs: exact[_pattern(pairs)] for pairs in patterns}
    if moment == included:
        own, shared = pair_coefficients(samples)
        for pairs in patterns:
            if all(pair in moment for pair in pairs):
                out[pairs] -= own ** len(pairs) * shared ** (2 - len(pairs))
    return {pairs: float(value) for pairs, value in out.items()}


def fourth_order_noise(
    products: SampleProducts, response: FloatArray, sizes: FloatArray
) -> FloatArray:
    r"""Effective covariance of the noise of an epoch from four factors of the minimum's noise.

    .. math:: \mathbb E\big[\Delta H_l\Psi_{l-1-j}\xi_j\,(\Delta H_m\Psi_{m-1-i}\xi_i)^\top\big]
              \quad\text{and}\quad
              \mathbb E\big[\Delta H_m\Psi_{m-1-l}\Delta H_l\Psi_{l-1-j}\xi_j\,\xi_i^\top\big] + \top,

    summed over j, i (and l), without :math:`\langle\Delta H\Delta H\rangle\langle\xi\xi\rangle` with
    products of two-point coefficients, which the closure holds. What is left: the crossed contractions
    :math:`\langle\Delta H_l\xi_i\rangle\langle\Delta H_m\xi_j\rangle`, those of mean shifts
    :math:`\langle\Delta H_l\xi_j\rangle\langle\Delta H_m\xi_i\rangle`, the fourth cumulants, and the
    excess of the exact coefficients over the products. Exact for any sizes of the batches.

    Returns
    -------
    Shape (d, d, M, M). Cost O(M² (N d² + d⁴)).
    """
    d, m = products.dimension, len(sizes)
    inverse, n = 1 / sizes, products.problem.samples
    out = np.zeros((d, d, m, m))
    # factors 0: Delta H_l, 1: xi_j, 2: Delta H_m, 3: xi_i
    two = (_NONE, ((1, 3),), ((0, 2),), ((1, 2),), ((0, 3),), ((0, 2), (1, 3)))
    for moment, pairs in _both_once(products, response):
        factors = _weights(n, moment, two, ((0, 2), (1, 3)))
        for row, part in zip(out, pairs, strict=True):  # a row of directions stays in the cache
            _add_both_once(row, part, factors, inverse)
    # factors 0: xi_i, 1: xi_j, 2: Delta H_l, 3: Delta H_m
    three = (_NONE, ((0, 1),), ((0, 2),), ((0, 3),))
    late = np.zeros_like(out)
    for moment, pairs in _one_twice(products, response):
        factors = _weights(n, moment, three, ((0, 1), (2, 3)))
        for row, part in zip(late, pairs, strict=True):
            _add_one_twice(row, part, factors, inverse)
    out += late + late.transpose(1, 0, 3, 2)
    return out


def _centred(products: SampleProducts, psi: FloatArray, vectors: FloatArray) -> FloatArray:
    r""":math:`(H_n-H)\Psi v_n`. Shape (N, d)."""
    problem = products.problem
    out: FloatArray = problem.hessian_times(vectors * psi) - vectors * (psi * problem.curvatures)
    return out


def _both_once(
    products: SampleProducts, response: FloatArray
) -> Iterator[tuple[Blocks, FloatArray]]:
    r"""Moments of :math:`A\Psi_pu\,(A'\Psi_{p'}u')^\top`. Shapes (d, d, M, M), last axes (p, p')."""
    problem = products.problem
    d, m = products.dimension, len(response)
    c = problem.gradient_covariance
    rows = np.empty((d, m, problem.samples))
    for p in range(m):
        rows[:, p] = _centred(products, response[p], problem.gradients).T
    flat = rows.reshape(d * m, -1)
    joint = (flat @ flat.T / problem.samples).reshape(d, m, d, m).transpose(0, 2, 1, 3)
    yield ((0, 1, 2, 3),), joint
    first = rows.mean(axis=2)
    yield ((0, 1), (2, 3)), np.einsum("ap,bq->abpq", first, first)
    between = response.T[:, None, :, None] * response.T[None, :, None, :] * c[:, :, None, None]
    yield ((0, 2), (1, 3)), products.covariance_by_times(between)
    q = products.cross_moment
    yield ((0, 3), (1, 2)), _responded(q, q.transpose(0, 2, 1), response)


def _responded(first: FloatArray, second: FloatArray, response: FloatArray) -> FloatArray:
    r""":math:`\sum_{ce}\Psi_p(c)\,\Psi_{p'}(e)\,x_{ace}\,y_{bce}`. Shape (d, d, M, M)."""
    out = np.empty((*first.shape[:2], *2 * response.shape[:1]))
    for row, x in zip(out, first, strict=True):
        row[:] = response @ (x * second) @ response.T
    return out


def _add_both_once(
    out: FloatArray, pairs: FloatArray, factors: dict[tuple[tuple[int, int], ...], float],
    inverse: FloatArray,
) -> None:
    """Sum over j < l and i < m; p = l - 1 - j, p' = m - 1 - i."""
    m = len(inverse)
    upto = np.triu(np.ones((m, m)))  # products with it are cumulative sums, and quicker
    rows, columns = pairs @ upto, upto.T @ pairs
    full = upto.T @ rows
    out[..., 1:, 1:] += factors[_NONE] * full[..., :-1, :-1]
    together = _along_diagonals(pairs, inverse)  # j = i
    out += factors[(1, 3),] * together
    t = np.arange(m)  # l = m
    out[..., t, t] += factors[(0, 2), (1, 3)] * inverse * together[..., t, t]
    out[..., t[1:], t[1:]] += factors[(0, 2),] * inverse[1:] * full[..., t[:-1], t[:-1]]
    for x in range(1, m - 1):
        rest = m - 1 - x
        out[..., x + 1 :, x] += factors[(1, 2),] * inverse[x] * rows[..., :rest, x - 1]  # j = m
        out[..., x, x + 1 :] += factors[(0, 3),] * inverse[x] * columns[..., x - 1, :rest]  # i = l


def _along_diagonals(pairs: FloatArray, inverse: FloatArray) -> FloatArray:
    """Sum over j < min(l, m) of ``inverse[j] pairs[l - 1 - j, m - 1 - j]``."""
    m = len(inverse)
    out = np.zeros_like(pairs)
    ages = np.arange(m - 1)[None, :] - np.arange(m - 1)[:, None]
    table = np.where(ages >= 0, inverse[np.maximum(ages, 0)], 0.0)  # [age, last]
    for offset in range(-(m - 2), m - 1):
        diagonal = np.diagonal(pairs[..., :-1, :-1], offset, axis1=-2, axis2=-1)
        length = diagonal.shape[-1]
        sums = diagonal @ table[:length, :length]
        t = np.arange(1, length + 1)
        out[..., t + max(0, -offset), t + max(0, offset)] = sums
    return out


def _one_twice(
    products: SampleProducts, response: FloatArray
) -> Iterator[tuple[Blocks, FloatArray]]:
    r"""Moments of :math:`A\Psi_{p'}A'\Psi_pu\,u'^\top`. Shapes (d, d, M, M), last axes (p, p')."""
    problem = products.problem
    d, m = products.dimension, len(response)
    g = problem.gradients
    drift, shift = np.empty((d, d, m, m)), np.empty((d, d, m, m))
    q = products.cross_moment
    diagonal = np.eye(d)[:, :, None] * response.T[:, None, :]
    memory = products.covariance(diagonal)  # (d, d, p')
    flipped = q.transpose(1, 0, 2).reshape(d, -1)
    late = memory.transpose(2, 0, 1)
    once = np.empty((len(g), m, d))
    for p in range(m):
        once[:, p] = _centred(products, response[p], g)
        drift[:, :, p] = ((late * response[p]) @ problem.gradient_covariance).transpose(1, 2, 0)
        shifted = (response * once[:, p].mean(axis=0)) @ flipped
        shift[:, :, p] = shifted.reshape(m, d, d).transpose(1, 2, 0)
    yield ((0, 1, 2, 3),), _twice(problem, once, response)
    yield ((0, 1), (2, 3)), drift
    yield ((0, 3), (1, 2)), shift
    crossed = _responded(q.transpose(0, 2, 1), q.transpose(2, 1, 0), response)
    yield ((0, 2), (1, 3)), crossed


def _twice(problem: SampleQuadratics, once: FloatArray, response: FloatArray) -> FloatArray:
    r""":math:`\overline{\Delta H\,\Psi_{p'}v_{np}\,g_n^\top}`, v of shape (N, M, d). Shape (d, d, M, M)."""
    (n, r, d), m = problem.factors.shape, len(response)
    out = np.zeros((d * d, m * m))
    size = max(1, _TABLE // (r * max(d * d, m * m)))
    for first in range(0, n, size):
        chunk = slice(first, min(first + size, n))
        f = problem.factors[chunk] * problem.signs[chunk, :, None]
        inner = (once[chunk, None] * f[:, :, None]) @ response.T  # (samples, r, p, p')
        table = problem.factors[chunk, :, :, None] * problem.gradients[chunk, None, None, :]
        out += table.reshape(-1, d * d).T @ inner.reshape(-1, m * m)
    mean = np.tensordot(once, problem.gradients, axes=(0, 0))  # (p, a, b)
    late = (response * problem.curvatures).T[:, None, None, :]
    moments = out.reshape(d, d, m, m)
    for row, response_of, direction in zip(moments, late, mean.transpose(1, 2, 0), strict=True):
        row -= response_of * direction[..., None]
        row /= n
    return moments


def _add_one_twice(
    out: FloatArray, pairs: FloatArray, factors: dict[tuple[tuple[int, int], ...], float],
    inverse: FloatArray,
) -> None:
    """Row time m of the two factors, column time i of the noise; p = l - 1 - j, p' = m - 1 - l."""
    steps = len(inverse)
    summed = np.tri(steps) @ pairs  # over p, that is over j
    everything, own = (_across(table) for table in (summed, pairs))
    for x in range(2, steps):  # m
        out[..., x, :] += factors[_NONE] * everything[..., x - 2, None]
        out[..., x, x] += factors[(0, 3),] * inverse[x] * everything[..., x - 2]
        i = np.arange(x - 1)  # i = j
        out[..., x, i] += factors[(0, 1),] * inverse[i] * own[..., x - 2 - i]
        l = np.arange(1, x)  # i = l
        out[..., x, l] += factors[(0, 2),] * inverse[l] * summed[..., l - 1, x - 1 - l]


def _across(table: FloatArray) -> FloatArray:
    """Sums over p + p' = s, s = 0..M - 1."""
    out = np.zeros(table.shape[:-1])
    for p in range(table.shape[-2]):
        out[..., p:] += table[..., p, : table.shape[-1] - p]
    return out

r"""Fourth order in the noise of the minimum: what products of two-point functions leave out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from theory.multiplicative.batch_moments import Partition, coefficients, pair_coefficients
from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.quadratics import FloatArray

__all__ = ["fourth_order_noise"]

Blocks = tuple[tuple[int, ...], ...]
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
              \quad\text{and}\quad \mathbb E\big[\Delta H_m\Psi_{m-1-l}\Delta H_l\Psi_{l-1-j}\xi_j\,\xi_i^\top\big] + \top,

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
        _add_both_once(out, pairs, factors, inverse)
    # factors 0: xi_i, 1: xi_j, 2: Delta H_l, 3: Delta H_m
    three = (_NONE, ((0, 1),), ((0, 2),), ((0, 3),))
    late = np.zeros_like(out)
    for moment, pairs in _one_twice(products, response):
        factors = _weights(n, moment, three, ((0, 1), (2, 3)))
        _add_one_twice(late, pairs, factors, inverse)
    out += late + late.transpose(1, 0, 3, 2)
    return out


def _centred(products: SampleProducts, psi: FloatArray, vectors: FloatArray) -> FloatArray:
    r""":math:`(H_n-H)\Psi v_n`. Shape (N, d)."""
    problem = products.problem
    out: FloatArray = problem.hessian_times(vectors * psi) - vectors * (psi * problem.curvatures)
    return out


def _cross_moment(products: SampleProducts) -> FloatArray:
    r""":math:`\overline{\Delta H_{ac}\,g_e}`. Shape (d, d, d)."""
    problem = products.problem
    d = products.dimension
    out = np.zeros((d, d, d))
    for q in range(problem.factors.shape[1]):
        f, s = problem.factors[:, q], problem.signs[:, q]
        for a in range(d):
            out[a] += (f * (s * f[:, a])[:, None]).T @ problem.gradients
    return out / problem.samples


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
    yield ((0, 2), (1, 3)), products.covariance(between.reshape(d, d, -1)).reshape(d, d, m, m)
    q = _cross_moment(products)
    crossed = np.empty((d, d, m, m))
    for p in range(m):
        left = q * response[p][:, None]  # (a, c, e)
        for r in range(m):
            right = q * response[r][:, None]  # (b, e, c)
            crossed[:, :, p, r] = left.reshape(d, -1) @ right.transpose(2, 1, 0).reshape(-1, d)
    yield ((0, 3), (1, 2)), crossed


def _add_both_once(
    out: FloatArray, pairs: FloatArray, factors: dict[tuple[tuple[int, int], ...], float],
    inverse: FloatArray,
) -> None:
    """Sum over j < l and i < m; p = l - 1 - j, p' = m - 1 - i."""
    m = len(inverse)
    rows = np.cumsum(pairs, axis=3)  # over p'
    full = np.cumsum(rows, axis=2)
    columns = np.cumsum(pairs, axis=2)
    for x in range(1, m):  # l
        for y in range(1, m):  # m
            total = factors[_NONE] * full[:, :, x - 1, y - 1]
            j = np.arange(min(x, y))
            diagonal = pairs[:, :, x - 1 - j, y - 1 - j] @ inverse[j]
            total += factors[(1, 3),] * diagonal
            if x == y:
                total += factors[(0, 2),] * inverse[x] * full[:, :, x - 1, x - 1]
                total += factors[(0, 2), (1, 3)] * inverse[x] * diagonal
            if x > y:  # j = m: p = l - 1 - m
                total += factors[(1, 2),] * inverse[y] * rows[:, :, x - 1 - y, y - 1]
            if y > x:  # i = l
                total += factors[(0, 3),] * inverse[x] * columns[:, :, x - 1, y - 1 - x]
            out[:, :, x, y] += total


def _one_twice(
    products: SampleProducts, response: FloatArray
) -> Iterator[tuple[Blocks, FloatArray]]:
    r"""Moments of :math:`A\Psi_{p'}A'\Psi_pu\,u'^\top`. Shapes (d, d, M, M), last axes (p, p')."""
    problem = products.problem
    d, m = products.dimension, len(response)
    g, n = problem.gradients, problem.samples
    joint, drift = np.empty((d, d, m, m)), np.empty((d, d, m, m))
    shift, crossed = np.empty((d, d, m, m)), np.empty((d, d, m, m))
    q = _cross_moment(products)
    diagonal = np.eye(d)[:, :, None] * response.T[:, None, :]
    memory = products.covariance(diagonal)  # (d, d, p')
    for p in range(m):
        once = _centred(products, response[p], g)
        mean = once.mean(axis=0)
        inner = q * response[p]  # <A_ce u'_b> psi_p(e): q[c, e, b], and q[a, c, e] psi_p(e)
        for r in range(m):
            joint[:, :, p, r] = _centred(products, response[r], once).T @ g / n
            drift[:, :, p, r] = (memory[:, :, r] * response[p]) @ problem.gradient_covariance
            shift[:, :, p, r] = np.einsum("acb,c->ab", q, response[r] * mean)
            left = inner * response[r][:, None]
            crossed[:, :, p, r] = left.reshape(d, -1) @ q.reshape(-1, d)
    yield ((0, 1, 2, 3),), joint
    yield ((0, 1), (2, 3)), drift
    yield ((0, 3), (1, 2)), shift
    yield ((0, 2), (1, 3)), crossed


def _add_one_twice(
    out: FloatArray, pairs: FloatArray, factors: dict[tuple[tuple[int, int], ...], float],
    inverse: FloatArray,
) -> None:
    """Row time m of the two factors, column time i of the noise; p = l - 1 - j, p' = m - 1 - l."""
    steps = len(inverse)
    summed = np.cumsum(pairs, axis=2)  # over p, that is over j
    for x in range(2, steps):  # m
        l = np.arange(1, x)
        everything = summed[:, :, l - 1, x - 1 - l].sum(axis=2)
        out[:, :, x, :] += factors[_NONE] * everything[:, :, None]
        out[:, :, x, x] += factors[(0, 3),] * inverse[x] * everything
        for i in range(x - 1):  # i = j < l
            own = np.arange(i + 1, x)
            total = pairs[:, :, own - 1 - i, x - 1 - own].sum(axis=2)
            out[:, :, x, i] += factors[(0, 1),] * inverse[i] * total
        out[:, :, x, l] += factors[(0, 2),] * inverse[l] * summed[:, :, l - 1, x - 1 - l]

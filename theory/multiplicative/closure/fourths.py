r"""Fourth order in the noise of the minimum: what products of two-point functions leave out."""

from __future__ import annotations

import numpy as np

from theory.multiplicative.batch_moments import Partition, coefficients, pair_coefficients
from theory.multiplicative.closure.moments import EpochMoments, TimePairs
from theory.multiplicative.closure.products import SampleProducts
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics

__all__ = ["fourth_order_noise"]

Blocks = tuple[tuple[int, ...], ...]
#: numbers in a table of products of a factor and a gradient
_TABLE = 4_000_000
_NONE: tuple[tuple[int, int], ...] = ()
#: patterns of coinciding batches; factors are Delta H_l, xi_j, Delta H_m, xi_i
_BOTH_ONCE = (_NONE, ((1, 3),), ((0, 2),), ((1, 2),), ((0, 3),), ((0, 2), (1, 3)))
#: factors are xi_i, xi_j, Delta H_l, Delta H_m
_ONE_TWICE = (_NONE, ((0, 1),), ((0, 2),), ((0, 3),))


def _pattern(pairs: tuple[tuple[int, int], ...]) -> Partition:
    taken = {i for pair in pairs for i in pair}
    blocks = [frozenset(pair) for pair in pairs]
    return frozenset(blocks + [frozenset({i}) for i in range(4) if i not in taken])


def _weights(
    samples: int, moments: tuple[Blocks, ...], patterns: tuple[tuple[tuple[int, int], ...], ...],
    included: Blocks,
) -> FloatArray:
    """Coefficient per pattern of coinciding batches and moment, less the product of two-point functions."""
    own, shared = pair_coefficients(samples)
    out = np.empty((len(patterns), len(moments)))
    for column, moment in enumerate(moments):
        exact = coefficients(4, samples, moment)
        for row, pairs in enumerate(patterns):
            value = exact[_pattern(pairs)]
            if moment == included and all(pair in moment for pair in pairs):
                value -= own ** len(pairs) * shared ** (2 - len(pairs))
            out[row, column] = float(value)
    return out


def fourth_order_noise(
    products: SampleProducts, response: FloatArray, sizes: FloatArray
) -> EpochMoments:
    r"""Effective covariance of the noise of an epoch from four factors of the minimum's noise.

    .. math:: \mathbb E\big[\Delta H_l\Psi_{l-1-j}\xi_j\,(\Delta H_m\Psi_{m-1-i}\xi_i)^\top\big]
              \quad\text{and}\quad
              \mathbb E\big[\Delta H_m\Psi_{m-1-l}\Delta H_l\Psi_{l-1-j}\xi_j\,\xi_i^\top\big] + \top,

    summed over j, i (and l), without :math:`\langle\Delta H\Delta H\rangle\langle\xi\xi\rangle` with
    products of two-point coefficients, which the closure holds. What is left: the crossed contractions
    :math:`\langle\Delta H_l\xi_i\rangle\langle\Delta H_m\xi_j\rangle`, those of mean shifts
    :math:`\langle\Delta H_l\xi_j\rangle\langle\Delta H_m\xi_i\rangle`, the fourth cumulants, and the
    excess of the exact coefficients over the products. Exact for any sizes of the batches.

    Cost O(M² (N d² + d³) + M d⁴).
    """
    inverse, times = 1 / sizes, TimePairs(len(sizes))
    out = EpochMoments.zeros(times, products.dimension)
    twice, once = _OneTwice(products, response), _BothOnce(products, response, times)
    for i in range(len(out)):  # a row of directions stays in the cache
        half = _sum_one_twice(twice.patterns(i), inverse)
        both = _sum_both_once(once.patterns(i), inverse)  # from i on: the rest are transposes
        both[0] /= 2
        half[i:] += both
        out.add_half(i, half)
    return out


def _centred(products: SampleProducts, psi: FloatArray, vectors: FloatArray) -> FloatArray:
    r""":math:`(H_n-H)\Psi v_n`. Shape (N, d)."""
    problem = products.problem
    out: FloatArray = problem.hessian_times(vectors * psi) - vectors * (psi * problem.curvatures)
    return out


def _combined(weights: FloatArray, moments: tuple[FloatArray, ...]) -> list[FloatArray]:
    """What stands at each pattern of coinciding batches, from all moments."""
    out = []
    for own in weights:
        total = own[0] * moments[0]
        for weight, moment in zip(own[1:], moments[1:], strict=True):
            total += weight * moment
        out.append(total)
    return out


class _BothOnce:
    r"""Moments of :math:`A\Psi_pu\,(A'\Psi_{p'}u')^\top`."""

    def __init__(self, products: SampleProducts, response: FloatArray, times: TimePairs) -> None:
        problem, m = products.problem, len(response)
        self._response = response
        self._weights = _weights(
            problem.samples, (((0, 1, 2, 3),), ((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))),
            _BOTH_ONCE, ((0, 2), (1, 3)),
        )
        self._each = np.empty((products.dimension, m, problem.samples))
        for p in range(m):
            self._each[:, p] = _centred(products, response[p], problem.gradients).T
        self._mean = self._each.mean(axis=2)
        between = EpochMoments.of_means(times, response.T).packed
        between *= problem.gradient_covariance[:, :, None]
        self._between = EpochMoments(times, products.covariance(between))
        self._cross = products.cross_moment

    def patterns(self, row: int) -> list[FloatArray]:
        """Of the directions (row, b) for all b from ``row`` on. Shapes (d - row, M, M), axes (p, p')."""
        own, rest = self._each[row], self._each[row:]
        m, n = own.shape
        joint = (own @ rest.reshape(-1, n).T / n).reshape(m, -1, m).transpose(1, 0, 2)
        apart = self._mean[row][:, None] * self._mean[row:, None, :]
        between = self._between.row(row)[row:]
        crossed = _responded(self._cross[row], self._cross[row:].transpose(0, 2, 1), self._response)
        return _combined(self._weights, (joint, apart, between, crossed))


def _responded(first: FloatArray, second: FloatArray, response: FloatArray) -> FloatArray:
    r""":math:`\sum_{ce}\Psi_p(c)\,\Psi_{p'}(e)\,x_{ce}\,y_{bce}`. Shape (b, M, M)."""
    out: FloatArray = response @ (first * second) @ response.T
    return out


def _sum_both_once(patterns: list[FloatArray], inverse: FloatArray) -> FloatArray:
    """Sum over j < l and i < m; p = l - 1 - j, p' = m - 1 - i. Shape (b, M, M), axes (l, m)."""
    apart, same_noise, same_late, crossed, uncrossed, both = patterns
    m = len(inverse)
    upto = np.triu(np.ones((m, m)))  # products with it are cumulative sums, and quicker
    out = _along_diagonals(same_noise, inverse)  # j = i
    out[..., 1:, 1:] += (upto.T @ (apart @ upto))[..., :-1, :-1]
    t = np.arange(m)  # l = m
    out[..., t[1:], t[1:]] += inverse[1:] * np.einsum("pt,bpt->bt", upto, same_late @ upto)[..., :-1]
    out[..., t[1:], t[1:]] += inverse[1:] * (np.diagonal(both, axis1=-2, axis2=-1)[..., :-1] @ _ages(inverse))
    rows, columns = crossed @ upto, upto.T @ uncrossed
    for x in range(1, m - 1):
        rest = m - 1 - x
        out[..., x + 1 :, x] += inverse[x] * rows[..., :rest, x - 1]  # j = m
        out[..., x, x + 1 :] += inverse[x] * columns[..., x - 1, :rest]  # i = l
    return out


def _ages(inverse: FloatArray) -> FloatArray:
    """Table ``[age, last]`` of ``inverse[last - age]``, zero below. Shape (M - 1, M - 1)."""
    m = len(inverse)
    ages = np.arange(m - 1)[None, :] - np.arange(m - 1)[:, None]
    return np.where(ages >= 0, inverse[np.maximum(ages, 0)], 0.0)


def _along_diagonals(pairs: FloatArray, inverse: FloatArray) -> FloatArray:
    """Sum over j < min(l, m) of ``inverse[j] pairs[l - 1 - j, m - 1 - j]``."""
    m = len(inverse)
    out = np.zeros_like(pairs)
    table = _ages(inverse)
    for offset in range(-(m - 2), m - 1):
        diagonal = np.diagonal(pairs[..., :-1, :-1], offset, axis1=-2, axis2=-1)
        length = diagonal.shape[-1]
        sums = diagonal @ table[:length, :length]
        t = np.arange(1, length + 1)
        out[..., t + max(0, -offset), t + max(0, offset)] = sums
    return out


class _OneTwice:
    r"""Moments of :math:`A\Psi_{p'}A'\Psi_pu\,u'^\top`."""

    def __init__(self, products: SampleProducts, response: FloatArray) -> None:
        problem = products.problem
        self._response = response
        self._weights = _weights(
            problem.samples, (((0, 1, 2, 3),), ((0, 1), (2, 3)), ((0, 3), (1, 2)), ((0, 2), (1, 3))),
            _ONE_TWICE, ((0, 1), (2, 3)),
        )
        self._gradients = problem.gradient_covariance
        self._cross = products.cross_moment
        diagonal = np.eye(products.dimension)[:, :, None] * response.T[:, None, :]
        self._memory = products.covariance(diagonal)  # (a, c, p')
        once = np.stack([_centred(products, psi, problem.gradients) for psi in response], axis=1)
        self._mean = once.mean(axis=0)  # (p, c)
        self._joint = _twice(problem, once, response)

    def patterns(self, row: int) -> list[FloatArray]:
        """Of the directions (row, b) for all b. Shapes (d, M, M), axes (p, p')."""
        response = self._response
        drift = (self._memory[row].T * response[:, None]) @ self._gradients  # (p, p', b)
        shift = (self._mean[:, None] * response) @ self._cross[row]
        crossed = _responded(self._cross[row].T, self._cross.transpose(2, 1, 0), response)
        drift, shift = (moment.transpose(2, 0, 1) for moment in (drift, shift))
        return _combined(self._weights, (self._joint[row], drift, shift, crossed))


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


def _sum_one_twice(patterns: list[FloatArray], inverse: FloatArray) -> FloatArray:
    """Sum over j < l < m, p = l - 1 - j, p' = m - 1 - l. Shape (b, M, M), axes (m, i)."""
    apart, same_noise, same_early, same_late = patterns
    steps = len(inverse)
    summed = np.tri(steps)  # over p, that is over j
    everything, doubled = (_across(summed @ table) for table in (apart, same_late))
    own, early = _across(same_noise), summed @ same_early
    out = np.zeros_like(apart)
    for x in range(2, steps):  # m
        out[..., x, :] += everything[..., x - 2, None]
        out[..., x, x] += inverse[x] * doubled[..., x - 2]
        i = np.arange(x - 1)  # i = j
        out[..., x, i] += inverse[i] * own[..., x - 2 - i]
        l = np.arange(1, x)  # i = l
        out[..., x, l] += inverse[l] * early[..., l - 1, x - 1 - l]
    return out


def _across(table: FloatArray) -> FloatArray:
    """Sums over p + p' = s, s = 0..M - 1."""
    out = np.zeros(table.shape[:-1])
    for p in range(table.shape[-2]):
        out[..., p:] += table[..., p, : table.shape[-1] - p]
    return out

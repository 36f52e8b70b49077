r"""Averages over all orders of the samples as integrals over arrival times.

Give every sample an independent uniform arrival time. Given the times of one sample, or of two, the
others fall before, between and after them independently, so that the average of a product over the
later ones is the integral of a product:

.. math:: \sum_l g_l\prod_{i\ne l}f_i(t),\qquad \sum_{l\ne m}v_lw_m\prod_{i\ne l,m}f_i(u,v).

These sums are the coefficients of :math:`s` and :math:`s_1s_2` in
:math:`\prod_i(f_i+s\,g_i)` and :math:`\prod_i(f_i+s_1v_i+s_2w_i)`: one pass over the samples, with
no division by a factor that may be zero.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["Factor", "FloatArray", "exact_nodes", "marked_once", "marked_twice", "unit_nodes"]

FloatArray = npt.NDArray[np.float64]
#: the factor of sample i at the nodes, and what is added to its modulus in the sums of absolute values
Factor = Callable[[int], tuple[FloatArray, float]]


def unit_nodes(count: int) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights on [0, 1]: exact up to degree ``2 count - 1``."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (1 + nodes) / 2, weights / 2


def exact_nodes(degree: int) -> int:
    """How many nodes integrate a polynomial of this degree exactly."""
    return degree // 2 + 1


def marked_once(factor: Factor, weights: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    r""":math:`\sum_l g_l\prod_{i\ne l}f_i` at all nodes, and the same with :math:`|g_l|`, :math:`|f_i|+r_i`.

    ``factor(i)`` gives :math:`f_i` at the nodes, of ``shape``, and :math:`r_i\ge0`.
    """
    full, one = np.ones(shape), np.zeros(shape)
    full_size, one_size = np.ones(shape), np.zeros(shape)
    for i, weight in enumerate(weights):
        f, room = factor(i)
        one = one * f + weight * full
        full = full * f
        size = np.abs(f) + room
        one_size = one_size * size + abs(weight) * full_size
        full_size = full_size * size
    return one, one_size


def marked_twice(
    factor: Factor, first: FloatArray, second: FloatArray, shape: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    r""":math:`\sum_{l\ne m}v_lw_m\prod_{i\ne l,m}f_i` at all nodes; sizes as :func:`marked_once`."""
    state = [np.ones(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)]
    sizes = [part.copy() for part in state]
    for i, (v, w) in enumerate(zip(first, second, strict=True)):
        f, room = factor(i)
        _advance(state, f, v, w)
        _advance(sizes, np.abs(f) + room, abs(v), abs(w))
    return state[3], sizes[3]


def _advance(state: list[FloatArray], f: FloatArray, v: float, w: float) -> None:
    """One more sample: in the product, at the first mark, or at the second."""
    full, one, two, both = state
    both *= f
    both += w * one + v * two
    one *= f
    one += v * full
    two *= f
    two += w * full
    full *= f

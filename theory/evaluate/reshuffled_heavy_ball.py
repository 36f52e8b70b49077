r"""Heavy ball on reshuffled epochs: the weight variance without any cancellation.

With :math:`x=\eta\lambda`, :math:`U` the Lucas sequence of (1 + β - x, β) and its iterated sums
:math:`S^{(1)}_n=\sum_{j<n}U_j`, :math:`S^{(k+1)}_n=\sum_{j<n}S^{(k)}_j`, the closed form equals

.. math:: \frac{\sigma_\theta^2}{\eta^2c}
   =\frac{2\,\big[S^{(3)}_{M+2}+\beta S^{(3)}_{M+1}\big]}{M(M-1)(1-\beta)\,[2(1+\beta)-x]},

a sum of positive terms for real positive poles: the flat limit is its value at x = 0, and critical
damping is no special point. (With :math:`G(z)=1-2F(z)/(M(M-1))=(1-z)g(z)` and
:math:`F(z)=\sum_{h=1}^{M-1}(M-h)z^h` the variance is a divided difference of g between the poles, and
:math:`g(z)=\sum_i\frac{(M-1-i)(M-i)}{M(M-1)}z^i` turns it into the sum above.)

The sums come from :mod:`theory.evaluate.iterated_sums`.

New here; derived in this docstring and tested against the engine's closed form.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.evaluate import double_double as dd
from theory.evaluate.double_double import UNIT, Pair
from theory.evaluate.iterated_sums import iterated_sums
from theory.evaluate.reshuffled_long_epochs import dies_out, numerator_after_decay

__all__ = ["direct_sum", "unit_weight_variance"]

FloatArray = npt.NDArray[np.float64]


#: epochs are doubled together with others of about as many bits
_EPOCH_CLASSES = (6, 2**62)
_PIECE = 4096


def _numerator(x: Pair, gap: Pair, momentum: FloatArray, steps: Any) -> tuple[Pair, FloatArray]:
    r""":math:`S^{(3)}_{M+2}+\beta S^{(3)}_{M+1}=(1+\beta)S^{(3)}_{M+1}+S^{(2)}_{M+1}`, and a bound
    on its absolute error."""
    m = steps.astype(np.float64)
    high, low, error = np.empty_like(m), np.empty_like(m), np.empty_like(m)
    long = dies_out(x[0], gap[0], momentum, m) & (steps > 2)
    for part in _pieces(np.flatnonzero(long)):
        found, error[part] = numerator_after_decay(
            _taken(x, part), _taken(gap, part), momentum[part], m[part]
        )
        high[part], low[part] = found
    two = np.flatnonzero(steps == 2)  # the sum has one term, U_1 = 1
    high[two], low[two], error[two] = 1.0, 0.0, 0.0
    shortest = 2
    for longest in _EPOCH_CLASSES:
        members = np.flatnonzero(~long & (steps > shortest) & (steps <= longest))
        shortest = longest
        for part in _pieces(members):
            inner, beta = _taken(x, part), momentum[part]
            s2, s3, bounds = iterated_sums(
                steps[part] + 1, inner, dd.add(_taken(gap, part), inner)
            )
            one_more = dd.two_sum(np.ones_like(beta), beta)
            high[part], low[part] = dd.add(dd.multiply(s3, one_more), s2)
            size = one_more[0] * np.abs(s3[0]) + np.abs(s2[0])
            error[part] = one_more[0] * bounds.s3 + bounds.s2 + 4 * UNIT * size
    return (high, low), error


def _pieces(index: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Pieces that stay in the processor's cache."""
    for start in range(0, index.size, _PIECE):
        yield index[start : start + _PIECE]


def _taken(pair: Pair, mask: Any) -> Pair:
    return pair[0][mask], pair[1][mask]


def unit_weight_variance(
    x: Pair, momentum: FloatArray, steps: npt.NDArray[np.int64]
) -> tuple[Pair, FloatArray]:
    r"""The variance in units of :math:`\eta^2c`, with a bound on its relative error.

    Parameters
    ----------
    x
        :math:`\eta\lambda` as an exact pair of doubles. Shape (n,).
    momentum
        β. Shape (n,).
    steps
        M, from 2 to 2**40. Shape (n,).

    Notes
    -----
    Where :math:`4Mx<2^{-90}(1-\beta)` and x is below the square of (1 - β)/2, x is set to 0 in the
    sums. The poles are real there, :math:`z_+\ge1-2x/(1-\beta)`, and :math:`z_-` differs from β by
    a relative :math:`x/(1-z_-)\le2x/(1-\beta)`, so each :math:`U_j`, a sum of products of j - 1
    poles, moves by less than :math:`4jx/(1-\beta)` relative to itself; all terms are positive.
    """
    gap = dd.two_sum(np.ones_like(momentum), -momentum)
    m = steps.astype(np.float64)
    flat = (4 * m * x[0] < 2.0**-90 * gap[0]) & (4 * x[0] < gap[0] * gap[0])
    x = np.where(flat, 0.0, x[0]), np.where(flat, 0.0, x[1])
    above, error = _numerator(x, gap, momentum, steps)
    one_more = dd.two_sum(np.ones_like(momentum), momentum)
    room = dd.add_accurate((2 * one_more[0], 2 * one_more[1]), dd.negate(x))
    below = dd.multiply(dd.multiply(dd.two_product(m, (m - 1) / 2), gap), room)
    relative = np.where(above[0] > 0, error / above[0], np.inf) * 1.01 + 16 * UNIT + 2.0**-90
    return dd.divide(above, below), relative


def direct_sum(x: Fraction, momentum: Fraction, steps: int) -> Fraction:
    r"""The same by its definition, :math:`2\sum_j\binom{M+1-j}2(U_j+\beta U_{j-1})`, exactly."""
    total, previous, current = Fraction(0), Fraction(0), Fraction(1)
    for j in range(1, steps):
        weight = (steps + 1 - j) * (steps - j)
        total += weight * (current + momentum * previous)
        previous, current = current, (1 + momentum - x) * current - momentum * previous
    room = (1 - momentum) * (2 * (1 + momentum) - x)
    return total / (steps * (steps - 1) * room)

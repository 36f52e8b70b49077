r"""Heavy ball on reshuffled epochs: the weight variance without any cancellation.

With :math:`x=\eta\lambda`, :math:`U` the Lucas sequence of (1 + β - x, β) and its iterated sums
:math:`S^{(1)}_n=\sum_{j<n}U_j`, :math:`S^{(k+1)}_n=\sum_{j<n}S^{(k)}_j`, the closed form equals

.. math:: \frac{\sigma_\theta^2}{\eta^2c}
   =\frac{2\,\big[S^{(3)}_{M+2}+\beta S^{(3)}_{M+1}\big]}{M(M-1)(1-\beta)\,[2(1+\beta)-x]},

a sum of positive terms for real positive poles: the flat limit is its value at x = 0, and critical
damping is no special point. (With :math:`G(z)=1-2F(z)/(M(M-1))=(1-z)g(z)` in THEORY section 2, the
variance is a divided difference of g between the poles, and
:math:`g(z)=\sum_i\frac{(M-1-i)(M-i)}{M(M-1)}z^i` turns it into the sum above.)

The sums come from doubling. :math:`A^n=I+U_nB-xH_nI` with :math:`B=A-I`, :math:`H=S^{(1)}` and
:math:`B^2=-tB-xI`, :math:`t=1-\beta+x`, holds what A^n differs from I by, so that

.. math:: U_{2n}&=U_n(2-2xH_n-tU_n), & H_{2n}&=H_n(2-xH_n)+U_n^2,\\
   S^{(2)}_{2n}&=S^{(2)}_n(2-xH_n)+(n+U_n)H_n, &
   S^{(3)}_{2n}&=S^{(3)}_n(2-xH_n)+(n+U_n)S^{(2)}_n+\tbinom n2H_n .

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
from theory.evaluate.reshuffled_long_epochs import dies_out, numerator_after_decay

__all__ = ["direct_sum", "unit_weight_variance"]

FloatArray = npt.NDArray[np.float64]


#: epochs are doubled together with others of about as many bits
_EPOCH_CLASSES = (6, 2**62)
_PIECE = 4096


class _Bounds:
    r"""Bounds on the absolute errors of U, H, S2 and S3, carried along the doubling.

    Plain propagation multiplies the error of U by up to :math:`|V|+t|U|+2x|H|` where the truth is
    :math:`2|z^n|`. So the error of A^n in the eigenbasis,
    :math:`\delta_\pm=dU(z_\pm-1)-x\,dH`, is carried as well:
    :math:`\delta'=(2z^n+\delta)\delta+\rho`, with :math:`|dU|\le2\delta/|z_+-z_-|` and
    :math:`x|dH|\le\delta+|z-1||dU|`. Both bounds are true, the smaller is kept.
    """

    def __init__(self, x: FloatArray, t: FloatArray) -> None:
        self.x, self.t = x, t
        gap = 4 * x - t * t
        # |z - 1|, and 2 / |z_+ - z_-| with room for the cancellation in the gap
        self.reach = np.where(gap > 0, np.sqrt(x) * (1 + 1e-6), np.minimum(t, 2.0))
        self.inverse_gap = 2 / np.sqrt(np.maximum(np.abs(gap) - 2.0**-46 * x, 0))
        self.inverse_x = 1 / x
        self.u, self.h, self.s2, self.s3, self.delta = (np.zeros_like(x) for _ in range(5))

    def double(self, n: Any, u: Any, sums: Any, v: Any, g: Any) -> None:
        x, t = self.x, self.t
        u, v, g = np.abs(u), np.abs(v), np.abs(g)
        h, s2, s3 = np.abs(sums)
        xh, tu, q, pairs = x * h, t * u, n + u, n * (n - 1) / 2
        e_g = x * self.h + UNIT * (2 + 2 * xh)
        round_v = UNIT * (4 + 4 * xh + 2 * tu)
        rho_u, rho_h = u * (round_v + UNIT * v), UNIT * (2 * h * g + 2 * u * u + h * (2 + 2 * xh))
        s3_new = g * self.s3 + s3 * e_g + q * self.s2 + s2 * self.u + pairs * self.h
        self.s3 = s3_new + UNIT * 4 * (s3 * g + q * s2 + pairs * h)
        self.s2 = g * self.s2 + s2 * e_g + q * self.h + h * self.u + UNIT * 3 * (s2 * g + q * h)
        old_u, old_h = self.u, self.h
        self.u = (v + tu) * old_u + 2 * x * u * old_h + rho_u
        self.h = (g + xh) * old_h + 2 * u * old_u + rho_h
        delta = self.delta * (2 + self.delta) + rho_u * self.reach + x * rho_h
        self.delta = np.minimum(delta, self.u * self.reach + x * self.h)
        self.u = np.fmin(self.u, self.delta * self.inverse_gap)
        self.h = np.fmin(self.h, (self.delta + self.reach * self.u) * self.inverse_x)

    def step(self, bit: Any, u: Any, sums: Any) -> None:
        x, t = self.x, self.t
        u = np.abs(u)
        h, s2, s3 = np.abs(sums)
        self.s3 = self.s3 + bit * (self.s2 + UNIT * (s3 + s2))
        self.s2 = self.s2 + bit * (self.h + UNIT * (s2 + h))
        rho_u = UNIT * bit * (2 + 2 * u + 3 * x * h + 3 * t * u)
        rho_h = UNIT * bit * (h + u)
        old_u = self.u
        self.u = old_u + bit * (x * self.h + t * old_u) + rho_u
        self.h = self.h + bit * old_u + rho_h
        self.delta = self.delta + rho_u * self.reach + x * rho_h


def _iterated_sums(n: npt.NDArray[np.int64], x: Pair, t: Pair) -> tuple[Pair, Pair, _Bounds]:
    """S2 and S3 at n, by doubling from the highest bit; leading zeros leave n = 0 as it is.

    H, S2 and S3 are the rows of one array, because NumPy's calls cost more than the arithmetic on
    short arrays.
    """
    zero = np.zeros_like(x[0])
    u: Pair = (zero, zero)
    sums: Pair = (np.zeros((3, zero.size)), np.zeros((3, zero.size)))
    x_t = np.stack([x[0], t[0]]), np.stack([x[1], t[1]])
    bounds = _Bounds(x[0], t[0])
    for place in range(int(n.max()).bit_length() - 1, -1, -1):
        m = (n >> (place + 1)).astype(np.float64)
        if m.any():
            xh_tu = dd.multiply(x_t, _stacked(_row(sums, 0), u))
            xh = _row(xh_tu, 0)
            g = dd.add((2.0, 0.0), dd.negate(xh))
            v = dd.add(g, dd.negate(dd.add(xh, _row(xh_tu, 1))))
            q = dd.add((m, zero), u)
            bounds.double(m, u[0], sums[0], v[0], g[0])
            pairs = dd.multiply_double(dd.multiply_double(_row(sums, 0), m), (m - 1) / 2)
            # (U, n + U, n + U) (U, H, S2)
            mixed = dd.multiply(_stacked(u, q, q), _shifted(u, sums))
            sums = dd.add(dd.multiply(sums, g), mixed)
            s3 = dd.add(_row(sums, 2), pairs)
            sums[0][2], sums[1][2] = s3
            u = dd.multiply(u, v)
        bit = ((n >> place) & 1).astype(np.float64)
        bounds.step(bit, u[0], sums[0])
        before = _shifted(u, sums)
        xh_tu = dd.multiply(x_t, _stacked(_row(sums, 0), u))
        growth = dd.add((1.0, 0.0), dd.negate(dd.add(_row(xh_tu, 0), _row(xh_tu, 1))))
        sums = dd.add(sums, (bit * before[0], bit * before[1]))
        u = dd.add(u, (bit * growth[0], bit * growth[1]))
    return _row(sums, 1), _row(sums, 2), bounds


def _row(stack: Pair, i: int) -> Pair:
    return stack[0][i], stack[1][i]


def _stacked(*rows: Pair) -> Pair:
    return np.stack([r[0] for r in rows]), np.stack([r[1] for r in rows])


def _shifted(u: Pair, sums: Pair) -> Pair:
    """(U, H, S2), the sequences that (H, S2, S3) sum up."""
    high, low = np.empty_like(sums[0]), np.empty_like(sums[1])
    high[0], low[0] = u
    high[1:], low[1:] = sums[0][:2], sums[1][:2]
    return high, low


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
            s2, s3, bounds = _iterated_sums(
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

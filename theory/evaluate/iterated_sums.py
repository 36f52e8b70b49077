r"""Iterated sums of the Lucas sequence by doubling, with a running bound on every error.

With :math:`U` the Lucas sequence of (1 + β - x, β), :math:`S^{(1)}_n=H_n=\sum_{j<n}U_j` and
:math:`S^{(k+1)}_n=\sum_{j<n}S^{(k)}_j`.

:math:`A^n=I+U_nB-xH_nI` with :math:`B=A-I`, :math:`H=S^{(1)}` and
:math:`B^2=-tB-xI`, :math:`t=1-\beta+x`, holds what A^n differs from I by, so that

.. math:: U_{2n}&=U_n(2-2xH_n-tU_n), & H_{2n}&=H_n(2-xH_n)+U_n^2,\\
   S^{(2)}_{2n}&=S^{(2)}_n(2-xH_n)+(n+U_n)H_n, &
   S^{(3)}_{2n}&=S^{(3)}_n(2-xH_n)+(n+U_n)S^{(2)}_n+\tbinom n2H_n .

For real positive poles nothing cancels, so the relative accuracy is kept at any n; for complex
poles the phase costs log2(n) bits of the 106.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from theory.evaluate import double_double as dd
from theory.evaluate.double_double import UNIT, Pair

__all__ = ["SumBounds", "iterated_sums"]

FloatArray = npt.NDArray[np.float64]


class SumBounds:
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


def iterated_sums(n: npt.NDArray[np.int64], x: Pair, t: Pair) -> tuple[Pair, Pair, SumBounds]:
    """S2 and S3 at n, by doubling from the highest bit; leading zeros leave n = 0 as it is.

    H, S2 and S3 are the rows of one array, because NumPy's calls cost more than the arithmetic on
    short arrays.
    """
    zero = np.zeros_like(x[0])
    top = int(n.max()).bit_length() - 1
    u: Pair = ((n >> top).astype(np.float64), zero)  # U_0 = 0, U_1 = 1, and all sums are 0
    sums: Pair = (np.zeros((3, zero.size)), np.zeros((3, zero.size)))
    x_t = np.stack([x[0], t[0]]), np.stack([x[1], t[1]])
    bounds = SumBounds(x[0], t[0])
    for place in range(top - 1, -1, -1):
        m = (n >> (place + 1)).astype(np.float64)
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
        if place:  # the last U is not used
            xh_tu = dd.multiply(x_t, _stacked(_row(sums, 0), u))
            growth = dd.add((1.0, 0.0), dd.negate(dd.add(_row(xh_tu, 0), _row(xh_tu, 1))))
            u = dd.add(u, (bit * growth[0], bit * growth[1]))
        sums = dd.add(sums, (bit * before[0], bit * before[1]))
    return _row(sums, 1), _row(sums, 2), bounds


def _row(stack: Pair, i: int) -> Pair:
    return stack[0][i], stack[1][i]


def _stacked(*rows: Pair) -> Pair:
    high = np.empty((len(rows), rows[0][0].size))
    low = np.empty_like(high)
    for i, row in enumerate(rows):
        high[i], low[i] = row
    return high, low


def _shifted(u: Pair, sums: Pair) -> Pair:
    """(U, H, S2), the sequences that (H, S2, S3) sum up."""
    high, low = np.empty_like(sums[0]), np.empty_like(sums[1])
    high[0], low[0] = u
    high[1:], low[1:] = sums[0][:2], sums[1][:2]
    return high, low

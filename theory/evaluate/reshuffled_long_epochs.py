r"""Heavy ball on reshuffled epochs so long that the response dies out within one: no sequences.

:math:`S^{(k)}_n` is the coefficient of :math:`q^n` in :math:`q^{k+1}(1-q)^{-k}/D(q)` with
:math:`D=1-(1+\beta-x)q+\beta q^2=x+c(1-q)+\beta(1-q)^2`, :math:`c=1-\beta-x`. The pole at q = 1
leaves a polynomial in n, with :math:`1/D=d_0+d_1(1-q)+d_2(1-q)^2+\dots`,

.. math:: S^{(2)}_n\simeq d_0(n-2)+d_1,\qquad S^{(3)}_n\simeq d_0\tbinom{n-2}2+d_1(n-3)+d_2,\qquad
   d_0=\tfrac1x,\ d_1=-\tfrac c{x^2},\ d_2=\tfrac{c^2}{x^3}-\tfrac\beta{x^2} .

What is missing is :math:`\sum_{j\ge n}\binom{j-n+2}2U_j`, and with the spectral radius
:math:`r=1-\rho` and :math:`|U_j|\le jr^{j-1}` that is at most
:math:`r^{n-1}(n+3/\rho)/\rho^3`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from theory.evaluate import double_double as dd
from theory.evaluate.double_double import UNIT, Pair

__all__ = ["dies_out", "numerator_after_decay"]

FloatArray = npt.NDArray[np.float64]

_NEGLIGIBLE = -70 * np.log(2.0)


def _slowest_decay(x: Any, gap: Any, momentum: Any) -> tuple[Any, Any]:
    r"""A little less than :math:`\rho=1-\max|z_\pm|`, and :math:`\log r`.

    For poles of one sign, 1 - \|z\| is the smaller root of :math:`\rho^2-t\rho+y`, with
    :math:`t=1-\beta+x,\ y=x` for positive and :math:`t=3+\beta-x,\ y=2(1+\beta)-x` for negative
    ones.
    """
    positive = x < 1 + momentum
    t = np.where(positive, gap + x, 3 + momentum - x)
    y = np.where(positive, x, 2 * (1 + momentum) - x)
    square = t * t - 4 * y
    real = 2 * y / (t + np.sqrt(np.maximum(square, 0)))
    # near a double root the two branches meet: take the smaller
    rho = np.where(square > 0, np.minimum(real, 1.0), gap / 2) * 0.999
    return rho, np.log1p(-rho)


def dies_out(
    x: FloatArray, gap: FloatArray, momentum: FloatArray, m: FloatArray
) -> npt.NDArray[np.bool_]:
    r"""Where what :func:`numerator_after_decay` leaves out is below :math:`2^{-70}` of it.

    The numerator is about :math:`M^2/(2x)`; both sums together miss at most four times the bound
    in the module's docstring.
    """
    rho, log_r = _slowest_decay(x, gap, momentum)
    left_out = 8 * x * (m + 3 / rho) / (rho**3 * m * m)
    return np.asarray((m - 1) * log_r + np.log(left_out) < _NEGLIGIBLE)


def numerator_after_decay(
    x: Pair, gap: Pair, momentum: FloatArray, m: FloatArray
) -> tuple[Pair, FloatArray]:
    r""":math:`(1+\beta)S^{(3)}_{M+1}+S^{(2)}_{M+1}`, and a bound on its absolute error.

    .. math:: \frac1x\Big\{(1+\beta)\Big[\tbinom{M-1}2-(M-2)\tfrac cx+\tfrac{c^2}{x^2}
              -\tfrac\beta x\Big]+M-1-\tfrac cx\Big\}
    """
    zero = np.zeros_like(m)
    ratio = dd.divide(dd.add(gap, dd.negate(x)), x)
    pairs = dd.two_product(m - 1, (m - 2) / 2)
    beta_x = dd.divide((momentum, zero), x)
    # (c/x) (c/x - (M - 2))
    product = dd.multiply(ratio, dd.add(ratio, (2 - m, zero)))
    bracket = dd.add(dd.add(pairs, product), dd.negate(beta_x))
    weighted = dd.multiply(bracket, dd.two_sum(np.ones_like(momentum), momentum))
    total = dd.add(weighted, dd.add((m - 1, zero), dd.negate(ratio)))
    size = np.abs(ratio[0])
    terms = 4 * (pairs[0] + size * (size + m) + beta_x[0]) + 2 * (m + size)
    error = (16 * UNIT * terms + 2.0**-69 * np.abs(total[0])) / x[0]
    return dd.divide(total, x), error

r"""How far a Gauss rule is from a product over the samples, proved from its size off the real axis.

A function that is analytic inside the ellipse with foci 0 and 1 and sum of half-axes :math:`\rho/2`, and
bounded there by B, is integrated over [0, 1] by n nodes up to

.. math:: \frac{32}{15}\,\frac{B\,\rho^{-2n}}{1-\rho^{-2}}

(Trefethen, Approximation Theory and Approximation Practice, theorem 19.3). On that ellipse
:math:`|a+bt|\le|a+b/2|+\frac{|b|}4(\rho+\rho^{-1})`. With enough nodes for the degree there is no error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["largest_linear", "log_product_bound", "log_truncation", "nodes_for"]

FloatArray = npt.NDArray[np.float64]
#: sums of half-axes that are tried
_RHO = 1 + np.geomspace(2.0**-8, 2.0**12, 161)


def largest_linear(constant: FloatArray, slope: FloatArray, rho: float) -> FloatArray:
    """The largest modulus of ``constant + slope t`` on the ellipse."""
    size: FloatArray = np.abs(constant + slope / 2) + np.abs(slope) * (rho + 1 / rho) / 4
    return size


def log_product_bound(sizes: FloatArray, weights: tuple[FloatArray, ...]) -> float:
    r"""Logarithm of a bound on :math:`\sum_{l\ne m}|v_lw_m|\prod_{i\ne l,m}s_i` (or with one mark).

    Each :math:`s_i` is taken as at least 1, so that leaving some out only lowers the product.
    """
    logarithm = float(np.log(np.maximum(sizes, 1.0)).sum())
    for weight in weights:
        mark = float(np.abs(weight).sum())
        logarithm += float(np.log(mark)) if mark > 0 else -float("inf")
    return logarithm


def log_truncation(bound: Callable[[float], float], count: int) -> float:
    """Logarithm of the error of ``count`` nodes; ``bound(rho)`` is the logarithm of B."""
    return float(min(
        bound(rho) + np.log(32 / 15) - 2 * count * np.log(rho) - np.log1p(-rho**-2.0) for rho in _RHO
    ))


def nodes_for(bound: Callable[[float], float], log_target: float, most: int) -> int:
    """The fewest nodes whose error is below the target, at most ``most`` (which are exact)."""
    fewest = most
    for rho in _RHO:
        excess = bound(rho) + np.log(32 / 15) - np.log1p(-rho**-2.0) - log_target
        if np.isfinite(excess):
            fewest = min(fewest, int(np.ceil(excess / (2 * np.log(rho)))))
        elif excess < 0:
            return 1
    return max(fewest, 1)

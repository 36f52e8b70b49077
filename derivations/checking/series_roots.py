r"""The sequences of a polynomial whose coefficients are series, from its roots.

.. math:: u_k(n)=(-1)^{d-1-k}\sum_i z_i^n\,\frac{[z^k]\,P(z)/(z-z_i)}{P'(z_i)}

Each root is lifted from its value at zero of the small variable, a simple and rational one: every
step of the iteration :math:`z\to z-P(z)/P'(z(0))` gains an order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from derivations.checking.series_laurent import Laurent, Series
from derivations.evaluation import NotRationalError

__all__ = ["sequences_from_roots"]

_z = sp.Symbol("z")


def sequences_from_roots(
    ring: Laurent, invariants: Sequence[Series], series: Callable[[sp.Expr], Series],
    power: Callable[[Series], Series],
) -> list[Series]:
    """u_0(n), ..., u_{d-1}(n), where ``power(z)`` is z**n.

    Raises
    ------
    NotRationalError
        If the roots at zero are not simple and rational, or the invariants diverge.
    """
    d = len(invariants)
    p = [ring.one] * (d + 1)  # coefficients of z^0 ... z^d
    for i, e in enumerate(invariants):
        p[d - 1 - i] = ring.negative(e) if i % 2 == 0 else e
    total = [ring.zero] * d
    for root in _roots(ring, p, series):
        quotient = [ring.one] * d  # P(z) / (z - root)
        for j in range(d - 1, 0, -1):
            quotient[j - 1] = ring.plus(p[j], ring.times(root, quotient[j]))
        weight = ring.over(power(root), _horner(ring, quotient, root))  # P'(root) is its value there
        total = [ring.plus(t, ring.times(weight, q)) for t, q in zip(total, quotient, strict=True)]
    return [t if (d - 1 - k) % 2 == 0 else ring.negative(t) for k, t in enumerate(total)]


def _roots(ring: Laurent, p: Sequence[Series], series: Callable[[sp.Expr], Series]) -> list[Series]:
    if any(c.low < 0 for c in p if c.terms):
        raise NotRationalError("the invariants of a sequence diverge")
    first = [ring.ground.expression(ring.coefficient(c, 0)) for c in p]
    at_zero = sp.Add(*(c * _z**i for i, c in enumerate(first)))
    factors = sp.factor_list(sp.numer(sp.together(at_zero)), _z)[1]
    factors = [sp.Poly(f, _z) for f, _ in factors if f.has(_z)]
    if len(factors) != len(p) - 1:
        raise NotRationalError(f"the roots of {at_zero} are not rational or not simple")
    starts = [sp.cancel(-f.coeff_monomial(1) / f.LC()) for f in factors]
    return [_lifted(ring, p, ring.zero if z == 0 else series(z)) for z in starts]


def _lifted(ring: Laurent, p: Sequence[Series], root: Series) -> Series:
    derivative = [ring.scaled(c, ring.ground.number(i)) for i, c in enumerate(p)][1:]
    slope = ring.inverse(_horner(ring, derivative, root))
    for _ in range(ring.order):
        rest = _horner(ring, p, root)
        if not rest.terms:
            break
        root = ring.minus(root, ring.times(rest, slope))
    return root


def _horner(ring: Laurent, p: Sequence[Series], x: Series) -> Series:
    total = ring.zero
    for c in reversed(p):
        total = ring.plus(ring.times(total, x), c)
    return total

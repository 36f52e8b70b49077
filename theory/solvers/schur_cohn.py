"""Exact stability of a rule at rational hyperparameters, without eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Literal

from theory.solvers.rational import Rows, to_flint, to_fraction

__all__ = ["Stability", "largest_stable", "stability_of"]

Stability = Literal["stable", "flat", "unstable"]

#: halvings of the bracket around the stability limit; the message prints six digits
BISECTIONS = 40


def stability_of(transition: Rows) -> Stability:
    r"""Place the roots of :math:`p(z)=\det(zI-A)` relative to the unit circle, exactly.

    ``"stable"``: all inside. ``"flat"``: one simple root at exactly 1, the others inside.
    ``"unstable"``: anything else.
    """
    polynomial = to_flint(transition).charpoly()
    coefficients = [to_fraction(c) for c in polynomial.coeffs()]
    if sum(coefficients) != 0:
        return "stable" if _roots_inside(coefficients) else "unstable"
    return "flat" if _roots_inside(_without_root_at_one(coefficients)) else "unstable"


def largest_stable(is_stable: Callable[[Fraction], bool], unstable: Fraction) -> Fraction | None:
    """Bisect between 0 and ``unstable`` for the largest stable value; None if 0+ is unstable."""
    low = unstable
    for _ in range(BISECTIONS):
        low /= 2
        if is_stable(low):
            break
    else:
        return None
    high = 2 * low
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if is_stable(middle):
            low = middle
        else:
            high = middle
    return high


def _without_root_at_one(coefficients: list[Fraction]) -> list[Fraction]:
    """Divide by z - 1; coefficients from the constant term upwards."""
    quotient: list[Fraction] = []
    carry = Fraction(0)
    for c in reversed(coefficients):
        carry += c
        quotient.append(carry)
    return quotient[-2::-1]


def _roots_inside(coefficients: list[Fraction]) -> bool:
    r"""Schur-Cohn reduction.

    With :math:`p(z)=\sum_{k\le n}a_kz^k` all roots lie inside the unit circle iff
    :math:`|a_0|<|a_n|` and those of :math:`[a_np(z)-a_0z^np(1/z)]/z` do.

    References
    ----------
    P. Henrici, Applied and Computational Complex Analysis I (1974), theorem 6.8b.
    """
    a = coefficients
    while len(a) > 1:
        first, last = a[0], a[-1]
        if not abs(first) < abs(last):
            return False
        n = len(a) - 1
        a = [(last * a[k] - first * a[n - k]) / last for k in range(1, n + 1)]
    return True

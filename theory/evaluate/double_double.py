r"""Arithmetic on unevaluated sums of two doubles, vectorised.

A number is a pair (high, low) with :math:`|low|\le 2^{-53}|high|`. Every operation below is off by
at most :data:`UNIT` times the sum of the moduli of what it adds, or times the product (four times
for a quotient); the classical bounds are smaller by a factor of two or more.

References
----------
T. J. Dekker, Numerische Mathematik 18 (1971) 224-242. M. Joldes, J.-M. Muller, V. Popescu, ACM
Trans. Math. Softw. 44 (2017) 15: algorithms 5, 6, 9, 11, 15.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "UNIT",
    "add",
    "add_accurate",
    "divide",
    "multiply",
    "multiply_double",
    "negate",
    "two_product",
    "two_sum",
]

#: conservative unit of rounding, 2**-103
UNIT = 2.0**-103

Pair = tuple[Any, Any]


def two_sum(a: Any, b: Any) -> Pair:
    """a + b, exactly."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def _renormalised(high: Any, low: Any) -> Pair:
    s = high + low
    return s, low - (s - high)


def _split(a: Any) -> Pair:
    """Two halves of 26 bits; for \\|a\\| below 1e290."""
    c = 134217729.0 * a
    high = c - (c - a)
    return high, a - high


def two_product(a: Any, b: Any) -> Pair:
    """a * b, exactly, unless the low part underflows."""
    p = a * b
    ah, al = _split(a)
    bh, bl = (ah, al) if b is a else _split(b)
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


def add(a: Pair, b: Pair) -> Pair:
    """a + b; the error is relative to \\|a\\| + \\|b\\|."""
    s, e = two_sum(a[0], b[0])
    return _renormalised(s, e + (a[1] + b[1]))


def add_accurate(a: Pair, b: Pair) -> Pair:
    """a + b; the error is relative to \\|a + b\\|, also where most digits cancel."""
    s, e = two_sum(a[0], b[0])
    t, f = two_sum(a[1], b[1])
    s, e = _renormalised(s, e + t)
    return _renormalised(s, e + f)


def negate(a: Pair) -> Pair:
    """-a, exactly."""
    return -a[0], -a[1]


def multiply(a: Pair, b: Pair) -> Pair:
    """a * b."""
    p, e = two_product(a[0], b[0])
    return _renormalised(p, e + (a[0] * b[1] + a[1] * b[0]))


def multiply_double(a: Pair, b: Any) -> Pair:
    """a * b for a plain double b."""
    p, e = two_product(a[0], b)
    return _renormalised(p, e + a[1] * b)


def divide(a: Pair, b: Pair) -> Pair:
    """a / b."""
    q = a[0] / b[0]
    rest = add_accurate(a, negate(multiply_double(b, q)))
    return _renormalised(q, rest[0] / b[0])


"""Numbers from outside, read exactly; never evaluated."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from theory.errors import TheoryError

__all__ = ["exact_number", "show"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,5})?|[+-]?\d+/\d+")


def exact_number(name: str, value: Any) -> Fraction:
    """One number as a fraction; floats are exact binary, strings exact decimals or ``a/b``.

    Raises
    ------
    TheoryError
        If it is not a finite real number.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.item()
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text) or re.search(r"/0+$", text):
            raise TheoryError(
                f"{name} = {value!r} is not a number: write a decimal such as 0.1 or 1e-3, "
                "or a fraction such as 1/10"
            )
        return Fraction(text)
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction, Decimal)):
        raise TheoryError(
            f"{name} = {value!r} is not a number: give an int, float, Fraction, Decimal, "
            'SymPy Rational or a string such as "1/10"'
        )
    try:
        return Fraction(value)
    except (ValueError, OverflowError):
        raise TheoryError(f"{name} = {value} is not finite: give a finite number") from None


def show(value: Any) -> str:
    """A number as a reader wants it in a message."""
    if isinstance(value, Fraction):
        if value.denominator == 1 and abs(value) < 10**15:
            return str(value.numerator)
        bits = value.numerator.bit_length() - value.denominator.bit_length()
        if abs(bits) < 1000:
            return f"{float(value):.6g}"
        return f"{Decimal(value.numerator) / Decimal(value.denominator):.6g}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)

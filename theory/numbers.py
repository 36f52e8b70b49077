"""Numbers from outside, read exactly; never evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sympy as sp

from theory.errors import TheoryError

__all__ = ["each", "exact_number", "exact_numbers", "show"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,5})?|[+-]?\d+/\d+")


def exact_number(name: str, value: Any) -> Fraction:
    """One number as a fraction; floats are exact binary, strings exact decimals or ``a/b``.

    Raises
    ------
    TheoryError
        If it is not a finite real number.
    """
    if hasattr(value, "tolist"):  # an array or a number of one, known without importing NumPy
        value = value.tolist()
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


def exact_numbers(name: str, values: Any) -> tuple[Fraction, ...]:
    """One number per sample of a population, each as :func:`exact_number`.

    Raises
    ------
    TheoryError
        If it is no list, an empty one, or one of lists.
    """
    if hasattr(values, "tolist"):
        if values.ndim != 1:
            raise TheoryError(f"{name} has the shape {values.shape}: give one number per sample, shape (N,)")
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise TheoryError(f"{name} = {values!r} is one number: give a list with one number per sample")
    if not values:
        raise TheoryError(f"{name} is empty: give one number per sample, at least one")
    return tuple(exact_number(f"{name}[{n}]", v) for n, v in enumerate(values))


def each(convert: Callable[[Any], Any], value: Any) -> Any:
    """A number converted, or every number of a population (a tuple)."""
    return tuple(convert(v) for v in value) if isinstance(value, tuple) else convert(value)


def show(value: Any) -> str:
    """A number, or the first few of a population, as a reader wants it in a message."""
    if isinstance(value, tuple):
        shown = ", ".join(show(v) for v in value[:3])
        return f"({shown}, ... {len(value)} numbers)" if len(value) > 3 else f"({shown})"
    if isinstance(value, Fraction):
        if value.denominator == 1 and abs(value) < 10**15:
            return str(value.numerator)
        bits = value.numerator.bit_length() - value.denominator.bit_length()
        if abs(bits) < 1000:
            return f"{float(value):.6g}"
        return f"{Decimal(value.numerator) / Decimal(value.denominator):.6g}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)

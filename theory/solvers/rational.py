"""Exact numbers in and out: fractions, SymPy numbers, floats and python-flint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import fmpq, fmpq_mat

from theory.errors import TheoryError

__all__ = ["Rows", "as_fraction", "to_flint", "to_fraction"]

Rows = Sequence[Sequence[Fraction]]


def as_fraction(name: str, value: Any) -> Fraction:
    """Convert a real number without rounding; a float stands for its binary value.

    Raises
    ------
    TheoryError
        If it is no finite real number.
    """
    try:
        if isinstance(value, sp.Basic):
            rational = sp.Rational(value)
            return Fraction(int(rational.p), int(rational.q))
        if isinstance(value, (int, Fraction)):
            return Fraction(value)
        number = float(value)
    except (TypeError, ValueError) as error:
        raise TheoryError(f"{name} must be a real number; got {value!r}") from error
    if not math.isfinite(number):
        raise TheoryError(f"{name} must be finite; got {number}")
    return Fraction(number)


def to_flint(rows: Rows) -> fmpq_mat:
    """Copy rows of fractions into a matrix of python-flint."""
    flat = [fmpq(x.numerator, x.denominator) for row in rows for x in row]
    return fmpq_mat(len(rows), len(rows[0]), flat)


def to_fraction(x: fmpq) -> Fraction:
    """Copy one number of python-flint into a fraction."""
    return Fraction(int(x.p), int(x.q))

"""Exact numbers in and out: fractions, SymPy numbers, floats and python-flint."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import fmpq, fmpq_mat

__all__ = ["Rows", "to_flint", "to_fraction"]

Rows = Sequence[Sequence[Fraction]]


def to_flint(rows: Rows) -> fmpq_mat:
    """Copy rows of fractions into a matrix of python-flint."""
    flat = [fmpq(x.numerator, x.denominator) for row in rows for x in row]
    return fmpq_mat(len(rows), len(rows[0]), flat)


def to_fraction(x: fmpq) -> Fraction:
    """Copy one number of python-flint into a fraction."""
    return Fraction(int(x.p), int(x.q))

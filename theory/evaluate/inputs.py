"""Parameter values: read exactly, checked against their domain, one message per mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from theory.errors import TheoryError, UnknownNameError, UnstableError, require_known
from theory.formula import Formula
from theory.symbols import PARAMETERS

__all__ = ["check_domain", "check_names", "exact_number", "is_array", "is_whole", "show"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,5})?|[+-]?\d+/\d+")
_BOUNDS = re.compile(r"^(?:(\d+) (<=?) )?\w*\s*(?:(<=?|>=?) (\d+))?")


def is_array(value: object) -> bool:
    """Whether a value stands for several points."""
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)


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


def check_names(formula: Formula, values: Mapping[str, Any]) -> None:
    """Every parameter of the formula, and no other.

    Raises
    ------
    UnknownNameError
        For a name the formula does not depend on.
    TheoryError
        For missing ones; all are listed.
    """
    names = [s.name for s in formula.parameters]
    for name in values:
        if not names:
            raise UnknownNameError(f"unknown parameter {name!r}: {formula.slug} takes none")
        require_known(name, names, f"parameter of {formula.slug}")
    missing = [n for n in names if n not in values]
    if missing:
        raise TheoryError(f"{formula.slug} needs {', '.join(missing)}: give a value for each")


def is_whole(symbol: sp.Symbol) -> bool:
    """Whether the symbol stands for an integer."""
    return bool(symbol.is_integer)


def _limits(symbol: sp.Symbol) -> tuple[tuple[str, int], ...]:
    """Constant bounds of the domain, e.g. ``((">=", 0), ("<", 1))``."""
    parameter = PARAMETERS.get(symbol.name)
    if parameter is None:
        return ()
    found = _BOUNDS.match(parameter.domain)
    assert found is not None
    low, low_sign, sign, limit = found.groups()
    bounds: list[tuple[str, int]] = []
    if low is not None:
        bounds.append((low_sign.replace("<", ">"), int(low)))
    if sign is not None:
        bounds.append((sign, int(limit)))
    return tuple(bounds)


def check_domain(symbol: sp.Symbol, value: Any) -> None:
    """Check a fraction, or every entry of a float or integer array.

    Raises
    ------
    UnstableError
        If the momentum is not below 1.
    TheoryError
        If it is not finite, not whole where it must be, or outside the parameter's domain.
    """
    name = symbol.name
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = exact_number(name, value)
    array: npt.NDArray[Any] | None = value if isinstance(value, np.ndarray) else None

    def fail(broken: Any, why: str, error: type[TheoryError] = TheoryError) -> None:
        if array is None and broken:
            raise error(f"{name} = {show(value)} {why}")
        if array is not None and np.any(broken):
            first = np.unravel_index(int(np.argmax(broken)), array.shape)
            raise error(f"{name} = {array[first]} at index {[int(i) for i in first]} {why}")

    if array is not None:
        fail(~np.isfinite(array), "is not finite: give finite numbers")
    if is_whole(symbol):
        fail(value % 1 != 0, "is not a whole number: round it")
    for sign, limit in _limits(symbol):
        keep = {
            ">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit,
        }[sign]
        broken = ~keep if array is not None else not keep
        if name == "momentum" and sign == "<":
            why = f"is not below {limit}: no stationary law. Lower the momentum"
            fail(broken, why, UnstableError)
        fail(broken, f"is outside its domain: it must be {sign} {limit}")

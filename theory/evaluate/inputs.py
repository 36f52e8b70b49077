"""Parameter values: read exactly, checked against their domain, one message per mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from theory.errors import TheoryError, UnknownNameError, UnstableError, require_known
from theory.formula import Formula
from theory.numbers import exact_number, exact_numbers, show
from theory.symbols import PARAMETERS, weight_decay

__all__ = [
    "CURVATURES", "accepts_zero", "check_domain", "check_names", "exact_values", "flat_names", "is_array",
    "is_whole",
]

CURVATURES = ("curvature", "second_curvature")

_BOUNDS = re.compile(r"^(?:(\d+) (<=?) )?\w*\s*(?:(<=?|>=?) (\d+))?")


def is_array(value: object) -> bool:
    """Whether a value stands for several points."""
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def exact_values(formula: Formula, values: Mapping[str, Any]) -> dict[str, Any]:
    """Every value as a fraction, or as a tuple of fractions where each sample has its own.

    Raises
    ------
    TheoryError
        As :func:`theory.numbers.exact_number` and :func:`theory.numbers.exact_numbers`, or if the lists
        of a population differ in length.
    """
    own = {s.name for s in formula.per_sample}
    found: dict[str, Any] = {
        n: exact_numbers(n, v) if n in own else exact_number(n, v) for n, v in values.items()
    }
    if len({len(found[n]) for n in own}) > 1:
        shown = ", ".join(f"{n} has {len(found[n])}" for n in sorted(own))
        raise TheoryError(f"{formula.slug}: every sample needs one number in each list: {shown}")
    return found


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


def accepts_zero(formula: Formula, symbol: sp.Symbol) -> bool:
    """Whether a symbol whose domain is > 0 is a curvature that the formula takes at 0 too."""
    if symbol.name not in CURVATURES:
        return False
    limit = formula.bounded_when_flat or formula.derive_flat_limit is not None
    return limit or weight_decay in formula.parameters


def flat_names(values: Mapping[str, Any]) -> tuple[str, ...]:
    r"""Curvatures that are 0 with nothing else to pull the weights back.

    A positive weight decay does: the poles depend on :math:`\lambda+\rho` alone, so
    :math:`\lambda=0` is an ordinary point.
    """
    if values.get("weight_decay", 0) > 0:
        return ()
    return tuple(n for n in CURVATURES if values.get(n) == 0)


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


def check_domain(symbol: sp.Symbol, value: Any, *, or_zero: bool = False) -> None:
    """Check a fraction, or every entry of a float or integer array; ``or_zero`` turns > 0 into >= 0.

    Raises
    ------
    UnstableError
        If the momentum is not below 1.
    TheoryError
        If it is not finite, not whole where it must be, or outside the parameter's domain.
    """
    name = symbol.name
    if isinstance(value, tuple):  # of a population
        for number in value:
            check_domain(symbol, number, or_zero=or_zero)
        return
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
    for written, limit in _limits(symbol):
        sign = ">=" if or_zero and (written, limit) == (">", 0) else written
        keep = {
            ">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit,
        }[sign]
        broken = ~keep if array is not None else not keep
        if name == "momentum" and sign == "<":
            why = f"is not below {limit}: no stationary law. Lower the momentum"
            fail(broken, why, UnstableError)
        fail(broken, f"is outside its domain: it must be {sign} {limit}")

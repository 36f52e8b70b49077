"""``evaluate``: accurate numbers from any formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from theory.errors import TheoryError
from theory.evaluate.inputs import check_names, exact_values, is_array
from theory.evaluate.points import decimal_at, double_at
from theory.formula import Formula

__all__ = ["evaluate"]


@overload
def evaluate(formula: Formula, values: Mapping[str, Any], digits: int) -> str: ...


@overload  # a float, or an array where a value is one: the checker cannot tell which
def evaluate(formula: Formula, values: Mapping[str, Any], digits: None = None) -> Any: ...


def evaluate(formula: Formula, values: Mapping[str, Any], digits: int | None = None) -> Any:
    r"""Evaluate a formula accurately.

    .. math:: |\text{result}-f(\text{values})| \le 10^{-15}\,|f(\text{values})|

    for every input taken as the exact number it is, wherever the formula is valid; for quantities
    that change sign :math:`10^{-15}` of ``formula.scale`` is enough.

    Parameters
    ----------
    formula
        The closed form.
    values
        A number or array per parameter, broadcast together. Numbers: int, float (exact binary),
        Fraction, Decimal, SymPy Rational, NumPy scalar, or text such as ``"0.1"`` or ``"1/10"``
        (exact decimal). Units as in :mod:`theory.symbols`. Of a formula over a population, one list or
        array of shape (N,) per sample parameter (``formula.per_sample``), the same at all points.
    digits
        Return this many correctly rounded significant digits as text instead; one point only, and
        also where the value is no normal double.

    Returns
    -------
    A float if every value is one number, otherwise a float64 array of the broadcast shape.

    Raises
    ------
    UnknownNameError
        For a name the formula does not depend on.
    TheoryError
        For missing parameters, values that are no numbers, outside their domain, or shapes that
        do not broadcast.
    UnstableError
        Outside ``formula.valid_if``.
    NoStationaryLawError
        At zero curvature, without weight decay and without a flat limit.
    AccuracyError
        If a result is no normal double; ask for ``digits=``.
    """
    check_names(formula, values)
    own = {s.name for s in formula.per_sample}
    arrays = [n for n, v in values.items() if is_array(v) and n not in own]
    if not arrays:
        numbers = exact_values(formula, values)
        return double_at(formula, numbers) if digits is None else decimal_at(
            formula, numbers, digits
        )
    if digits is not None:
        raise TheoryError(f"digits= works on one point, but {', '.join(arrays)} holds several")
    from theory.evaluate.arrays import evaluate_points

    return evaluate_points(formula, values)

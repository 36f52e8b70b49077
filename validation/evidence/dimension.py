"""Rung 6: units, once by the rules of dimensional analysis and once by changing the units."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from operator import mul
from typing import Any

from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.evaluate.balls import working_precision
from theory.formula import Formula
from theory.numbers import each
from theory.symbols import PARAMETERS
from theory.units import formula_unit, unit_text
from validation.evidence.limits import law_of
from validation.evidence.numbers import NotRational, ball_value, rational_value
from validation.evidence.result import RungResult, failed, judged
from validation.evidence.subjects import subject_of

__all__ = ["check"]

#: new units, coprime so that no wrong exponent can hide: 1 loss = 2 new ones, 1 parameter = 3
_LOSS, _PARAMETER = Fraction(2), Fraction(3)
_BITS = 300
_POINTS = 3


def check(entry: Entry, formula: Formula) -> RungResult:
    r"""Exponents of loss and parameter, and the value in other units, exactly.

    In units in which every loss is 2 and every parameter 3 times the number, a value with unit
    loss^a parameter^b must be :math:`2^a3^b` times the number: compared as rational numbers, or as
    balls where the formula is irrational.
    """
    try:
        found = formula_unit(formula)
    except TheoryError as error:
        return failed(entry.slug, "dimension", f"not homogeneous: {error}")
    if list(found) != list(formula.unit):
        return failed(
            entry.slug, "dimension",
            f"the unit is loss^{found[0]} parameter^{found[1]}, stated {unit_text(formula.unit)}",
        )
    law = law_of(entry)
    drawn = list(subject_of(law).float_points(law, formula))[:_POINTS]
    points = [{s.name: point[s.name] for s in formula.parameters} for point in drawn]
    factor = _LOSS ** formula.unit[0] * _PARAMETER ** formula.unit[1]
    for point in points:
        if not _scales(formula, point, _rescaled(point), factor):
            return failed(
                entry.slug, "dimension",
                f"in other units the value is not {factor} times the old one at {dict(point)}",
            )
    return judged(
        entry.slug, "dimension", len(points),
        f"homogeneous in loss and parameter: {unit_text(formula.unit)}; the value changes by "
        f"2^{formula.unit[0]} 3^{formula.unit[1]} in other units",
        bases=2,
    )


def _rescaled(point: Mapping[str, Any]) -> dict[str, Any]:
    """The same physical point in units of half a loss and a third of a parameter."""
    out: dict[str, Any] = {}
    for name, value in point.items():
        loss, parameter = PARAMETERS[name].unit
        out[name] = each(partial(mul, _LOSS**loss * _PARAMETER**parameter), each(Fraction, value))
    return out


def _scales(
    formula: Formula, point: Mapping[str, Any], other: Mapping[str, Any], factor: Fraction
) -> bool:
    scale = fmpq(factor.numerator, factor.denominator)
    try:
        return bool(rational_value(formula, other) == scale * rational_value(formula, point))
    except NotRational:
        before, after = (ball_value(formula, p, _BITS) for p in (point, other))
        with working_precision(_BITS):
            gap = after - arb(scale) * before
            return bool(gap.contains(0) and gap.rad() < abs(after) * 1e-40)

"""One point: exact numbers in, an enclosure, a double or decimal digits out."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flint import arb

from theory.errors import NoStationaryLawError, TheoryError
from theory.evaluate.balls import ball_value
from theory.evaluate.compiled import compiled
from theory.evaluate.conditions import require_valid
from theory.evaluate.decimals import (
    decimal_from_ball,
    double_from_ball,
    fraction_bounds,
    rounded_decimal,
)
from theory.evaluate.inputs import (
    accepts_zero,
    check_domain,
    check_names,
    exact_values,
    flat_names,
    is_whole,
)
from theory.evaluate.precision import predicted_bits, predicted_bits_over
from theory.evaluate.vanishing import value_at_vanishing_curvature
from theory.formula import Formula

__all__ = ["decimal_at", "double_at", "enclose", "enclosure_at"]

#: relative accuracy asked of a ball that becomes a double
DOUBLE_BITS = 70


def enclose(formula: Formula, values: Mapping[str, Any], bits: int) -> arb:
    r"""Enclose a formula's value rigorously in an Arb ball of relative radius :math:`2^{-bits}`.

    Parameters
    ----------
    formula
        The closed form.
    values
        One number per parameter; see :func:`theory.evaluate.evaluate`.
    bits
        Relative accuracy (relative to ``formula.scale`` where an irrational value vanishes).

    Raises
    ------
    TheoryError
        As :func:`theory.evaluate.evaluate`.
    """
    check_names(formula, values)
    return enclosure_at(formula, exact_values(formula, values), bits)


def enclosure_at(formula: Formula, numbers: Mapping[str, Fraction], bits: int) -> arb:
    """Enclose the value at numbers that are exact already."""
    if flat_names(numbers):
        return _flat(formula, numbers, bits)
    if numbers.get("frequency") == 0:
        rest = formula.at_zero_frequency
        return enclosure_at(rest, {s.name: numbers[s.name] for s in rest.parameters}, bits)
    prepared = compiled(formula)
    for symbol in prepared.parameters:
        check_domain(symbol, numbers[symbol.name], or_zero=accepts_zero(formula, symbol))
    integers = {s.name: int(numbers[s.name]) for s in prepared.parameters if is_whole(s)}
    if formula.silent_at_one_step and integers.get("steps_per_epoch") == 1:
        require_valid(formula, numbers, integers, at_one_step=True)
        return arb(0)
    require_valid(formula, numbers, integers)
    return _valid_enclosure(formula, numbers, integers, bits)


def _valid_enclosure(
    formula: Formula, numbers: Mapping[str, Fraction], integers: Mapping[str, int], bits: int
) -> arb:
    prepared = compiled(formula)
    if numbers.get("noise_variance") == 0 and prepared.proportional_to_noise:
        return arb(0)
    scale = None
    if formula.scale is not None and not prepared.program.rational:
        own = {s.name: numbers[s.name] for s in compiled(formula.scale).parameters}
        scale = abs(enclosure_at(formula.scale, own, 20))
    if formula.per_sample:
        start = predicted_bits_over(numbers, bits)
    else:
        start = predicted_bits(prepared.weights, numbers, bits)
    return ball_value(prepared.program, numbers, integers, bits=bits, scale=scale, start=start)


def _flat(formula: Formula, numbers: Mapping[str, Fraction], bits: int) -> arb:
    """The value in a direction without curvature."""
    limit = formula.flat_limit
    if limit is None and formula.bounded_when_flat:
        return value_at_vanishing_curvature(formula, numbers, bits, enclosure_at)
    if limit is None:
        flat = flat_names(numbers)[0]
        raise NoStationaryLawError(
            f"no stationary law at {flat} = 0: the direction is flat and nothing pulls the "
            f"weights back ({formula.slug} has no flat limit). Give a {flat} above 0"
        )
    wanted = [s.name for s in limit.parameters]
    dropped = set(numbers) - set(wanted)
    for symbol in formula.parameters:
        if symbol.name in dropped - {"curvature", "second_curvature"}:
            check_domain(symbol, numbers[symbol.name])
    missing = [n for n in wanted if n not in numbers]
    if missing:
        raise TheoryError(f"{limit.slug} needs {', '.join(missing)}: give a value for each")
    silent = formula.silent_at_one_step and numbers.get("steps_per_epoch") == 1
    if silent:
        return arb(0)
    return enclosure_at(limit, {n: numbers[n] for n in wanted}, bits)


def double_at(formula: Formula, numbers: Mapping[str, Fraction]) -> float:
    """The value as the nearest double."""
    return double_from_ball(enclosure_at(formula, numbers, DOUBLE_BITS), formula.slug)


def decimal_at(formula: Formula, numbers: Mapping[str, Fraction], digits: int) -> str:
    """The value correctly rounded to ``digits`` significant decimal digits.

    Raises
    ------
    TheoryError
        If ``digits`` is not between 1 and 100,000.
    """
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 100_000:
        raise TheoryError(f"digits = {digits} must be a whole number from 1 to 100000")
    bits = int(3.33 * digits) + 20
    for _ in range(3):
        ball = enclosure_at(formula, numbers, bits)
        text = decimal_from_ball(ball, digits)
        if text is not None:
            return text
        bits += 64 + digits
    # a tie to hundreds of bits: an exact decimal half-way between two candidates
    low, high = fraction_bounds(ball)
    return rounded_decimal(Fraction(rounded_decimal((low + high) / 2, digits + 8)), digits)

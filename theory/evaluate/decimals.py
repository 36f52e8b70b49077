"""A double or a decimal string from an enclosure, correctly rounded."""

from __future__ import annotations

import math
from fractions import Fraction

from flint import arb, fmpz

from theory.errors import AccuracyError

__all__ = ["decimal_from_ball", "double_from_ball", "fraction_bounds", "rounded_decimal"]

_LARGEST, _SMALLEST = 1.7976931348623157e308, 2.2250738585072014e-308


def fraction_bounds(ball: arb) -> tuple[Fraction, Fraction]:
    """Exact lower and upper end of a ball."""

    def exact(number: arb) -> Fraction:
        mantissa, exponent = (int(part) for part in number.man_exp())
        return Fraction(mantissa) * Fraction(2) ** exponent

    middle, radius = exact(ball.mid()), exact(ball.rad())
    return middle - radius, middle + radius


def double_from_ball(ball: arb, description: str) -> float:
    """The nearest double of the middle of a ball.

    Raises
    ------
    AccuracyError
        If that is no normal double.
    """
    if ball.is_zero():
        return 0.0
    size = ball.mid()
    if not arb(_SMALLEST) <= abs(size) <= arb(_LARGEST):
        shown = ball.str(6, radius=False)
        raise AccuracyError(
            f"{description} = {shown} is no normal double ({_SMALLEST:.4g} to {_LARGEST:.4g}): "
            "ask for decimal digits with digits=17"
        )
    return float(size)


def decimal_from_ball(ball: arb, digits: int) -> str | None:
    """Both ends of the ball rounded to ``digits`` significant digits, if they agree.

    Returns None if the ball is too wide to tell.
    """
    if ball.is_zero():
        return "0"
    low, high = (rounded_decimal(end, digits) for end in fraction_bounds(ball))
    return low if low == high else None


def rounded_decimal(value: Fraction, digits: int) -> str:
    """Round half to even to ``digits`` significant digits, exactly."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    if not value:
        return "0"
    bits = value.numerator.bit_length() - value.denominator.bit_length()
    exponent = math.floor(bits * 0.30102999566398120)
    while Fraction(10) ** exponent > value:
        exponent -= 1
    while Fraction(10) ** (exponent + 1) <= value:
        exponent += 1
    mantissa = round(value / Fraction(10) ** (exponent - digits + 1))
    if mantissa == 10**digits:
        mantissa, exponent = mantissa // 10, exponent + 1
    text = str(fmpz(mantissa))  # str of a Python int stops at 4,300 digits
    if -5 <= exponent < digits:
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{text}"
        whole, part = text[: exponent + 1], text[exponent + 1 :]
        return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
    return f"{sign}{text[0]}.{text[1:]}e{exponent}" if digits > 1 else f"{sign}{text}e{exponent}"

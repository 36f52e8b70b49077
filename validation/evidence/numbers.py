"""The value of a formula in exact rational numbers, or in balls at points that may be irrational."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from weakref import WeakKeyDictionary

from flint import arb, fmpq, fmpq_poly

from theory.errors import TheoryError
from theory.evaluate import evaluate
from theory.evaluate.balls import BallArithmetic, working_precision
from theory.evaluate.compiler import compile_program
from theory.evaluate.polynomials import FlintRing, Rule, equidistant_rule
from theory.evaluate.program import Program
from theory.formula import Formula
from theory.numbers import each
from theory.sequences import power_coefficients
from theory.symbols import PARAMETERS

__all__ = [
    "Angle", "NotRational", "RationalArithmetic", "ball_value", "double_value", "program_of",
    "rational_value", "to_ball", "to_fmpq", "wholes_of_balls",
]


class NotRational(ArithmeticError):
    """A value leaves the rational numbers."""


@dataclass(frozen=True, slots=True)
class Angle:
    r"""A rational multiple of an angle :math:`\phi` with rational :math:`t=\tan(\phi/2)`.

    :math:`\cos\phi=\frac{1-t^2}{1+t^2}`, :math:`\sin\phi=\frac{2t}{1+t^2}`, so every whole multiple
    has a rational cosine: at frequencies :math:`\omega=2\phi` a spectrum is a rational number.
    """

    t: fmpq
    multiple: Fraction = Fraction(2)

    def _times(self, factor: Any) -> Angle:
        q = fmpq(factor)
        return Angle(self.t, self.multiple * Fraction(int(q.p), int(q.q)))

    def __mul__(self, factor: Any) -> Angle:
        return self._times(factor)

    __rmul__ = __mul__

    def __truediv__(self, factor: Any) -> Angle:
        return self._times(1 / fmpq(factor))

    def __neg__(self) -> Angle:
        return self._times(-1)

    def turned(self) -> tuple[fmpq, fmpq]:
        """Cosine and sine of the angle."""
        if self.multiple.denominator != 1:
            raise NotRational(f"the cosine of {self.multiple} phi is not rational")
        t2 = self.t * self.t
        one = ((1 - t2) / (1 + t2), 2 * self.t / (1 + t2))
        c, s = fmpq(1), fmpq(0)
        for _ in range(abs(int(self.multiple))):
            c, s = c * one[0] - s * one[1], s * one[0] + c * one[1]
        return c, s if self.multiple >= 0 else -s


def _rational_rule(degree: int) -> Rule:
    return [(to_fmpq(x), to_fmpq(w)) for x, w in equidistant_rule(degree)]


class RationalArithmetic:
    """Rational numbers of python-flint, as an :class:`~theory.evaluate.program.Arithmetic`."""

    polynomials = FlintRing(fmpq_poly, _rational_rule)

    def constant(self, value: Fraction) -> fmpq:
        return fmpq(value.numerator, value.denominator)

    def power(self, base: fmpq, exponent: int) -> fmpq:
        return base**exponent

    def lucas(self, exponent: int, invariants: Sequence[fmpq]) -> Sequence[fmpq]:
        return power_coefficients(exponent, invariants)  # ValueError where negative

    def function(self, name: str, argument: Any) -> Any:
        if isinstance(argument, Angle) and name in ("cos", "sin"):
            return argument.turned()[name == "sin"]
        if name == "abs":
            return abs(argument)
        if name == "sqrt" and argument >= 0:
            root = fmpq(argument.p.isqrt(), argument.q.isqrt())
            if root * root == argument:
                return root
        raise NotRational(f"{name} of {argument} is not rational")


_PROGRAMS: WeakKeyDictionary[Formula, Program] = WeakKeyDictionary()


def program_of(formula: Formula) -> Program:
    """The straight-line program of a formula, compiled once per object."""
    found = _PROGRAMS.get(formula)
    if found is None:
        found = _PROGRAMS[formula] = compile_program(formula.compact, formula.where)
    return found


def to_fmpq(value: Any) -> fmpq:
    """A fraction or whole number of Python as one of python-flint; one of those as it is."""
    if isinstance(value, fmpq):
        return value
    exact = Fraction(value)
    return fmpq(exact.numerator, exact.denominator)


def _wholes(point: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(value) for name, value in point.items() if PARAMETERS[name].integer}


def rational_value(formula: Formula, point: Mapping[str, Any]) -> fmpq:
    """The exact value at a point of fractions (and, for a frequency, an :class:`Angle`).

    Raises
    ------
    NotRational
        If the formula leaves the rational numbers.
    ZeroDivisionError, TheoryError, ValueError
        If it is undefined there.
    """
    inputs = {n: v if isinstance(v, Angle) else each(to_fmpq, v) for n, v in point.items()}
    try:
        value: fmpq | Angle = program_of(formula).run(inputs, _wholes(point), RationalArithmetic())
    except KeyError as missing:
        raise TheoryError(f"{formula.slug} needs {missing}, which the quantity does not have") from None
    if isinstance(value, Angle):
        raise NotRational("a bare angle is not rational")
    return value


def ball_value(formula: Formula, point: Mapping[str, Any], bits: int) -> arb:
    """The value at a point of fractions or balls, in a ball at a working precision of ``bits``."""
    with working_precision(bits):
        inputs = {n: each(to_ball, v) for n, v in point.items()}
        try:
            ball: arb = program_of(formula).run(inputs, wholes_of_balls(point), BallArithmetic())
        except KeyError as missing:
            raise TheoryError(
                f"{formula.slug} needs {missing}, which the quantity does not have"
            ) from None
        return ball


def double_value(formula: Formula, point: Mapping[str, Any]) -> float:
    """The value in double precision, as users get it."""
    return float(evaluate(formula, point))


def to_ball(value: Any) -> arb:
    """A ball as it is, a fraction or whole number at the current precision."""
    return value if isinstance(value, arb) else arb(to_fmpq(value))


def wholes_of_balls(point: Mapping[str, Any]) -> dict[str, int]:
    """The whole numbers of a point of balls."""
    return _wholes({n: v for n, v in point.items() if not isinstance(v, arb)})

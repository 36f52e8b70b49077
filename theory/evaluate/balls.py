"""Rigorous values of a program in Arb ball arithmetic, at a precision predicted from the inputs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from flint import arb, arb_poly, ctx, fmpq

from theory.errors import AccuracyError, TheoryError
from theory.evaluate.polynomials import FlintRing, gauss_rule
from theory.evaluate.program import Program
from theory.evaluate.zeros import is_exact_zero
from theory.numbers import each, show
from theory.sequences import power_coefficients

__all__ = ["BallArithmetic", "ball_value", "run_in_balls", "working_precision"]

#: beyond this many bits a value is called undecided
MOST_BITS = 1 << 20

_LOCK = threading.RLock()


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Flint's global precision, for one thread at a time, restored on the way out."""
    with _LOCK:
        before = ctx.prec
        ctx.prec = bits
        try:
            yield
        finally:
            ctx.prec = before


class BallArithmetic:
    """Real balls at the current precision."""

    polynomials = FlintRing(arb_poly, gauss_rule)

    def constant(self, value: Fraction) -> arb:
        if value.denominator == 1:
            return arb(value.numerator)
        return arb(fmpq(value.numerator, value.denominator))

    def power(self, base: arb, exponent: int) -> arb:
        return base**exponent

    def lucas(self, exponent: int, invariants: Sequence[arb]) -> Sequence[arb]:
        r"""For d = 2, :math:`U_{2n}=U(sU-2W)`, :math:`W_{2n}=dU^2-W^2`,
        :math:`U_{n+1}=sU-W`, :math:`W_{n+1}=dU`."""
        if exponent < 0:
            raise TheoryError(f"a matrix power has the negative exponent {exponent}")
        if len(invariants) != 2:
            return power_coefficients(exponent, invariants)
        s, d = invariants
        u, w = arb(0), arb(-1)
        for bit in bin(exponent)[2:] if exponent else "":
            u, w = u * (s * u - 2 * w), d * (u * u) - w * w
            if bit == "1":
                u, w = s * u - w, d * u
        return w, u

    def function(self, name: str, argument: Any) -> Any:
        if name == "pi":
            return arb.pi()
        if name == "abs":
            return abs(argument)
        return getattr(argument, name)()


def run_in_balls(
    program: Program, values: Mapping[str, Fraction], integers: Mapping[str, int], bits: int
) -> arb:
    """Run once at a working precision; the ball may be useless."""
    arithmetic = BallArithmetic()
    with working_precision(bits):
        inputs = {name: each(arithmetic.constant, v) for name, v in values.items()}
        ball: arb = program.run(inputs, integers, arithmetic)
    return ball


def ball_value(
    program: Program,
    values: Mapping[str, Fraction],
    integers: Mapping[str, int],
    *,
    bits: int = 60,
    scale: arb | None = None,
    start: int = 256,
) -> arb:
    """Enclose the value to ``bits`` bits relative to itself (or to ``scale``).

    ``start`` is the precision to begin with. Where it was not enough, the accuracy reached says
    what is missing.

    Raises
    ------
    AccuracyError
        If the value stays undecided: a removable singularity, or a zero that is no rational
        number's.
    """
    precision = max(start, bits + 12)
    checked_zero = False
    while precision <= MOST_BITS:
        ball = run_in_balls(program, values, integers, precision)
        if ball.is_finite():
            accuracy = ball.rel_accuracy_bits()
            if ball.is_zero() or accuracy >= bits:
                return ball
            if scale is not None and ball.rad() < scale * arb(2) ** (-bits):
                return ball
            if accuracy > 0:
                precision += bits - accuracy + 8
                continue
        if not checked_zero:
            checked_zero = True
            if is_exact_zero(program, values, integers):
                return arb(0)
        precision *= 2
    shown = ", ".join(f"{n}={show(v)}" for n, v in values.items())
    raise AccuracyError(
        f"the value stays undecided at {precision // 2} bits for {shown}: the expression is 0/0 or "
        "an irrational zero there. Move the point slightly, or use the formula of that limit"
    )

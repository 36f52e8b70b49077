"""Whether a formula says that it holds at a point: at a rational one exactly, at others by balls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from theory.evaluate.balls import BallArithmetic, working_precision
from theory.evaluate.conditions import conditions_of, difference_program, sign_decides
from theory.formula import Formula
from theory.numbers import each
from theory.symbols import PARAMETERS
from validation.evidence.numbers import Angle, RationalArithmetic, to_ball, to_fmpq, wholes_of_balls

__all__ = ["claimed", "claimed_in_balls"]

#: working precision; a sign that balls leave open is tried again with more
_PRECISIONS = (600, 2400, 9600)
#: -1, 0 or 1; None if it is left open
Sign = Callable[[Any], int | None]


def claimed(formula: Formula, point: Mapping[str, Any]) -> bool:
    """Whether the formula says that it holds at a rational point, exactly."""
    values = {n: v if isinstance(v, Angle) else each(to_fmpq, v) for n, v in point.items()}
    integers = {n: int(point[n]) for n in point if PARAMETERS[n].integer}

    def sign(condition: Any) -> int:
        gap = difference_program(condition).run(values, integers, RationalArithmetic())
        return bool(gap > 0) - bool(gap < 0)

    return all(_holds(c, sign) for c in conditions_of(formula))


def claimed_in_balls(formula: Formula, point: Mapping[str, Any]) -> bool:
    """Whether the formula says, for certain, that it holds at a point of balls and whole numbers.

    Not claimed is a point so near the border of the condition that no precision tells its side.
    """
    integers = wholes_of_balls(point)

    def sign(condition: Any) -> int | None:
        for bits in _PRECISIONS:
            with working_precision(bits):
                values = {n: each(to_ball, v) for n, v in point.items()}
                gap = difference_program(condition).run(values, integers, BallArithmetic())
            if gap > 0 or gap < 0 or gap.is_zero():
                return bool(gap > 0) - bool(gap < 0)
        return None

    return all(_holds(c, sign) for c in conditions_of(formula))


def _holds(condition: Any, sign: Sign) -> bool:
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [_holds(c, sign) for c in condition.args]
        return all(parts) if isinstance(condition, sp.And) else any(parts)
    found = sign(condition)
    return found is not None and bool(sign_decides(condition, found))

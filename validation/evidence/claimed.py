"""Whether a formula says that it holds at a rational point, decided exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from theory.evaluate.conditions import conditions_of, difference_program, sign_decides
from theory.formula import Formula
from theory.numbers import each
from theory.symbols import PARAMETERS
from validation.evidence.numbers import Angle, RationalArithmetic, to_fmpq

__all__ = ["claimed"]


def claimed(formula: Formula, point: Mapping[str, Any]) -> bool:
    """Whether the formula says that it holds at a rational point, exactly."""
    values = {n: v if isinstance(v, Angle) else each(to_fmpq, v) for n, v in point.items()}
    integers = {n: int(point[n]) for n in point if PARAMETERS[n].integer}
    return all(_holds(c, values, integers) for c in conditions_of(formula))


def _holds(condition: Any, values: Mapping[str, Any], integers: Mapping[str, int]) -> bool:
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [_holds(c, values, integers) for c in condition.args]
        return all(parts) if isinstance(condition, sp.And) else any(parts)
    gap = difference_program(condition).run(values, integers, RationalArithmetic())
    return bool(sign_decides(condition, (gap > 0) - (gap < 0)))

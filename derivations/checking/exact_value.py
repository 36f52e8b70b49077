"""The true value at a point without any formula: the exact solver, or the definition."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from derivations.checking.points import Point
from derivations.checking.target import Target
from theory.errors import TheoryError
from theory.solvers.by_name import solve_by_name

__all__ = ["exact_value"]


def exact_value(target: Target, point: Point) -> tuple[Fraction | None, str]:
    """The quantity at a point by exact arithmetic on the epoch-lifted system, and how; or why not.

    ``None`` for spectra and for formulas that are limits themselves: there the formula is the truth,
    by its proof.
    """
    if not target.exact:
        return None, f"{target.name} is itself a limit or definition: compare with its proof"
    values: dict[str, Any] = {s.name: point[s] for s in target.parameters}
    try:
        value = solve_by_name(target.rule, target.scheme, target.quantity, values)
    except TheoryError as error:
        return None, str(error)
    return Fraction(value), "exact rational arithmetic on every step of one epoch"

"""Rung 4: the formula in double precision and two floating-point solvers with no method in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.numbers import double_value
from validation.evidence.result import RungResult, failed, judged
from validation.evidence.subjects import subject_of

__all__ = ["check"]

#: of the value, times the condition estimate
_TOLERANCE = 1e-12


def check(entry: Entry, formula: Formula) -> RungResult:
    """Largest deviation in units of 1e-12 times the condition estimate."""
    worst, count, condition = 0.0, 0, 1.0
    used: set[str] = set()
    subject = subject_of(entry)
    for point in subject.float_points(entry, formula):
        value = double_value(formula, {s.name: point[s.name] for s in formula.parameters})
        kappa = subject.condition_estimate(entry, point)
        found = dict(subject.floats(entry, point))
        if len(found) < 2:
            return failed(entry.slug, "solved", f"only {sorted(found)} cover the quantity", points=count)
        for name, other in found.items():
            gap = abs(value - other) / (_TOLERANCE * kappa * max(abs(other), _scale(formula, point)))
            if not gap <= 1:
                return failed(
                    entry.slug, "solved",
                    f"{value:.17g} but {other:.17g} by {name}, {gap:.3g} times the tolerance, at "
                    f"{ {k: str(v) for k, v in point.items()} }", points=count,
                )
            worst = max(worst, gap)
        condition, used = max(condition, kappa), used | set(found)
        count += 1
    return judged(
        entry.slug, "solved", count, f"agrees with {' and '.join(sorted(used))}",
        deviation_in_tolerances=worst, largest_condition=condition,
    )


def _scale(formula: Formula, point: Mapping[str, Any]) -> float:
    """Of a quantity that changes sign: the positive formula its accuracy is measured by."""
    if formula.scale is None:
        return 0.0
    own = {s.name: point[s.name] for s in formula.scale.parameters}
    return double_value(formula.scale, own)

"""Rung 3: balls around formula and truth overlap, at irrational and at extreme points.

Of the subject's points those count at which the formula says that it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flint import arb

from theory.closed_forms import Entry
from theory.evaluate.balls import working_precision
from theory.formula import Formula
from validation.evidence.claimed import claimed_in_balls
from validation.evidence.numbers import ball_value
from validation.evidence.points import parameters_of
from validation.evidence.result import RungResult, failed, judged
from validation.evidence.subjects import Subject, subject_of

__all__ = ["check"]

#: working precision; a ball that is too wide is computed again with more
_PRECISIONS = (600, 2400, 9600)
#: an overlap counts if both radii are below this part of the value (or of its scale)
_RADIUS = arb("1e-20")


def check(entry: Entry, formula: Formula) -> RungResult:
    """Overlap at every point, and the largest relative radius of the two balls."""
    widest, count = 0.0, 0
    subject = subject_of(entry)
    with working_precision(2 * _PRECISIONS[-1]):
        points = list(subject.ball_points(entry, parameters_of(entry, formula)))
    for label, point in points:
        if not claimed_in_balls(formula, point):
            continue
        for bits in _PRECISIONS:
            truth, value = _pair(subject, entry, formula, point, bits)
            radius = (value.rad() + truth.rad()) / (abs(value) + abs(truth))
            if radius < _RADIUS:
                break
        else:
            return failed(
                entry.slug, "enclosed", f"the balls at {label} say nothing: relative radius "
                f"{float(radius.mid()):.3g} at {bits} bits", points=count,
            )
        if not value.overlaps(truth):
            return failed(
                entry.slug, "enclosed", f"{value.str(10)} and {truth.str(10)} do not overlap at {label}",
                points=count,
            )
        widest = max(widest, float(radius.upper()))
        count += 1
    return judged(
        entry.slug, "enclosed", count,
        "enclosures of formula and solver overlap at irrational and extreme points",
        largest_relative_radius=widest,
    )


def _pair(
    subject: Subject, entry: Entry, formula: Formula, point: Mapping[str, Any], bits: int
) -> tuple[arb, arb]:
    """Truth and formula."""
    own = {s.name: point[s.name] for s in formula.parameters}
    with working_precision(bits):
        return subject.balls(entry, point), ball_value(formula, own, bits)

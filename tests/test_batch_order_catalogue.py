"""Means over the orders of a few batches, one epoch or stationary: the ladder on right and wrong formulas."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from derivations import derive
from theory.closed_forms import Entry, entry_by_slug
from theory.formula import Formula
from theory.symbols import curvature, learning_rate, negative_curvature, steps_per_epoch
from validation.evidence import climb

SLUGS = (
    "epoch-drift", "epoch-drift-smith-limit", "epoch-regularizer-weight", "saddle-escape-ratio",
    "mean-shift", "mean-shift-flat-direction", "nesterov-mean-shift", "shuffled-once-mean-shift",
)
RUNGS = ("exact", "enclosed", "solved")


def wrong_formulas(entry: Entry) -> tuple[Formula, ...]:
    """A factor, another length of the epoch, and a term of higher order."""
    formula = entry.formula
    slope = negative_curvature if entry.slug == "saddle-escape-ratio" else curvature
    return tuple(replace(formula, compact=compact) for compact in (
        formula.compact * Fraction(11, 10), formula.compact.subs(steps_per_epoch, steps_per_epoch + 1),
        formula.compact * (1 + learning_rate * slope),
    ))


@pytest.mark.parametrize("slug", SLUGS)
def test_right_formulas_climb_and_wrong_ones_fall(slug: str) -> None:
    entry = entry_by_slug(slug)
    assert [(r.rung, r.reason) for r in climb(entry) if r.verdict != "pass"] == []
    for number, wrong in enumerate(wrong_formulas(entry)):
        assert any(str(v).startswith("REFUTED") for v in derive(slug, wrong).check())
        fallen = {r.rung for r in climb(entry, RUNGS, wrong) if r.verdict == "fail"}
        # a factor 1 + eta lambda does not change a limit of vanishing curvature; the proof still objects
        lower_order = not entry.exact and number == 2
        assert fallen == (set() if lower_order else set(RUNGS))

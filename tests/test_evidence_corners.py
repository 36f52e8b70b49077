"""Corners of conditions, and conditions that are proved the same through a positive factor."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp

from theory.closed_forms import entry_by_slug
from theory.symbols import batch_size, curvature, curvature_variance, learning_rate, momentum
from validation.evidence import climb
from validation.evidence.corners import corners
from validation.mutation import mutate
from validation.mutation.regions import same_region

SLUG = "multiplicative-weight-variance"
GAP = (1 - momentum) * curvature * (2 * (1 + momentum) - learning_rate * curvature) - (
    learning_rate * curvature_variance * (1 + momentum)
)
BELOW_ONE = momentum < 1
NEW = (
    "multiplicative-weight-variance", "mean-square-stability-limit", "label-noise-momentum-weight-variance",
    "nesterov-multiplicative-weight-variance", "epoch-drift", "epoch-drift-smith-limit",
    "saddle-escape-ratio", "one-dimensional-epoch-mean",
)


def test_every_part_is_broken_alone() -> None:
    points = corners((GAP > 0, BELOW_ONE))
    names = {s: s.name for s in (learning_rate, momentum, curvature, curvature_variance)}
    seen = set()
    for point in points:
        at = {s: sp.Rational(str(point[name])) for s, name in names.items()}
        seen.add((bool(GAP.subs(at) > 0), bool(at[momentum] < 1)))
    assert seen == {(True, False), (False, True), (True, True)}


def test_whole_numbers_are_tried_small_and_large() -> None:
    points = corners((batch_size * (1 - momentum) > 0, 20 - learning_rate > 0))
    sizes = {int(point["batch_size"]) for point in points}
    assert min(sizes) <= 12
    assert max(sizes) >= 100
    assert corners((batch_size >= 2,)) == ()
    alone = corners((batch_size >= 2, 20 - learning_rate > 0))  # an epoch of 100 steps would take minutes
    assert max(int(point["batch_size"]) for point in alone) <= 20


@pytest.mark.parametrize("bound", [sp.true, momentum < sp.Rational(11, 10)])
def test_a_bound_that_matters_at_large_rates_only_is_missed_by_nobody(bound: sp.Basic) -> None:
    entry = entry_by_slug(SLUG)
    (result,) = climb(entry, ("exact",), replace(entry.formula, valid_if=sp.And(GAP > 0, bound)))
    assert result.verdict == "fail"
    assert "claimed outside" in result.reason


def test_conditions_are_the_same_through_a_positive_factor() -> None:
    """At momentum 1 the gap is not positive: (1 - beta) 2 (1 + beta) lambda = gap + ... > 0."""
    formula = entry_by_slug(SLUG).formula
    closed = replace(formula, valid_if=sp.And(GAP > 0, momentum <= 1))
    assert same_region(formula, closed)
    for other in (GAP > 0, sp.And(GAP >= 0, BELOW_ONE), sp.And(GAP > 0, momentum < sp.Rational(11, 10))):
        assert not same_region(formula, replace(formula, valid_if=other))


@pytest.mark.parametrize("slug", NEW)
def test_rungs_one_to_three_kill_a_sample_of_mutants_of_the_new_formulas(slug: str) -> None:
    report = mutate([slug], ("proved", "exact", "enclosed"), processes=1, places=1)
    assert report.errors
    assert not report.crashes
    assert not report.survivors_of_first, report.survivors_of_first

"""Limits and definitions on the ladder: they are approached at their order, and only they are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from derivations.limits import LIMITS as PROVED_LIMITS
from derivations.regimes import REGIMES
from theory import CATALOGUE
from theory.closed_forms import Entry, entry_by_slug
from theory.symbols import momentum
from validation.evidence import RungResult, climb
from validation.evidence.limits import LIMITS, limit_of
from validation.evidence.limits_exact import falls
from validation.evidence.poles import DEFINITIONS, discriminant
from validation.evidence.truth import mode_at

#: those of the other models name the exact entry that they are the limit of
ENTRIES = tuple(entry for entry in CATALOGUE if not entry.exact)
STATIONARY = tuple(entry for entry in ENTRIES if entry.model == "stationary")
RUNGS = ("exact", "enclosed", "solved")
FACTORS = (sp.Rational(101, 100), sp.Rational(99, 100), sp.Integer(2), sp.Integer(-1))


def verdicts(entry: Entry, factor: sp.Expr) -> list[RungResult]:
    wrong = replace(entry.formula, compact=entry.formula.compact * factor)
    return list(climb(entry, RUNGS, wrong))


def test_every_limit_and_definition_is_one_of_the_two_kinds() -> None:
    assert {entry.slug for entry in ENTRIES} == {*LIMITS, *DEFINITIONS}
    assert {entry.slug for entry in STATIONARY} == {*PROVED_LIMITS, *REGIMES}
    assert all(bool(LIMITS[e.slug].of) == (e.model != "stationary") for e in ENTRIES if e.slug in LIMITS)
    assert not set(LIMITS) & set(DEFINITIONS)
    assert all(limit_of(entry) is None for entry in ENTRIES if entry.slug in DEFINITIONS)


@pytest.mark.parametrize("factor", FACTORS, ids=str)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.slug)
def test_a_constant_factor_is_noticed_on_each_rung_alone(entry: Entry, factor: sp.Expr) -> None:
    for result in verdicts(entry, factor):
        assert result.verdict == "fail", result


def test_the_first_correction_is_needed_for_the_second_order() -> None:
    """The white law alone is the limit M -> oo, but the entry promises its 1/M correction too."""
    entry = entry_by_slug("reshuffled-weight-variance-long-epoch")
    white = entry_by_slug("white-weight-variance").formula
    first_order = replace(entry.formula, compact=white.compact, where=white.where)
    for result in climb(entry, RUNGS, first_order):
        assert result.verdict == "fail", result


@pytest.mark.parametrize("slug", ["flat-weight-variance-long-epoch", "kinetic-weight-variance"])
def test_a_limit_claimed_where_there_is_no_law_fails_the_exact_rung(slug: str) -> None:
    entry = entry_by_slug(slug)
    wide = replace(entry.formula, valid_if=sp.Lt(momentum, 2))
    (result,) = climb(entry, ("exact",), wide)
    assert result.verdict == "fail"
    assert "claimed outside" in result.reason


def test_errors_that_fall_and_errors_that_stay() -> None:
    def errors(order: int, constant: float, next_term: float = 0.3) -> list[float]:
        return [n**-order * (1 + next_term / n) + constant for n in (10, 20, 40)]

    assert falls(errors(1, 0), 1)
    assert falls([-e for e in errors(1, 0)], 1)
    assert falls(errors(2, 0), 1)
    assert falls(errors(2, 0), 2)
    assert not falls(errors(1, 0), 2)
    for constant in (0.01, -0.01):
        assert not falls(errors(1, constant), 1)
        assert not falls(errors(2, constant), 2)
    assert falls([0.0, 0.0, 0.0], 1)
    assert not falls([0.0, 0.0, 0.1], 1)
    assert not falls([0.1, -0.05, 0.025], 1)
    assert not falls([0.1, float("nan"), 0.025], 1)


def test_the_discriminant_at_a_point_by_hand() -> None:
    """beta = 1/4, eta lambda = 1/4: critically damped, as (1 - 1/2)² = 1/4."""
    entry = entry_by_slug("damping-discriminant")
    point: dict[str, Any] = {"learning_rate": Fraction(1, 2), "momentum": Fraction(1, 4)}
    assert discriminant(mode_at(entry.rule, point, Fraction(1, 2))[0]) == 0
    critical = entry_by_slug("critical-damping-curvature").formula
    assert critical.evaluate(**point) == 0.5
    assert entry.formula.evaluate(**point, curvature=Fraction(1, 2)) == 0

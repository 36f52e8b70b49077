"""What a referee found in the ladder, as tests: degenerate points, bounds out of place, foreign formulas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from theory.closed_forms import entry_by_slug
from theory.evaluate import evaluate
from theory.symbols import curvature, learning_rate, momentum, noise_variance, steps_per_epoch
from validation.evidence import climb
from validation.evidence.result import RungResult
from validation.evidence.simulated import compare_with_simulation
from validation.evidence.subjects.additive_noise.trajectories import setting

SLUGS = (
    "white-weight-variance", "reshuffled-weight-variance", "reshuffled-weight-autocovariance",
    "cross-mode-covariance", "flat-weight-variance", "nesterov-white-weight-variance",
)
SLIPS: tuple[tuple[str, Any], ...] = (
    ("friction for momentum", lambda e: e.subs(momentum, 1 - momentum)),
    ("letters swapped", lambda e: e.xreplace({learning_rate: momentum, momentum: learning_rate})),
    ("a power of the curvature", lambda e: e * curvature**3),
    ("twice the learning rate", lambda e: e * 2 * learning_rate),
    ("one epoch more", lambda e: e.subs(steps_per_epoch, steps_per_epoch + 1)),
)


def one(slug: str, rung: str, compact: sp.Expr) -> RungResult:
    entry = entry_by_slug(slug)
    formula = replace(entry.formula, compact=compact, where=())
    return next(iter(climb(entry, (rung,), formula=formula)))


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(("name", "slip"), SLIPS)
def test_the_simulated_point_tells_slips_from_the_truth(slug: str, name: str, slip: Any) -> None:
    """No simulation needed: the prediction moves by more than the rung resolves."""
    entry = entry_by_slug(slug)
    wrong = slip(entry.formula.expression)
    if wrong == entry.formula.expression:
        return  # the formula has no such letter
    point = {**setting(entry.rule, entry.scheme), "lag": 1, "position": 1}
    values = {s.name: point[s.name] for s in entry.formula.parameters}
    formula = replace(entry.formula, compact=wrong, where=())
    names = {s.name for s in formula.parameters}
    moved = evaluate(formula, {n: v for n, v in point.items() if n in names})
    assert abs(moved / evaluate(entry.formula, values) - 1) > 0.02


def test_a_formula_that_is_right_for_the_whole_numbers_tried_alone_is_noticed() -> None:
    slug = "shuffled-once-weight-variance"
    tried = sp.Mul(*(steps_per_epoch - k for k in range(2, 26)))
    wrong = entry_by_slug(slug).formula.expression * (1 + tried)
    assert one(slug, "enclosed", wrong).verdict == "fail"
    (cell,) = climb(entry_by_slug(slug), ("exact",))
    assert "false_identity_survives" not in cell.figures, "the bound does not hold for all M here"
    assert cell.figures["for_all_whole_numbers"] == "false"


@pytest.mark.parametrize("rung", ["exact", "enclosed", "solved", "dimension"])
def test_a_foreign_symbol_fails_instead_of_crashing(rung: str) -> None:
    wrong = noise_variance * sp.Symbol("foo")
    assert one("white-weight-variance", rung, wrong).verdict == "fail"


@pytest.mark.parametrize("slug", ["white-weight-variance", "continuous-time-weight-variance"])
def test_a_formula_that_is_claimed_nowhere_is_vacuous(slug: str) -> None:
    entry = entry_by_slug(slug)
    nowhere = replace(entry.formula, valid_if=sp.false)
    for rung in ("exact", "enclosed", "solved"):
        (cell,) = climb(entry, (rung,), formula=nowhere)
        assert cell.verdict == "vacuous"
        assert not cell.good


@pytest.mark.montecarlo
def test_a_covariance_wrong_by_three_percent_is_noticed() -> None:
    entry = entry_by_slug("white-weight-autocovariance")
    wrong = replace(entry.formula, compact=entry.formula.compact * sp.Rational(103, 100))
    assert compare_with_simulation(entry, entry.formula).agrees
    assert not compare_with_simulation(entry, wrong).agrees

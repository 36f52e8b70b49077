"""The agreement table: one row per formula, one column per kind of evidence, no empty cell."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from theory import CATALOGUE, formula_by_slug
from theory.closed_forms import Entry, entry_by_slug
from theory.symbols import steps_per_epoch
from validation.evidence import KINDS, evidence_for, exact_value
from validation.reference import sample_points


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.slug)
def test_every_cell_passes_or_says_why_it_does_not_apply(entry: Entry) -> None:
    cells = tuple(evidence_for(entry))
    assert tuple(cell.kind for cell in cells) == KINDS
    for cell in cells:
        assert cell.verdict != "fail", cell
        assert cell.points > 0 or (cell.verdict == "not-applicable" and cell.reason), cell
    solved = [cell for cell in cells if cell.kind in ("exact", "spectral") and cell.verdict == "pass"]
    assert solved or not entry.exact, "an exact formula without a solver"


@pytest.mark.parametrize("slug", ["reshuffled-weight-variance", "kept-batch-weight-variance"])
def test_a_wrong_formula_fails(slug: str) -> None:
    entry = entry_by_slug(slug)
    wrong = replace(
        entry.formula, compact=entry.formula.compact.subs(steps_per_epoch, steps_per_epoch + 1)
    )
    mutant = Entry(
        slug=slug, derive=lambda: wrong, rule=entry.rule, scheme=entry.scheme,
        quantity=entry.quantity,
    )
    verdicts = {cell.kind: cell.verdict for cell in evidence_for(mutant)}
    for kind in ("proved", "exact", "lyapunov", "lag-sum", "spectral"):
        assert verdicts[kind] == "fail", kind


def test_published_values() -> None:
    """Reference values from exact arithmetic on the epoch-lifted system, stated beforehand."""
    point: dict[str, Any] = {
        "learning_rate": "1/10", "momentum": "9/10", "curvature": "3/10", "noise_variance": 1,
        "steps_per_epoch": 7,
    }
    for slug, value in (
        ("reshuffled-weight-variance", Fraction(1648760847497, 7917000000000)),
        ("reshuffled-velocity-variance", Fraction(685598613641, 37700000000000)),
        ("reshuffled-weight-velocity-covariance", Fraction(685598613641, 75400000000000)),
    ):
        assert formula_by_slug(slug).evaluate(**point) == float(value)


def test_the_published_flat_limit_is_off_by_as_much_as_stated() -> None:
    formula = entry_by_slug("flat-weight-variance").formula
    point: dict[str, Any] = {
        "learning_rate": 1, "momentum": "0.9", "noise_variance": 1, "steps_per_epoch": 100,
    }
    exact = formula.evaluate(**point)
    published = formula_by_slug("flat-weight-variance-long-epoch").evaluate(**point)
    assert f"{float(exact) / float(published):.3f}" == "0.772"
    assert "0.772" in formula.difference


def test_published_forms_differ_exactly_where_the_catalogue_says_so() -> None:
    tested = 0
    for entry in CATALOGUE:
        formula = entry.formula
        if formula.published is None:
            continue
        for point in sample_points(entry):
            same = sp.N(exact_value(formula, point), 40) - sp.N(
                exact_value(replace(formula, compact=formula.published, where=()), point), 40
            )
            assert (abs(same) < sp.Float("1e-30")) == formula.published_agrees, entry.slug
            tested += 1
    assert tested >= 18

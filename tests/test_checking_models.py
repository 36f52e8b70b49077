"""Claims against formulas beyond the stationary law: fluctuating curvature, and one epoch."""

from __future__ import annotations

from fractions import Fraction

import pytest

from derivations import check_claim
from derivations.checking.exact_value import exact_value
from derivations.checking.fluctuating_value import fluctuating_value
from derivations.checking.points import small_points
from derivations.checking.target import target_by_slug
from theory import CATALOGUE
from theory.errors import TheoryError, UnstableError
from theory.symbols import curvature_variance

VARIANCE = "multiplicative-weight-variance"
LIMIT = "mean-square-stability-limit"
ADDITIVE = "eta*(1 + beta)*c/(lambda*(1 - beta)*(2*(1 + beta) - eta*lambda))"
FLUCTUATING = tuple(
    entry.slug for entry in CATALOGUE if entry.model == "multiplicative" and entry.formula.unit == (0, 2)
)


@pytest.mark.parametrize("slug", FLUCTUATING)
def test_the_exact_value_needs_no_formula_and_agrees_with_it(slug: str) -> None:
    target = target_by_slug(slug)
    points = list(small_points(target, 4))
    assert len(points) == 4
    for point in points:
        value, how = exact_value(target, point)
        assert value == Fraction(str(target.truth.subs(dict(point)))), slug
        assert "second moment" in how


def test_there_is_no_exact_value_beyond_the_mean_square_limit() -> None:
    target = target_by_slug(VARIANCE)
    point = dict(next(iter(small_points(target, 1))))
    with pytest.raises(UnstableError, match="beyond the limit of mean-square stability"):
        fluctuating_value(target, point | {curvature_variance: Fraction(10**6)})
    with pytest.raises(TheoryError, match=f"{LIMIT} is no moment"):
        fluctuating_value(target_by_slug(LIMIT), point)


@pytest.mark.parametrize(
    ("claim", "slug", "where", "verdict"),
    [
        (ADDITIVE, VARIANCE, "psi = 0", "equivalent"),
        (ADDITIVE, VARIANCE, "", "equivalent-in-limit"),
        ("eta*c/(lambda*(2 - eta*lambda) - eta*psi)", VARIANCE, "beta = 0", "equivalent"),
        ("2*lambda/(lambda^2 + psi)", LIMIT, "beta = 0", "equivalent"),
        ("4*lambda*(1 - beta^2)/((1 - beta)*lambda^2 + (1 + beta)*psi)", LIMIT, "", "wrong-by-factor"),
    ],
)
def test_claims_are_judged_as_for_any_formula(claim: str, slug: str, where: str, verdict: str) -> None:
    assert check_claim(claim, slug, where=where).verdict == verdict


def test_a_claim_beyond_the_mean_square_limit_is_outside() -> None:
    law = "eta*(1+beta)*c/((1-beta)*lambda*(2*(1+beta) - eta*lambda) - eta*(1+beta)*psi)"
    report = check_claim(law, VARIANCE, where="eta*lambda < 2*(1 + beta)")
    assert report.verdict == "outside"
    assert report.witness is not None


def test_the_published_law_is_recognised_as_the_special_case() -> None:
    report = check_claim(ADDITIVE, VARIANCE)
    assert any("does not depend on the weights" in finding.summary for finding in report.diagnosis)
    witness = report.witness
    assert witness is not None
    assert witness["exact"] == witness["formula"]


@pytest.mark.parametrize("claim", ["displacement*(1 - eta*lambda)", "0", "eta"])
def test_a_claim_about_a_population_is_undecided_and_no_crash(claim: str) -> None:
    report = check_claim(claim, "one-dimensional-epoch-mean")
    assert report.verdict == "undecided"
    assert "sample_curvature, sample_gradient" in report.summary

"""Regions: contradictions are proved, points outside are exact, and nothing is called outside wrongly."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import sympy as sp

from derivations.checking.inequalities import infeasible
from derivations.checking.points import holds_at
from derivations.checking.regions import implied, outside_point, require_consistent, why_outside
from derivations.checking.target import target_by_slug
from theory.closed_forms import CATALOGUE
from theory.errors import TheoryError, UnstableError
from theory.solvers.by_name import solve_by_name
from theory.symbols import (
    PARAMETERS,
    batch_size,
    curvature,
    lag,
    learning_rate,
    momentum,
    samples,
    steps_per_epoch,
)

_eta, _beta, _lambda, _m, _tau = learning_rate, momentum, curvature, steps_per_epoch, lag
_x = _eta * _lambda


@pytest.mark.parametrize(("region", "named"), [
    (sp.And(_beta > 2, _beta < 1), "momentum > 2"),
    (sp.And(_x > 4, _x < 2 * (1 + _beta), _beta < 1), "curvature.learning_rate > 4"),
    (sp.Lt(_eta, -1, evaluate=False), "learning_rate < -1 contradicts learning_rate > 0"),
    (sp.And(_beta > 1, sp.Lt(_beta, 0, evaluate=False), evaluate=False), "cannot hold together"),
    (sp.And(_m > 1, _m < 2), "steps_per_epoch > 1"),
    (sp.And(_tau > _m, _tau < _m + 1), "lag"),
    (sp.And(_eta > 4, _lambda > 1, _x < 3), "curvature.learning_rate < 3"),
    (sp.And(_eta < 1, _eta**2 > 4), "learning_rate"),
    (sp.And(_eta < 2 / _lambda, _x >= 2), "cannot hold together"),
    (sp.Or(sp.And(_beta > 2, _beta < 1), sp.And(_beta > 3, _beta < 1)), "momentum"),
    (sp.And(sp.Eq(samples, _m * batch_size), samples < batch_size), "samples < batch_size"),
    (sp.false, "hold nowhere"),
])
def test_contradictions_are_named(region: sp.Basic, named: str) -> None:
    with pytest.raises(TheoryError, match=f"contradictory assumptions.*{named}"):
        require_consistent(region)


def test_only_the_parts_that_contradict_are_named() -> None:
    with pytest.raises(TheoryError, match="contradictory") as caught:
        require_consistent(sp.And(_beta > 2, _beta < 1, _eta < 5, _m >= 2))
    assert "learning_rate" not in str(caught.value)
    assert "steps_per_epoch" not in str(caught.value)


@pytest.mark.parametrize("region", [
    sp.true, _beta < 1, sp.And(_beta > 2, _eta > 1), sp.And(_x > 4, _x < 2 * (1 + _beta)),
    sp.And(_eta < 2 * (1 + _beta) / _lambda, _x / (1 - _beta) < 3, _beta < 1), sp.And(_m > 1, _m < 3),
    sp.Or(sp.And(_beta > 2, _beta < 1), _beta > 3), sp.Eq(samples, _m * batch_size), sp.sqrt(_beta) < 1,
    sp.And(_eta**2 > 4, _eta < 3), sp.And(_beta**3 > 8, _beta < 2),  # contradictory, but not linear: let pass
])
def test_consistent_regions_pass(region: sp.Basic) -> None:
    require_consistent(region)


def test_regions_around_a_point_are_never_contradictory() -> None:
    """Random linear and bilinear relations that hold at a random point."""
    rng = random.Random(5)
    symbols = (_eta, _beta, _lambda, _m)
    terms = (_eta, _beta, _lambda, _x, _m, _m * _beta, _eta**2, sp.S.One)
    for _ in range(150):
        point = {s: Fraction(rng.randint(1, 5), 1 if s.is_integer else rng.randint(1, 4)) for s in symbols}
        exact = {s: sp.Rational(v.numerator, v.denominator) for s, v in point.items()}
        relations = []
        for _ in range(rng.randint(1, 6)):
            gap = sum(rng.randint(-3, 3) * t for t in rng.sample(terms, 4))
            value = sp.sympify(gap, strict=True).subs(exact)
            relations.append(gap >= value if rng.random() < 0.5 else gap <= value + sp.Rational(1, 7))
        relations = [r for r in relations if r not in (sp.true, sp.false)]
        assert not infeasible(relations), relations


@pytest.mark.parametrize(("condition", "region", "known"), [
    (_beta >= 0, sp.true, True), (_beta < 1, sp.true, False), (_beta < 1, _beta < sp.Rational(1, 2), True),
    (1 + _beta - _x >= 0, _x < 1, True), (1 + _beta - _x >= 0, _x < 2, False),
    ((1 - _beta) * (1 + _beta) > 0, _beta < 1, True), ((1 - _beta) * (2 - _x) > 0, _beta < 1, False),
    (_tau <= _m, _tau < _m, True), (_tau < _m, _tau <= _m, False), (_m >= 2, _m > 1, True),
    (sp.Or(_beta < 1, _beta > 2), _beta < 1, True), (sp.Not(_beta > 1), _beta < 1, True),
    (sp.Ne(_beta, 1), _beta < 1, True), (sp.And(_beta < 1, _m >= 1), _beta < 1, True),
    (_eta < 2 * (1 + _beta) / _lambda, _x < 2 * (1 + _beta), True), (sp.true, sp.true, True),
    (sp.false, _beta < 1, False), (_x / (1 - _beta) > 0, _beta < 1, True),
])
def test_what_follows_from_a_region(condition: sp.Basic, region: sp.Basic, known: bool) -> None:
    assert implied(condition, region) is known


REGIONS = (
    ("white-weight-variance", _beta < 1, "curvature"),
    ("white-weight-variance", sp.And(_beta < 2, _x < 2 * (1 + _beta)), "momentum"),
    ("white-weight-variance", sp.And(_beta < 1, _x <= 2 * (1 + _beta)), "curvature"),
    ("white-weight-variance", sp.And(_beta < 1, _x < 4), "curvature"),
    ("white-weight-variance", sp.And(_beta <= 1, _x < 1), "momentum"),
    ("nesterov-white-weight-variance", sp.And(_beta < 1, _x < 2 * (1 + _beta)), "curvature"),
    ("reshuffled-weight-variance", sp.And(_m >= 2, _beta < 1, _eta < 4), "curvature"),
    ("white-cross-mode-covariance", sp.And(_beta < 1, _x < 2), "second_curvature"),
    ("reshuffled-weight-variance", sp.And(_m <= 5, _beta < 1, _x < 2), "steps_per_epoch >= 2"),
    ("reshuffled-weight-autocovariance", sp.And(_tau >= 1, _m >= 2, _beta < 1, _x < 2), "lag <= steps"),
    ("stability-limit", _beta < 3, "momentum"),
)


def test_a_bound_of_momentum_that_authors_leave_unsaid_is_not_held_against_them() -> None:
    assert outside_point(_x < 2 * (1 + _beta), target_by_slug("white-weight-variance")) is None


@pytest.mark.parametrize(("slug", "region", "reason"), REGIONS)
def test_a_point_outside_is_in_the_claimed_region_and_has_no_law(
    slug: str, region: sp.Basic, reason: str
) -> None:
    target = target_by_slug(slug)
    found = outside_point(region, target)
    assert found is not None
    point = {PARAMETERS[name].symbol: value for name, value in found.items()}
    assert holds_at(region, point)
    assert holds_at(target.domain.subs(dict.fromkeys(target.domain.free_symbols - set(point), 1)), point)
    assert all(v.denominator == 1 for s, v in point.items() if s.is_integer)
    assert not holds_at(target.formula.valid_if, point)
    why = why_outside(found, target)
    assert reason in why
    if "no stationary law" in why and target.exact:
        values = {s.name: point[s] for s in target.parameters}
        with pytest.raises(UnstableError, match="no stationary law"):
            solve_by_name(target.rule, target.scheme, target.quantity, values)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda e: e.slug)
def test_a_formula_is_never_outside_its_own_region(entry) -> None:  # type: ignore[no-untyped-def]
    target = target_by_slug(entry.slug)
    assert outside_point(target.formula.valid_if, target) is None


@pytest.mark.parametrize(("slug", "region"), [
    ("white-weight-variance", sp.And(_beta < 1, _x < 2)),
    ("reshuffled-weight-variance", sp.And(_beta < 1, _x < 2 * (1 + _beta))),  # silent on M
    ("reshuffled-weight-autocovariance", sp.And(_beta < 1, _x < 2, _tau <= _m)),  # M = 1 is not meant
    ("averaged-white-weight-variance", sp.And(_beta < 1, _x < 2, sp.Symbol("averaging_rate", positive=True)
                                             < sp.Rational(3, 2))),  # stated more narrowly than it exists
    ("continuous-time-weight-variance", _eta > 0),
])
def test_what_is_not_outside(slug: str, region: sp.Basic) -> None:
    assert outside_point(region, target_by_slug(slug)) is None

"""The map of an approximate claim's error: its numbers, its words, and what must not be on it."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from calls import calls_of

from derivations.checking.error_map import error_map
from derivations.checking.limits import LimitFinding, find_limits
from derivations.checking.point_value import value_at
from derivations.checking.target import target_by_slug
from theory.symbols import curvature, learning_rate, momentum, noise_variance, steps_per_epoch

_eta, _lambda, _beta, _c, _M = learning_rate, curvature, momentum, noise_variance, steps_per_epoch
_SMALL_STEP = _eta * _c / (2 * _lambda * (1 - _beta))
_KAPPA = "learning_rate*curvature*steps_per_epoch/(1 - momentum)"
_FLAT = _M * _eta**2 * _c / (6 * (1 - _beta) ** 2)


def _map(claim: sp.Expr, slug: str, declared: str = "") -> dict[str, Any]:
    target = target_by_slug(slug)
    return error_map(claim, target, find_limits(claim, target, declared=declared)[0])


def test_the_error_of_a_small_step_is_the_known_one() -> None:
    found = _map(_SMALL_STEP, "white-weight-variance")
    rates, momenta = found["axes"]
    assert (rates["name"], momenta["name"]) == ("learning_rate*curvature", "momentum")
    assert 10 <= len(rates["values"]) <= 14
    assert 10 <= len(momenta["values"]) <= 14
    for x, row in zip(rates["values"], found["grid"], strict=True):
        for beta, error in zip(momenta["values"], row, strict=True):
            assert error == pytest.approx(-x / (2 * (1 + beta)), rel=6e-3)  # three digits are kept


def test_the_words_follow_from_the_grid() -> None:
    found = _map(_SMALL_STEP, "white-weight-variance")
    # |error| = x / (2 (1 + beta)): below 1 % up to x = 0.02 at beta = 0, 0.0398 at 0.99
    rates = [x for x in found["axes"][0]["values"] if x < 0.02]
    assert f"error below 1 % for learning_rate*curvature <= {rates[-1]:g} at momentum = 0" in found["text"]
    assert "error below 10 %" in found["text"]


def test_tiny_errors_are_not_lost_to_cancellation() -> None:
    claim = target_by_slug("white-weight-variance").truth * (1 + _eta**6 * _lambda**6)
    found = _map(claim, "white-weight-variance")
    x = found["axes"][0]["values"][0]
    assert found["grid"][0][0] == pytest.approx(x**6, rel=6e-3)


def test_long_epochs() -> None:
    found = _map(_FLAT, "flat-weight-variance")
    assert found["axes"][0]["name"] == "steps_per_epoch"
    longest = found["grid"][-1]
    assert abs(longest[0]) < 1e-3
    assert abs(longest[-1]) > abs(longest[0])  # M = 20,000 is less long at momentum 0.99


def test_a_named_limit_has_a_map_too() -> None:
    found = _map(target_by_slug("white-weight-variance").truth, "reshuffled-weight-variance",
                 declared="curvature >> crossover")
    assert found["axes"][0]["name"] == _KAPPA
    assert "error below 1 %" in found["text"]


def test_where_the_quantity_does_not_exist_there_is_no_number() -> None:
    found = _map(target_by_slug("sgd-reshuffled-weight-variance").truth * (1 + 1 / _M),
                 "sgd-reshuffled-weight-variance")
    assert all(e is None or abs(e) <= 1 for row in found["grid"] for e in row)
    single = _map(_FLAT * (1 + 1 / _M), "flat-weight-variance")
    assert single["fixed"] == {}


@pytest.mark.parametrize(("claim", "slug", "most"), [  # three times what it takes
    (_SMALL_STEP, "white-weight-variance", 4_000_000),
    (_SMALL_STEP, "reshuffled-weight-variance", 4_000_000),
    (target_by_slug("white-weight-variance").truth, "reshuffled-weight-variance-at-position", 16_000_000),
    (target_by_slug("reshuffled-weight-variance").truth, "dropped-batch-weight-variance", 10_000_000),
])
def test_it_takes_few_calls_and_is_ready_for_json(claim: sp.Expr, slug: str, most: int) -> None:
    target = target_by_slug(slug)
    finding = next(f for f in find_limits(claim, target) if f.ratio == 1)
    found: dict[str, Any] = {}
    calls_of(lambda: found.update(error_map(claim, target, finding)), most)
    assert json.loads(json.dumps(found)) == found
    assert found["text"]


def _white_for_epochs(rate: Fraction, beta: Fraction, steps: int) -> float:
    """The error of the white formula used for epochs."""
    at = {_eta: rate, _lambda: Fraction(1), _beta: beta, _c: Fraction(1), _M: Fraction(steps)}
    truth = target_by_slug("reshuffled-weight-variance").truth
    return float(value_at(target_by_slug("white-weight-variance").truth, at) / value_at(truth, at) - 1)


def test_what_the_words_say_is_true_at_other_rates_and_momenta() -> None:
    found = _map(target_by_slug("white-weight-variance").truth, "reshuffled-weight-variance")
    assert [a["name"] for a in found["axes"]] == [_KAPPA, "steps_per_epoch*(1 - momentum)"]
    bounds = re.findall(r"for kappa >= (\d+) at steps_per_epoch\*\(1 - momentum\) = ([\d.]+)", found["text"])
    assert bounds
    for kappa, length in bounds:
        level = 0.01 if found["text"].index(f"kappa >= {kappa}") < found["text"].index("10 %") else 0.1
        for beta in (Fraction(0), Fraction(1, 2), Fraction(9, 10), Fraction(98, 100)):
            steps = Fraction(length) / (1 - beta)
            for times in (1, 3):
                rate = times * Fraction(kappa) * (1 - beta) / steps
                if rate > Fraction(9, 5):  # no stationary law, or hardly
                    continue
                error = _white_for_epochs(rate, beta, round(steps))
                assert abs(error) < 1.05 * level, (kappa, length, beta)
    assert _white_for_epochs(Fraction(1, 10_000), Fraction(99, 100), 200) > 0.5  # kappa = 2


def test_what_is_held_fixed_is_said() -> None:
    found = _map(target_by_slug("white-weight-variance").truth, "reshuffled-weight-variance")
    assert found["fixed"] == {"momentum": "9/10"}
    assert f"kappa = {_KAPPA}; all at momentum = 0.9" in found["text"]
    found = _map(_SMALL_STEP * (1 + _eta), "white-weight-variance")  # not by the product alone
    assert "all at curvature = 1" in found["text"]


def test_without_momentum_kappa_has_none() -> None:
    found = _map(_eta * _c / (_lambda * (2 - _eta * _lambda)), "sgd-reshuffled-weight-variance")
    names = [a["name"] for a in found["axes"]]
    assert names == ["learning_rate*curvature*steps_per_epoch", "steps_per_epoch"]
    assert found["fixed"] == {}


def test_limits_one_after_the_other_are_drawn_over_kappa() -> None:
    found = _map(_SMALL_STEP, "reshuffled-weight-variance")
    assert [a["name"] for a in found["axes"]] == ["learning_rate*curvature", _KAPPA]
    assert re.search(r"error below 1 % not yet with .* at kappa = 0.01 and 5.3, for .* at kappa = 1000",
                     found["text"])
    assert "momentum = 0.9" in found["text"]


def test_a_change_of_sign_is_no_range_of_validity() -> None:
    x = _eta * _lambda
    truth = target_by_slug("white-weight-variance").truth
    claim = truth * (1 + (_beta - sp.Rational(1, 10)))
    finding = LimitFinding(
        limit="learning_rate -> 0", ratio=sp.S.One, order=sp.S.One, leading_error=x, in_scope=True,
        variables=(("learning_rate", "0"),),
    )
    found = error_map(claim + truth * x, target_by_slug("white-weight-variance"), finding)
    zero = [row[4] for row in found["grid"]]  # beta = 0.05: the error x - 0.05 changes its sign
    assert any(abs(e) < 0.01 for e in zero)
    assert "near" not in found["text"]
    column = found["text"].split("error below 10 %")[0]
    assert "not yet with learning_rate*curvature = 0.0001 at momentum = 0" in column


def test_a_limit_without_variables_has_no_map() -> None:
    finding = LimitFinding(limit="x", ratio=sp.S.One, order=None, leading_error=None, in_scope=True)
    assert error_map(_SMALL_STEP, target_by_slug("white-weight-variance"), finding) == {}

"""The map of an approximate claim's error: its numbers, its words, and what must not be on it."""

from __future__ import annotations

import json
import time

import pytest
import sympy as sp

from derivations.checking.error_map import error_map
from derivations.checking.limits import find_limits
from derivations.checking.target import target_by_slug
from theory.symbols import curvature, learning_rate, momentum, noise_variance, steps_per_epoch

_eta, _lambda, _beta, _c, _M = learning_rate, curvature, momentum, noise_variance, steps_per_epoch
_SMALL_STEP = _eta * _c / (2 * _lambda * (1 - _beta))
_FLAT = _M * _eta**2 * _c / (6 * (1 - _beta) ** 2)


def _map(claim: sp.Expr, slug: str, declared: str = "") -> dict[str, object]:
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
    assert found["axes"][0]["name"] == "steps_per_epoch"
    assert "error below 1 %" in found["text"]


def test_where_the_quantity_does_not_exist_there_is_no_number() -> None:
    found = _map(target_by_slug("sgd-reshuffled-weight-variance").truth * (1 + 1 / _M),
                 "sgd-reshuffled-weight-variance")
    assert all(e is None or abs(e) <= 1 for row in found["grid"] for e in row)
    single = _map(_FLAT * (1 + 1 / _M), "flat-weight-variance")
    assert single["fixed"] == {"learning_rate": "1/50"}


@pytest.mark.parametrize(("claim", "slug"), [
    (_SMALL_STEP, "white-weight-variance"),
    (_SMALL_STEP, "reshuffled-weight-variance"),
    (target_by_slug("white-weight-variance").truth, "reshuffled-weight-variance-at-position"),
    (target_by_slug("reshuffled-weight-variance").truth, "dropped-batch-weight-variance"),
])
def test_it_is_quick_and_ready_for_json(claim: sp.Expr, slug: str) -> None:
    target = target_by_slug(slug)
    finding = next(f for f in find_limits(claim, target) if f.ratio == 1)
    start = time.monotonic()
    found = error_map(claim, target, finding)
    assert time.monotonic() - start < 3  # well below one second on an idle machine
    assert json.loads(json.dumps(found)) == found
    assert found["text"]

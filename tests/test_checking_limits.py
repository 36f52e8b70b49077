"""Limits of claim / truth: known ones, their leading errors against numbers, and negative controls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import mpmath
import pytest
import sympy as sp
from calls import calls_of

from derivations.checking.limits import LimitFinding, find_limits
from derivations.checking.series_declared import read_limit
from derivations.checking.target import target_by_slug
from theory.closed_forms import CATALOGUE
from theory.errors import TheoryError
from theory.sequences import LucasSequence, power_coefficients
from theory.symbols import (
    averaging_rate,
    batch_size,
    curvature,
    frequency,
    lag,
    learning_rate,
    momentum,
    noise_variance,
    position,
    samples,
    second_curvature,
    steps_per_epoch,
)

_eta, _lambda, _beta, _c, _M = learning_rate, curvature, momentum, noise_variance, steps_per_epoch
#: a pole at 0.45, one at 0.53 and an averaging pole at 0.7: everything has decayed at M = 400
_USUAL: Mapping[sp.Symbol, Any] = {
    _eta: sp.Rational(1, 100), _lambda: sp.Rational(3, 2), _beta: sp.Rational(1, 4), _c: sp.Rational(7, 3),
    _M: 5, lag: 3, position: 2, frequency: 1, batch_size: 4, samples: 23,
    averaging_rate: sp.Rational(3, 10),
}
_DIGITS = 600  # limits within limits lose many


def _formula(slug: str) -> sp.Expr:
    return target_by_slug(slug).truth


_WHITE = _formula("white-weight-variance")
_FLAT = _M * _eta**2 * _c / (6 * (1 - _beta) ** 2)


def _number(node: sp.Expr, at: Mapping[sp.Symbol, Any], known: dict[sp.Expr, Any]) -> Any:
    """The naive value: no series, no field, whole exponents by squaring."""
    if node not in known:
        if node.is_Symbol:
            value = at[node]
            known[node] = value if isinstance(value, int) else mpmath.mpmathify(value)
        elif isinstance(node, LucasSequence):
            k, n, *invariants = (_number(a, at, known) for a in node.args)
            known[node] = power_coefficients(int(n), [mpmath.mpf(e) for e in invariants])[int(k)]
        elif node.is_Rational:
            known[node] = int(node) if node.is_Integer else mpmath.mpf(int(node.p)) / int(node.q)
        elif node.is_Add:
            known[node] = mpmath.fsum(_number(a, at, known) for a in node.args)
        elif node.is_Mul:
            known[node] = mpmath.fprod(_number(a, at, known) for a in node.args)
        elif isinstance(node, sp.Pow):
            known[node] = mpmath.power(*(mpmath.mpf(_number(a, at, known)) for a in node.args))
        else:
            function = {sp.exp: mpmath.exp, sp.cos: mpmath.cos}[node.func]
            known[node] = function(_number(node.args[0], at, known))
    return known[node]


def _remainder(
    claim: sp.Expr, truth: sp.Expr, finding: LimitFinding, values: Mapping[sp.Symbol, Any]
) -> mpmath.mpf:
    """(claim / truth - ratio) / leading_error - 1 at a point."""
    at = {**_USUAL, **values}
    known: dict[sp.Expr, Any] = {}
    ratio = _number(claim, at, known) / _number(truth, at, known)
    gap = ratio - _number(finding.ratio, at, known)
    return abs(gap / _number(finding.leading_error, at, known) - 1)


def _agrees_with_numbers(claim: sp.Expr, slug: str, finding: LimitFinding, path: str) -> None:
    """The remainder over the leading error tends to one along the path, two steps of a tenth."""
    far = 10**120
    outer = {"M": {_M: far}, "eta": {_eta: mpmath.mpf(1) / 10**150}, "": {},
             "lambda": {_lambda: mpmath.mpf(1) / 10**150},
             "lambda'": {second_curvature: mpmath.mpf(1) / 10**250}}
    first, _, last = path.rpartition(" ")
    deviations = []
    for k in (5, 6):
        with mpmath.workdps(_DIGITS):
            small = mpmath.mpf(10) ** -k
            values = {"M": {_M: 10**k}, "eta": {_eta: small}, "lambda": {_lambda: small},
                      "beta": {_beta: small}, "one": {_beta: 1 - small},
                      "N, S": {samples: 5 * 10**k + 3, batch_size: 10**k},
                      "N, M": {samples: 4 * 10**k + 3, _M: 10**k},
                      "N": {samples: 10**k},
                      "kappa": {_eta: small, _M: 10**k}}[last.replace("_", " ")]
            fixed: dict[sp.Symbol, Any] = {}
            for name in first.split():
                fixed |= outer[name]
            if first.endswith("M eta"):  # each further than what comes after it
                fixed[_eta] = mpmath.mpf(1) / 10**40
            deviations.append(_remainder(claim, target_by_slug(slug).truth, finding, fixed | values))
    assert deviations[1] < max(0.2 * deviations[0], 1e-4), deviations  # what oscillates has no rate
    assert deviations[1] < 2e-3, deviations


def _found(claim: sp.Expr, slug: str, declared: str = "") -> dict[str, LimitFinding]:
    found = find_limits(claim, target_by_slug(slug), declared=declared, seconds=20)
    return {limit: f for f in found for limit in (f.limit, *f.also)}


_BY_BATCHES = "samples -> oo at fixed steps_per_epoch (batch_size = (samples - remainder)/steps_per_epoch)"
_BY_STEPS = "samples -> oo at fixed batch_size (steps_per_epoch = (samples - remainder)/batch_size)"
_KAPPA = (
    "learning_rate -> 0, steps_per_epoch -> oo at fixed "
    "learning_rate*curvature*steps_per_epoch/(1 - momentum)"
)
_x = _eta * _lambda
_LONG_FLAT = (_beta**2 + 6 * _beta - 1) / (_M * (1 - _beta**2))
_LONG = 2 * (1 - _beta**2 - _x) / (_M * _x * (1 + _beta))
_CASES = [
    # claim, slug, limit, path of the numerical check, leading error
    (_eta * _c / (2 * _lambda), "white-weight-variance",
     "learning_rate -> 0, momentum -> 0", "eta beta", -_beta),
    (_eta * _c / (2 * _lambda * (1 - _beta)), "white-weight-variance", "learning_rate -> 0", "eta",
     -_x / (2 * (1 + _beta))),
    (_FLAT, "flat-weight-variance", "steps_per_epoch -> oo", "M", _LONG_FLAT),
    (_FLAT, "reshuffled-weight-variance", "learning_rate -> 0, steps_per_epoch -> oo", "eta M", _LONG_FLAT),
    (_WHITE, "reshuffled-weight-variance", "steps_per_epoch -> oo", "M", _LONG),
    (_WHITE, "reshuffled-weight-variance-iterated-sums", "steps_per_epoch -> oo", "M", _LONG),
    (_eta * _c / (2 * _lambda), "reshuffled-weight-variance",
     "steps_per_epoch -> oo, learning_rate -> 0, momentum -> 0", "M eta beta", -_beta),
    (_eta * _c / (2 * _lambda * (1 - _beta)), "reshuffled-weight-variance",
     "steps_per_epoch -> oo, learning_rate -> 0", "M eta", -_x / (2 * (1 + _beta))),
    (_formula("reshuffled-weight-variance-long-epoch"), "reshuffled-weight-variance",
     "steps_per_epoch -> oo", "M", None),
    (_formula("reshuffled-weight-variance-small-step"), "reshuffled-weight-variance", _KAPPA, "kappa", None),
    (_formula("kinetic-weight-variance"), "white-weight-variance", "learning_rate -> 0", "eta", None),
    (_formula("kinetic-velocity-variance"), "white-velocity-variance",
     "learning_rate -> 0, momentum -> 1", "eta one", None),
    (_formula("kinetic-flat-weight-variance"), "flat-weight-variance", "steps_per_epoch -> oo", "M", None),
    (_formula("correlation-time-flat"), "flat-correlation-time", "steps_per_epoch -> oo", "M", None),
    (_formula("correlation-time-steep"), "correlation-time", "steps_per_epoch -> oo", "M", None),
    (_formula("dropped-batch-weight-variance"), "reshuffled-weight-variance", _BY_BATCHES, "N,_S", None),
    (_formula("dropped-batch-weight-variance"), "white-weight-variance", "samples -> oo", "N", None),
    (_formula("reshuffled-weight-variance"), "dropped-batch-weight-variance", _BY_BATCHES, "N,_S", None),
    (_formula("reshuffled-velocity-variance"), "dropped-batch-velocity-variance", _BY_STEPS, "N,_M", None),
    (_formula("reshuffled-weight-spectrum"), "white-weight-spectrum", "steps_per_epoch -> oo", "M", None),
    (_formula("white-weight-autocovariance"), "reshuffled-weight-autocovariance",
     "steps_per_epoch -> oo", "M", None),
    (_WHITE, "averaged-reshuffled-weight-variance",
     "steps_per_epoch -> oo, learning_rate -> 0", "M eta", None),
    (_WHITE, "reshuffled-weight-variance-at-position", "steps_per_epoch -> oo", "M", None),
    (_WHITE, "cross-mode-covariance", "second_curvature -> 0, steps_per_epoch -> oo, learning_rate -> 0",
     "lambda' M eta", None),
    (_formula("ema-reshuffled-weight-variance"), "reshuffled-weight-variance",
     "momentum -> 0", "beta", None),
]


@pytest.mark.parametrize(("claim", "slug", "limit", "path", "error"), _CASES)
def test_ratio_one_and_its_leading_error(
    claim: sp.Expr, slug: str, limit: str, path: str, error: sp.Expr | None
) -> None:
    found = _found(claim, slug)
    assert limit in found, list(found)
    finding = found[limit]
    assert finding.ratio == 1
    if error is not None:
        assert sp.cancel(finding.leading_error - error) == 0
    _agrees_with_numbers(claim, slug, finding, path)
    small = {"learning_rate", "steps_per_epoch", "samples"}
    names = {part.split(" ->")[0].strip() for part in limit.split("(")[0].split("at fixed")[0].split(",")}
    assert finding.in_scope == (names <= small) or limit in finding.also


def test_a_wrong_leading_error_is_seen() -> None:
    found = _found(_WHITE, "reshuffled-weight-variance")["steps_per_epoch -> oo"]
    wrong = LimitFinding(
        limit=found.limit, ratio=found.ratio, order=found.order,
        leading_error=found.leading_error * sp.Rational(101, 100), in_scope=True,
    )
    with pytest.raises(AssertionError, match=r"mpf\('0\.00"):
        _agrees_with_numbers(_WHITE, "reshuffled-weight-variance", wrong, "M")


def test_long_epochs_of_the_catalogue_are_right_to_second_order() -> None:
    claim = _formula("reshuffled-weight-variance-long-epoch")
    assert _found(claim, "reshuffled-weight-variance")["steps_per_epoch -> oo"].order == 2


def test_white_is_no_limit_at_a_fixed_number_of_steps() -> None:
    found = _found(_WHITE, "reshuffled-weight-variance", declared="eta -> 0")
    assert found["learning_rate -> 0"].ratio == sp.oo


def test_both_orders_where_they_differ() -> None:
    claim = _eta * _c / (2 * _lambda * (1 - _beta))
    found = _found(claim, "reshuffled-weight-variance")
    assert "steps_per_epoch -> oo, learning_rate -> 0" in found
    assert "learning_rate -> 0, steps_per_epoch -> oo" not in found


@pytest.mark.parametrize("slug", ["continuous-time-weight-variance", "reshuffled-weight-variance"])
def test_what_is_identical_or_a_multiple_has_no_limits(slug: str) -> None:
    truth = _formula(slug)
    assert find_limits(truth, target_by_slug(slug)) == ()
    assert find_limits(2 * truth, target_by_slug(slug)) == ()


def test_a_factor_is_the_ratio() -> None:
    found = _found(2 * _FLAT, "flat-weight-variance")
    assert {f.ratio for f in found.values()} == {sp.Integer(2)}
    _agrees_with_numbers(2 * _FLAT, "flat-weight-variance", found["steps_per_epoch -> oo"], "M")


@pytest.mark.parametrize("claim", [
    _eta * _c * (2 + 3 * _beta) / (_lambda * (5 - _x)), _eta**2 * _c, _c * _M / _lambda**2, _eta * _c * 2**_M,
])
@pytest.mark.parametrize("slug", ["white-weight-variance", "reshuffled-weight-variance"])
def test_a_claim_of_another_structure_agrees_nowhere(claim: sp.Expr, slug: str) -> None:
    assert all(f.ratio != 1 for f in find_limits(claim, target_by_slug(slug)))


def test_powers_that_may_not_decay_carry_their_condition() -> None:
    rate = 1 - _x / (1 - _beta)
    claim = _WHITE * (1 - rate**_M)
    limits = _found(claim, "reshuffled-weight-variance")
    assert any("steps_per_epoch -> oo (where |" in text for text in limits)
    growing = _WHITE * (1 - (1 + _x) ** _M)
    assert not any(f.ratio == 1 for f in find_limits(growing, target_by_slug("reshuffled-weight-variance")))


def test_declared_limits_come_first_whatever_they_give() -> None:
    claim, target = _eta * _c / (2 * _lambda), target_by_slug("reshuffled-weight-variance")
    found = find_limits(claim, target, declared="continuous time")
    assert found[0].limit == "continuous time (steps_per_epoch -> oo, learning_rate -> 0)"
    assert found[0].ratio == 1 - _beta
    found = find_limits(_WHITE, target, declared="curvature >> crossover")
    assert found[0].limit == "curvature >> crossover (steps_per_epoch -> oo)"
    assert found[0].ratio == 1
    found = find_limits(claim, target_by_slug("white-weight-variance"), declared="continuous time")
    assert found[0].limit == "continuous time (learning_rate -> 0)"


def test_square_roots_of_momentum() -> None:
    claim = _FLAT * (1 + sp.sqrt(_beta) / _M)
    found = _found(claim, "flat-weight-variance")["steps_per_epoch -> oo"]
    assert sp.simplify(found.leading_error - _LONG_FLAT - sp.sqrt(_beta) / _M) == 0


@pytest.mark.parametrize(("text", "names"), [
    ("eta -> 0", ("learning_rate",)),
    ("M -> oo", ("steps_per_epoch",)),
    ("learning_rate -> 0, momentum -> 1", ("learning_rate", "momentum to one")),
    ("steps_per_epoch -> infinity then η → 0", ("steps_per_epoch", "learning_rate")),
    (r"N \to \infty and \lambda \to 0", ("samples", "curvature")),
    ("curvature >> crossover", ("steps_per_epoch",)),
    ("continuous time", ("steps_per_epoch", "learning_rate")),
    ("M >> 1/(1-beta)", ("steps_per_epoch",)),
    ("1/M -> 0", ("steps_per_epoch",)),
    ("eta*lambda << 1", ("learning_rate",)),
])
def test_declared_texts(text: str, names: tuple[str, ...]) -> None:
    assert read_limit(text)[0] == names


@pytest.mark.parametrize("text", ["soon", "eta -> 3", "M -> 0", "batch_size -> oo", "gamma -> 0", ", ,"])
def test_texts_that_are_not_understood(text: str) -> None:
    with pytest.raises(TheoryError, match="understood are 'NAME -> 0'"):
        find_limits(_FLAT, target_by_slug("flat-weight-variance"), declared=text)


def test_sums_over_lags_are_summed() -> None:
    h = sp.Symbol("h", integer=True)
    written = _eta**2 * _c * sp.Sum((_M - h) * _beta**h, (h, 0, _M - 1)) / (6 * (1 - _beta))
    found = _found(written, "flat-weight-variance")["steps_per_epoch -> oo"]
    assert found.ratio == 1
    assert sp.cancel(found.leading_error - _LONG_FLAT + _beta / (_M * (1 - _beta))) == 0


def test_time_is_kept_and_nothing_crashes_over_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that ticks when it is looked at: the search ends with the time, and looks often."""
    looks, late = 0, 0

    def tick() -> float:
        nonlocal looks
        looks += 1
        return looks / 1000

    for module in ("limits", "series_search"):
        monkeypatch.setattr(f"derivations.checking.{module}.time", SimpleNamespace(monotonic=tick))
    for entry in CATALOGUE:
        target = target_by_slug(entry.slug)
        _ = target.truth  # derived once, at other times
        looks = 0
        calls_of(partial(find_limits, _WHITE, target, seconds=1), 40_000_000)
        assert looks <= 1002, entry.slug
        late += looks > 1000
    assert late > 5

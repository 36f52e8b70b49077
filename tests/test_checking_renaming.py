"""Renamings: the field's habits first, homogeneous, injective, bounded, and nothing wrong made right."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
import sympy as sp

from derivations.checking.habits import HABITS, MEANINGS, habits_of, letter_of
from derivations.checking.homogeneity import DECLARED_UNITS, homogeneity
from derivations.checking.renaming import Candidate, renamings
from derivations.checking.target import Target, target_by_slug
from derivations.step import Step
from theory.symbols import (
    PARAMETERS,
    averaging_rate,
    batch_size,
    curvature,
    learning_rate,
    momentum,
    noise_variance,
    samples,
    steps_per_epoch,
    weight_decay,
)

_eta, _beta, _lambda, _c = learning_rate, momentum, curvature, noise_variance
_SQUARED = (Fraction(0), Fraction(2))
gamma, mu, h, b, sigma, sigma2, alpha, kappa, n, D = sp.symbols("gamma mu h b sigma sigma2 alpha kappa n D")


def _all(claim: sp.Expr, target: Target) -> list[Candidate]:
    unknown = sorted(claim.free_symbols - {p.symbol for p in PARAMETERS.values()}, key=str)
    return list(renamings(claim, unknown, target))


def _proved(candidates: list[Candidate], target: Target) -> list[str]:
    steps = (Step(because="", lhs=c.expression, rhs=target.truth) for c in candidates)
    return [c.summary for c, s in zip(candidates, steps, strict=True) if s.check().proved]


CASES = (
    ("white-weight-variance", {_eta: gamma, _beta: mu, _lambda: h, _c: sigma2},
     "with gamma as the learning rate, h as the curvature, mu as the momentum and sigma2 as the noise "
     "variance"),
    ("white-weight-variance", {_eta: gamma, _c: sigma**2},
     "with gamma as the learning rate and sigma as the standard deviation of the noise"),
    ("white-weight-variance", {_eta: gamma, _c: sigma**2 / b},
     "with b as the batch size, gamma as the learning rate and sigma as the standard deviation of the noise "
     "of one sample"),
    ("white-weight-variance", {_c: 2 * D / _eta}, "with D as the diffusion coefficient eta c/2 of continuous "
     "time"),
    ("white-weight-variance", {_beta: alpha, _lambda: kappa}, "with alpha as the momentum and kappa as the "
     "curvature"),
    ("white-weight-variance", {_beta: 1 - gamma}, "with gamma as one minus the momentum"),
    ("reshuffled-weight-variance", {steps_per_epoch: n}, "with n as the number of steps per epoch"),
    ("reshuffled-weight-variance", {_eta: averaging_rate}, "with alpha as the learning rate"),
    ("reshuffled-weight-variance", {_beta: weight_decay}, None),  # no momentum has a unit
    ("reshuffled-weight-variance", {_eta: _lambda, _lambda: _eta}, "with eta and lambda swapped"),
    ("kept-batch-weight-variance", {samples: batch_size, batch_size: samples}, "with N and S swapped"),
)


@pytest.mark.parametrize(("slug", "letters", "summary"), CASES)
def test_the_letters_of_the_literature_are_recognised(
    slug: str, letters: dict[sp.Symbol, sp.Expr], summary: str | None
) -> None:
    target = target_by_slug(slug)
    found = _all(target.truth.xreplace(letters), target)
    if summary is None:
        found = [c for c in found if c.expression == target.truth]
        assert not found or "rho as the momentum" in found[0].summary
        return
    place = [c.summary for c in found].index(summary)
    assert place < 10, [c.summary for c in found[: place + 1]]
    assert summary in _proved(found[: place + 1], target)


@pytest.mark.parametrize("wrong", [
    2 * gamma * mu / h, gamma * sigma2 / (h * (2 - gamma * h) * (1 - mu)),
    gamma * (1 + mu) * sigma2 / (h * (1 - mu) * (2 - 2 * mu - gamma * h)),
    _eta * (1 + _beta) * _c / (_lambda * (1 - _beta) * (2 + 2 * _beta + _eta * _lambda)),
    _eta * (1 + _beta) * _c / (_lambda * (1 - _beta) * (2 + _beta - _eta * _lambda)),
    2 * _eta * (1 + _beta) * _c / (_lambda * (1 - _beta) * (2 + 2 * _beta - _eta * _lambda)),
])
def test_a_wrong_claim_stays_wrong_under_every_renaming(wrong: sp.Expr) -> None:
    target = target_by_slug("white-weight-variance")
    assert _proved(_all(wrong, target), target) == []


@pytest.mark.parametrize("slug", ["white-weight-variance", "reshuffled-weight-variance",
                                  "reshuffled-weight-autocovariance", "kept-batch-weight-variance"])
def test_the_search_is_bounded_injective_and_quick(slug: str) -> None:
    target = target_by_slug(slug)
    names = {s: sp.Symbol(f"z{i}") for i, s in enumerate(sorted(target.truth.free_symbols, key=str))}
    claim = target.truth.xreplace(names)
    started = time.perf_counter()
    found = _all(claim, target)
    assert time.perf_counter() - started < 3  # 0.3 s on an idle core
    assert 0 < len(found) <= 300
    assert all(c.kind == "renaming" and c.summary.startswith("with ") for c in found)
    assert all(not c.expression.free_symbols & set(names.values()) for c in found)
    assert target.truth in [c.expression for c in found]
    assert len({c.expression for c in found}) == len(found)


def test_nothing_is_renamed_to_an_inhomogeneous_formula() -> None:
    target = target_by_slug("white-weight-variance")
    claim = gamma * sigma2 / (h * (2 - gamma * h))
    for candidate in _all(claim, target):
        assert homogeneity(candidate.expression).unit(DECLARED_UNITS) is not None, candidate.summary


def test_a_right_unit_comes_before_a_wrong_one() -> None:
    target = target_by_slug("continuous-time-weight-variance")
    found = _all(gamma * sigma2 / (2 * h), target)
    units = [homogeneity(c.expression).unit(DECLARED_UNITS) == _SQUARED for c in found[:4]]
    assert found[0].expression == target.truth
    assert units == sorted(units, reverse=True)


def test_without_letters_there_is_nothing_to_rename() -> None:
    assert _all(sp.Integer(2), target_by_slug("white-weight-variance")) == []


def test_every_habit_names_a_meaning_with_a_unit() -> None:
    for letter in HABITS:
        assert habits_of(letter)
    for meaning in MEANINGS:
        assert meaning.unit is not None
        assert meaning.symbol in meaning.expression.free_symbols


def test_letters_are_read_through_indices_and_declared_names() -> None:
    assert letter_of(learning_rate) == "eta"
    assert letter_of(sp.Symbol("alpha_0")) == "alpha"
    assert letter_of(sp.Symbol("lambda_{i}")) == "lambda"
    assert letter_of(sp.Symbol("sigma2")) == "sigma2"


def test_units_of_sums_and_cases() -> None:
    k = sp.Symbol("k", integer=True)
    total = sp.Sum(learning_rate**2 * noise_variance * momentum**k, (k, 0, steps_per_epoch))
    cases = sp.Piecewise((total, momentum < 1), (learning_rate * noise_variance / curvature, True))
    assert homogeneity(cases).unit(DECLARED_UNITS) == _SQUARED
    assert homogeneity(cases + learning_rate).unit(DECLARED_UNITS) is None


def test_a_candidate_translates_the_claimed_region() -> None:
    """The claim's own letters stand in its region as well: both are translated by the same table."""
    target = target_by_slug("white-weight-variance")
    (found,) = (c for c in _all(target.truth.xreplace({_eta: alpha, _beta: 1 - gamma}), target)
                if c.summary == "with alpha as the learning rate and gamma as one minus the momentum")
    assert found.table == {alpha: _eta, gamma: 1 - _beta}
    region = sp.And(alpha * _lambda < 2 * (2 - gamma), gamma > 0)
    assert found.translated(region) == sp.And(_eta * _lambda < 2 * (1 + _beta), 1 - _beta > 0)
    assert found.translated(sp.true) == sp.true
    assert Candidate(kind="convention", summary="", expression=_c).translated(region) == region

"""Renamings: the field's habits first, homogeneous, injective, bounded, and nothing wrong made right."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from calls import calls_of

from derivations.checking.compare import Comparison, quick_test
from derivations.checking.habits import HABITS, MEANINGS, habits_of, letter_of
from derivations.checking.homogeneity import DECLARED_UNITS, homogeneity
from derivations.checking.renaming import Candidate, renamings
from derivations.checking.target import Target, target_by_slug, target_of_pair
from derivations.step import Step
from theory.optimizers import sgd
from theory.sampling import fresh_batches
from theory.symbols import (
    PARAMETERS,
    averaging_rate,
    batch_size,
    curvature,
    lag,
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
C0, s, t, k, i = sp.symbols("C_0 s t k i")
_m, _s, _n = steps_per_epoch, batch_size, samples
#: plain SGD on independent batches
_WHITE = _eta * _c / (_lambda * (2 - _eta * _lambda))


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
    ("flat-weight-variance-long-epoch", {steps_per_epoch: samples},
     "with N as the number of steps per epoch"),
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
def test_the_search_is_bounded_and_injective(slug: str) -> None:
    target = target_by_slug(slug)
    names = {s: sp.Symbol(f"z{i}") for i, s in enumerate(sorted(target.truth.free_symbols, key=str))}
    claim = target.truth.xreplace(names)
    found: list[Candidate] = []
    calls_of(lambda: found.extend(_all(claim, target)), 40_000_000)  # it takes up to 13 million
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


def _right(claim: sp.Expr, target: Target, fixed: frozenset[sp.Symbol] = frozenset()) -> list[str]:
    """Summaries of the renamings under which the claim is proved."""
    unknown = sorted(claim.free_symbols - {p.symbol for p in PARAMETERS.values()}, key=str)
    return [
        found.summary for found in renamings(claim, unknown, target, fixed)
        if quick_test(found.expression, target)
        and Comparison(claim=found.expression, target=target).proved
    ]


def _plain(quantity: str) -> Target:
    return target_of_pair(sgd(), fresh_batches(), quantity)


def test_what_was_written_in_full_is_not_read_as_anything_else() -> None:
    target = target_by_slug("flat-weight-variance-long-epoch")
    claim = target.truth.xreplace({_m: _n})
    assert _right(claim, target) == ["with N as the number of steps per epoch"]
    assert _right(claim, target, frozenset({_n})) == []
    assert list(renamings(claim, (), target, frozenset(claim.free_symbols))) == []


@pytest.mark.parametrize(("slug", "written"), [
    ("stability-limit", {_lambda: _eta}),  # nobody writes eta for a curvature
    ("reshuffled-weight-variance", {_eta: _lambda, _lambda: _eta}),
    ("kept-batch-weight-variance", {_n: _s, _s: _n}),
    ("white-weight-variance", {_beta: _m}),
])
def test_a_declared_letter_is_read_only_as_what_it_is_used_for(
    slug: str, written: dict[sp.Symbol, sp.Expr]
) -> None:
    target = target_by_slug(slug)
    assert _right(target.truth.xreplace(written), target) == []


@pytest.mark.parametrize("claim", [_WHITE, _WHITE.xreplace({_lambda: weight_decay}), _WHITE * _m / _n])
def test_a_declared_letter_is_read_anew_only_if_the_unit_is_then_right(claim: sp.Expr) -> None:
    for slug in ("white-weight-variance", "stability-limit", "correlation-time"):
        target = target_by_slug(slug)
        for found in renamings(claim, (), target):
            unit = homogeneity(found.expression).unit(DECLARED_UNITS)
            assert unit == tuple(map(Fraction, target.unit)), found.summary


_FINITE = (1 / _s - 1 / _n, (_n - _s) / (_s * (_n - 1)), (_n - 1) / (_n * _s))
_SAID = ("c = (1/S - 1/N) times", "c = (N - S)/(S (N - 1)) times", "c = (N - 1)/(N S) times")


@pytest.mark.parametrize(("factor", "said"), list(zip(_FINITE, _SAID, strict=True)))
@pytest.mark.parametrize("letter", [C0, sigma**2])
def test_a_noise_letter_may_be_that_of_a_finite_set(factor: sp.Expr, said: str, letter: sp.Expr) -> None:
    target = _plain("weight-variance")
    (summary,) = _right(_WHITE.xreplace({_c: factor * letter}), target)
    assert summary.endswith(said + (" that" if letter == C0 else " its square"))
    assert _right(_WHITE.xreplace({_c: factor * letter * (_n + 1) / _n}), target) == []
    assert _right(_WHITE.xreplace({_c: factor * letter / _s}), target) == []


@pytest.mark.parametrize(("claim", "coupled"), [
    (-C0 * (_m - lag) / (_m * _n), True),
    (-C0 * (_m - lag) / (_m * n), True),
    (-C0 * (_m - lag) / (_m**2 * _s), True),
    (-C0 * (1 / _s - 1 / _n) * (_m - lag) / (_m * (_m - 1)), False),
])
def test_samples_are_steps_times_batch_size_where_the_scheme_forces_it(claim: sp.Expr, coupled: bool) -> None:
    target = target_by_slug("reshuffled-noise-autocovariance")
    (summary,) = _right(claim, target)
    assert summary.endswith("where N = M S") == coupled
    assert _right(claim * (_m - 1) / _m, target) == []
    assert _right(claim.xreplace({lag: lag + 1}), target) == []


@pytest.mark.parametrize(("lag_of_claim", "expected"), [
    (t - s, ["t - s"]), (k - i, ["k - i"]), (sp.Abs(t - s), ["s - t", "t - s"]),
    (t + s, []), (t - 2 * s, []), (t - s + 1, []),
])
def test_a_difference_of_two_times_is_the_lag(lag_of_claim: sp.Expr, expected: list[str]) -> None:
    target = _plain("weight-autocovariance")
    claim = (_WHITE * (1 - _eta * _lambda) ** lag_of_claim).xreplace({_eta: gamma})
    exponents = [p.exp.free_symbols for c in _all(claim, target) for p in c.expression.atoms(sp.Pow)]
    assert not set().union(*exponents) & {batch_size, samples}
    summaries = _right(claim, target)
    assert len(summaries) == min(1, len(expected))  # of |t - s| one order is enough
    assert set(summaries) <= {f"with {e} as the lag and gamma as the learning rate" for e in expected}

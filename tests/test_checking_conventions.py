"""Conventions: each is derived from the rules' own transfer functions or units; none makes an error right."""

from __future__ import annotations

import pytest
import sympy as sp
from calls import calls_of

from derivations.checking.candidate import Candidate
from derivations.checking.compare import Comparison, quick_test
from derivations.checking.conventions import conventions, explanations
from derivations.checking.conventions.compositions import compose
from derivations.checking.conventions.epochs import COUNTED_OTHERWISE, COUPLED, EPOCHS, units_set_to_one
from derivations.checking.conventions.momentum import MOMENTUM, ONE_MINUS
from derivations.checking.conventions.noise import CONTINUOUS_TIME, NOISE
from derivations.checking.conventions.quantity import ERRORS_OF_SCALE, QUANTITY
from derivations.checking.target import Target, target_by_slug, target_of_pair
from theory.law import stationary_law
from theory.optimizers import ema_momentum, heavy_ball, nesterov, pytorch_sgd, rule_by_name
from theory.sampling import dropped_batch, fresh_batches, reshuffled, with_replacement
from theory.symbols import (
    batch_size,
    curvature,
    dampening,
    lag,
    learning_rate,
    momentum,
    noise_variance,
    position,
    samples,
    steps_per_epoch,
    weight_decay,
)

_eta, _beta, _lambda, _c = learning_rate, momentum, curvature, noise_variance
_m, _s, _n = steps_per_epoch, batch_size, samples
_EMA = {_eta: _eta * (1 - _beta)}  # heavy ball's formula in the learning rate of an exponential average


def _truth(slug: str) -> sp.Expr:
    return target_by_slug(slug).truth


def _proved(found: list, target: Target) -> list[str]:  # type: ignore[type-arg]
    return [
        c.summary for c in found
        if quick_test(c.expression, target) and Comparison(claim=c.expression, target=target).proved
    ]


RIGHT: tuple[tuple[str, dict[sp.Symbol, sp.Expr], sp.Expr, str], ...] = (
    ("white-weight-variance", _EMA, sp.S.One, "exponential-average momentum"),
    ("reshuffled-weight-variance", _EMA, sp.S.One, "exponential-average momentum"),
    ("ema-reshuffled-weight-variance", {_eta: _eta / (1 - _beta)}, sp.S.One, "heavy ball and PyTorch"),
    ("white-weight-variance", {_c: _c / _s}, sp.S.One, "noise variance of one sample"),
    ("white-weight-variance", {_c: _c * (1 / _s - 1 / _n)}, sp.S.One, "C_0 (1/S - 1/N)"),
    ("white-weight-variance", {_c: _c * (_n - _s) / (_s * (_n - 1))}, sp.S.One, "1/N convention"),
    ("white-weight-variance", {_c: _c * (_n - 1) / (_n * _s)}, sp.S.One, "with replacement"),
    ("white-weight-variance", {_c: _c * (_n - 1) / _n}, sp.S.One, "N - 1 instead of N"),
    ("white-weight-variance", {_c: _c * _n / (_n - 1)}, sp.S.One, "N instead of N - 1"),
    ("white-weight-variance", {_c: _c / _eta**2}, sp.S.One, "added to the weights"),
    ("white-weight-variance", {_c: _c**2}, sp.S.One, "standard deviation of the noise"),
    ("white-weight-variance", {_c: _c / _s, **_EMA}, sp.S.One, "and with the learning rate"),
    ("white-weight-variance", {_beta: 1 - _beta}, sp.S.One, "one minus the momentum"),
    ("white-weight-variance", {_eta: sp.S.One}, sp.S.One, "learning rate set to 1"),
    ("white-weight-variance", {_lambda: sp.S.One, _c: sp.S.One}, sp.S.One, "noise variance set to 1"),
    ("white-velocity-variance", {}, _eta**-2, "gradient buffer of PyTorch"),
    ("white-velocity-variance", _EMA, _eta**-2, "gradient buffer of PyTorch"),
    ("white-velocity-variance", {}, 1 / _eta, "v / sqrt(eta)"),
    ("white-weight-velocity-covariance", {}, -1 / _eta, "gradient buffer of PyTorch"),
    ("reshuffled-weight-variance", {_m: _n / _s}, sp.S.One, "N/S for the number of steps"),
    ("reshuffled-weight-variance", {_m: _n}, sp.S.One, "batches of one sample"),
    ("reshuffled-weight-variance", {_m: _n / _s, _c: _c * (1 / _s - 1 / _n)}, sp.S.One, "and with N/S"),
    ("reshuffled-weight-variance-at-position", {position: position + 1}, sp.S.One, "counted from 0"),
    ("reshuffled-weight-autocovariance", {lag: lag * _m}, sp.S.One, "counted in epochs"),
    ("pytorch-reshuffled-weight-variance", {dampening: sp.S.Zero, weight_decay: sp.S.Zero}, sp.S.One,
     "weight decay counted in"),
)


@pytest.mark.parametrize(("slug", "written", "factor", "summary"), RIGHT)
def test_a_claim_in_another_convention_is_recognised(
    slug: str, written: dict[sp.Symbol, sp.Expr], factor: sp.Expr, summary: str
) -> None:
    target = target_by_slug(slug)
    claim = target.truth.xreplace(written)
    claim *= factor.xreplace(written) if _eta not in written else factor
    if slug == "white-velocity-variance" and written:  # the buffer in the average's own learning rate
        claim = target.truth.xreplace(written) / _eta**2
    assert any(summary in s for s in _proved(list(conventions(claim, target)), target))


def test_an_autocorrelation_is_recognised() -> None:
    target = target_by_slug("reshuffled-weight-autocovariance")
    claim = target.truth / _truth("reshuffled-weight-variance")
    assert any("autocorrelation" in s for s in _proved(list(conventions(claim, target)), target))


@pytest.mark.parametrize("scheme", [fresh_batches(), reshuffled()])
def test_nesterov_is_recognised_in_both_of_its_forms(scheme: object) -> None:
    target = target_of_pair(heavy_ball(), scheme, "weight-variance")  # type: ignore[arg-type]
    own = stationary_law(nesterov(), scheme).weight_variance.expression  # type: ignore[arg-type]
    ahead = stationary_law(pytorch_sgd(nesterov=True), scheme).weight_variance.expression  # type: ignore[arg-type]
    ahead = ahead.xreplace({weight_decay: sp.S.Zero})
    assert any("Nesterov" in s for s in _proved(list(conventions(own, target)), target))
    assert any("look-ahead" in s for s in _proved(list(conventions(ahead, target)), target))


def test_another_law_proves_the_claim_is_that_law() -> None:
    target = target_by_slug("white-weight-variance")
    rule = pytorch_sgd(nesterov=True)
    law = stationary_law(rule, fresh_batches()).weight_variance.expression.xreplace({weight_decay: sp.S.Zero})
    found = [c for c in conventions(law, target) if c.proof is not None and "look-ahead" in c.summary]
    assert found[0].proof == (law, law)
    assert sp.cancel(found[0].expression - target.truth) == 0
    for candidate in conventions(law + _eta**2 * _c, target):  # the same with an extra term: no longer
        assert sp.cancel(candidate.expression - target.truth) != 0


#: convention, rule of the claim, rule of the target, what the claim's rule has switched off
_TRANSFERS = (
    ("exponential-average", "ema-momentum", "heavy-ball", ()),
    ("heavy-ball-buffer", "heavy-ball", "ema-momentum", ()),
    ("dampening", "pytorch-sgd", "heavy-ball", (weight_decay,)),
    ("dampening-in-average", "pytorch-sgd", "ema-momentum", (weight_decay,)),
    ("undampened", "pytorch-sgd", "pytorch-sgd", (dampening,)),
    ("undampened-regularised", "heavy-ball", "pytorch-sgd", ()),
    ("average-for-dampened", "ema-momentum", "pytorch-sgd", ()),
    ("weight-decay-in-curvature", "pytorch-sgd", "pytorch-sgd", (weight_decay,)),
    ("weight-decay-in-curvature", "pytorch-sgd-nesterov", "pytorch-sgd-nesterov", (weight_decay,)),
    ("weight-decay", "pytorch-sgd", "heavy-ball", (dampening,)),
    ("dampening-and-weight-decay", "pytorch-sgd", "heavy-ball", ()),
    ("nesterov", "nesterov", "heavy-ball", ()),
    ("heavy-ball-for-nesterov", "heavy-ball", "nesterov", ()),
    ("quasi-hyperbolic", "quasi-hyperbolic", "pytorch-sgd-nesterov", ()),
)


@pytest.mark.parametrize(("name", "source", "rule", "off"), _TRANSFERS)
def test_momentum_conventions_are_equal_transfer_functions(
    name: str, source: str, rule: str, off: tuple[sp.Symbol, ...]
) -> None:
    """T of the claim's rule, translated, is T of the target's: the same weights from the same noise."""
    z = sp.Dummy("z")
    (convention,) = (c for c in MOMENTUM if c.name == name)
    assert convention.applies(rule, "weight-variance")
    written = rule_by_name(source).transfer_function(z).xreplace(dict.fromkeys(off, sp.S.Zero))
    wanted = rule_by_name(rule).transfer_function(z)
    if name == "quasi-hyperbolic":  # it has no weight decay
        wanted = wanted.xreplace({weight_decay: sp.S.Zero})
    gap = convention.translate(written) - wanted
    assert sp.cancel(sp.together(gap)) == 0


def test_every_momentum_convention_is_derived() -> None:
    assert {c.name for c in MOMENTUM} == {name for name, *_ in _TRANSFERS}


def test_the_noise_conventions_are_those_of_the_schemes() -> None:
    """c / C_0 from the schemes themselves, at a few N and S."""
    table = {c.name: c.replace[_c] / _c for c in NOISE if set(c.replace) == {_c}}
    for n, s in ((6, 2), (12, 3), (10, 10), (7, 1)):
        if n > s:
            without = sp.Rational(1) / sp.Rational(*dropped_batch().variance_factor(n, s).as_integer_ratio())
            assert table["per-sample-without-replacement"].subs({_n: n, _s: s}) == without
            population = table["per-sample-without-replacement-population"].subs({_n: n, _s: s})
            assert population == without * sp.Rational(n - 1, n)
        drawn = sp.Rational(1) / sp.Rational(*with_replacement().variance_factor(n, s).as_integer_ratio())
        assert table["per-sample-with-replacement"].subs({_n: n, _s: s}) == drawn


WRONG = (
    ("white-weight-variance", lambda t: 2 * t),
    ("white-weight-variance", lambda t: t * _eta * _lambda),
    ("white-weight-variance", lambda t: t * (1 - _beta)),
    ("white-weight-variance", lambda t: t + _eta**2 * _c),
    ("white-weight-variance", lambda t: t.xreplace({_lambda: 2 * _lambda})),
    ("white-weight-variance", lambda t: t.xreplace({_beta: -_beta})),
    ("white-weight-variance", lambda t: _eta * _c / (2 * _lambda)),
    ("white-velocity-variance", lambda t: t / 2),
    ("reshuffled-weight-variance", lambda t: t.xreplace({_m: _m + 1})),
    ("reshuffled-weight-variance", lambda t: t * _m / (_m - 1)),
    ("reshuffled-weight-variance", lambda t: _truth("white-weight-variance")),
    ("reshuffled-weight-variance", lambda t: _truth("shuffled-once-weight-variance")),
    ("reshuffled-weight-variance", lambda t: _truth("reshuffled-velocity-variance")),
    ("loss-fluctuation", lambda t: 2 * t),
    ("white-weight-spectrum", lambda t: 2 * t),
    ("correlation-time", lambda t: t / 2),
    ("dropped-batch-weight-variance", lambda t: t.xreplace({_n: _n - 1})),
    ("correlation-time-steep", lambda t: t * _eta),
    ("continuous-time-weight-variance", lambda t: t / _eta),
    ("white-weight-variance", lambda t: t / _c),
)


@pytest.mark.parametrize(("slug", "change"), WRONG)
def test_no_convention_makes_a_wrong_claim_right(slug: str, change) -> None:  # type: ignore[no-untyped-def]
    target = target_by_slug(slug)
    found = list(conventions(change(target.truth), target))
    assert _proved(found, target) == []


#: a lag or a position counted otherwise: off by one, or mirrored
SLIPS = (
    ("reshuffled-noise-autocovariance", lag, lag - 1, "tau - 1 for tau"),
    ("reshuffled-noise-autocovariance", lag, lag + 1, "tau + 1 for tau"),
    ("reshuffled-weight-autocovariance", lag, lag - 1, "tau - 1 for tau"),
    ("reshuffled-weight-autocovariance-beyond", lag, lag + _m, "counted from the end of the epoch"),
    ("reshuffled-weight-variance-at-position", position, position - 1, "before the step"),
    ("reshuffled-weight-variance-at-position", position, _m - position, "from the end of the epoch"),
    ("reshuffled-weight-variance-at-position", position, _m + 1 - position, "the last one being 1"),
)


@pytest.mark.parametrize(("slug", "old", "new", "summary"), SLIPS)
def test_a_slip_is_no_convention(slug: str, old: sp.Symbol, new: sp.Expr, summary: str) -> None:
    target = target_by_slug(slug)
    claim = target.truth.xreplace({old: new})
    assert _proved(list(conventions(claim, target)), target) == []
    both = claim.xreplace({_c: _c / _s})  # nor is it, together with one
    assert _proved(list(conventions(both, target)), target) == []


def test_heavy_ball_for_nesterov_is_said_to_be_another_rule_and_nothing_else() -> None:
    target = target_of_pair(nesterov(), fresh_batches(), "weight-variance")
    claim = _truth("white-weight-variance")
    assert _proved(list(conventions(claim, target)), target) == ["for heavy ball, not for Nesterov momentum"]
    other = target_by_slug("white-weight-variance")
    (said,) = _proved(list(conventions(target.truth, other)), other)
    assert said.startswith("for Nesterov momentum")
    assert said.endswith(", not for heavy ball")


def test_both_halves_of_a_composition_change_the_claim() -> None:
    for slug in ("white-weight-variance", "nesterov-white-weight-variance", "reshuffled-weight-variance"):
        target = target_by_slug(slug)
        claim = target.truth.xreplace({_m: sp.Integer(5)})
        assert not any("N/S" in c.summary or "N = M S" in c.summary for c in conventions(claim, target))


def test_samples_are_steps_times_batch_size_also_where_the_claim_names_no_samples() -> None:
    target = target_by_slug("reshuffled-noise-autocovariance")
    found = _proved(list(conventions(-_c * (_m - lag) / (_m**2 * _s), target)), target)
    assert any(s.endswith("c = C_0 (1/S - 1/N), and where N = M S") for s in found), found


@pytest.mark.parametrize(("symbol", "written"), [(_beta, 1 - _beta), (_c, _c**2)])
def test_a_declared_symbol_is_what_it_is_declared_to_be(symbol: sp.Symbol, written: sp.Expr) -> None:
    target = target_by_slug("white-weight-variance")
    claim = target.truth.xreplace({symbol: written})
    assert len(_proved(list(conventions(claim, target)), target)) == 1
    assert _proved(list(conventions(claim, target, frozenset({symbol}))), target) == []
    sample = claim.xreplace({_eta: _eta * (1 - _beta)})
    assert _proved(list(conventions(sample, target, frozenset({symbol}))), target) == []


def test_every_explanation_completes_perhaps_meant() -> None:
    for c in (*CONTINUOUS_TIME, *ERRORS_OF_SCALE, *COUNTED_OTHERWISE):
        assert not c.summary.startswith(("for ", "with ", "as ", "at ", "right ")), c.summary
        assert len(c.summary) < 120, c.summary


EXPLAINED = (
    ("white-velocity-variance", lambda t: t / 2, "kinetic energy"),
    ("white-weight-spectrum", lambda t: t / sp.pi, "one-sided spectrum per radian"),
    ("white-weight-spectrum", lambda t: 2 * t, "one-sided"),
    ("loss-fluctuation", lambda t: 2 * t, "without the factor 1/2"),
    ("correlation-time", lambda t: t / 2, "without the factor 2"),
    ("correlation-time", lambda t: t / _m, "in epochs"),
    ("white-weight-velocity-covariance", lambda t: -t, "opposite sign"),
    ("white-weight-variance", lambda t: t / _c, "noise variance set to 1"),
    ("white-weight-variance", lambda t: t / _eta * 2, "diffusion coefficient"),
    ("reshuffled-weight-variance", lambda t: _truth("white-weight-variance"), "independent batches"),
    ("reshuffled-weight-variance", lambda t: _truth("shuffled-once-weight-variance"), "single shuffle"),
    ("reshuffled-weight-variance", lambda t: stationary_law(
        heavy_ball(), reshuffled()).quantity("weight-variance-at-last-position").expression,
     "at the end of the epoch"),
    *((slug, lambda t, old=old, new=new: t.xreplace({old: new}), summary)
      for slug, old, new, summary in SLIPS),
)


@pytest.mark.parametrize(("slug", "change", "summary"), EXPLAINED)
def test_what_a_wrong_claim_was_meant_to_be(slug: str, change, summary: str) -> None:  # type: ignore[no-untyped-def]
    target = target_by_slug(slug)
    found = _proved(list(explanations(change(target.truth), target)), target)
    assert any(summary in s for s in found), found
    assert _proved(list(explanations(3 * change(target.truth), target)), target) == []


@pytest.mark.parametrize("slug", ["white-weight-variance", "reshuffled-weight-variance",
                                  "reshuffled-velocity-variance", "reshuffled-weight-autocovariance",
                                  "kept-batch-weight-variance", "pytorch-reshuffled-weight-variance",
                                  "averaged-reshuffled-weight-variance", "reshuffled-weight-spectrum"])
def test_the_number_of_candidates_and_the_calls_are_bounded(slug: str) -> None:
    target = target_by_slug(slug)
    claim = target.truth * (1 / _s - 1 / _n)
    found: list[Candidate] = []
    calls_of(lambda: found.extend(conventions(claim, target)), 20_000_000)  # it takes up to 5 million
    assert len(found) <= 150
    assert len({c.expression for c in found}) == len(found)
    assert all(c.kind == "convention" and c.summary for c in found)
    assert claim not in [c.expression for c in found]


def test_names_are_unique_and_composition_is_translation_twice() -> None:
    everything = (*MOMENTUM, *NOISE, *CONTINUOUS_TIME, *EPOCHS, *COUNTED_OTHERWISE, COUPLED, *QUANTITY,
                  *ERRORS_OF_SCALE, *ONE_MINUS, *units_set_to_one((0, 2)))
    names = [c.name for c in everything]
    assert len(set(names)) == len(names)
    claim = _truth("white-weight-variance").xreplace({_c: _c / _s})
    first, second = NOISE[0], MOMENTUM[0]
    assert compose(first, second).translate(claim) == second.translate(first.translate(claim))


def test_the_average_of_ema_is_a_rule_of_its_own() -> None:
    """Not only by translation: the law derived for the rule itself."""
    target = target_of_pair(heavy_ball(), reshuffled(), "weight-variance")
    claim = stationary_law(ema_momentum(), reshuffled()).weight_variance.expression
    assert any("exponential-average" in s for s in _proved(list(conventions(claim, target)), target))

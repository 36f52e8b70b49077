"""Claims in one field of rational functions: every rewriting is an identity, and only identities pass."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from derivations.checking.compare import Comparison, quick_test
from derivations.checking.point_value import UndefinedError, value_at
from derivations.checking.rational_form import rational_forms
from derivations.checking.sequence_factors import split_sequence
from derivations.checking.summation import closed_sum
from derivations.checking.target import target_by_slug
from derivations.evaluation import NotRationalError
from derivations.factored import factored
from theory import CATALOGUE, formula_by_slug
from theory.sequences import LucasSequence
from theory.symbols import (
    curvature,
    frequency,
    lag,
    learning_rate,
    momentum,
    noise_variance,
    steps_per_epoch,
)

M, beta, c, tau = steps_per_epoch, momentum, noise_variance, lag
x = learning_rate * curvature
h = sp.Symbol("h", integer=True)
white = learning_rate * (1 + beta) * c / (curvature * (1 - beta) * (2 * (1 + beta) - x))
root = sp.sqrt((1 + beta - x) ** 2 - 4 * beta)
z_plus, z_minus = (1 + beta - x + root) / 2, (1 + beta - x - root) / 2


def weight(z: sp.Expr, other: sp.Expr) -> sp.Expr:
    """c_+ or c_- of the autocovariance under white noise."""
    return z * (1 - other**2) / ((z - other) * (1 + z * other))


def lag_sum(z: sp.Expr) -> sp.Expr:
    return sp.Sum((M - h) * z**h, (h, 1, M - 1))


def by_roots(total: Any) -> sp.Expr:
    """The reshuffled variance through the roots of the characteristic polynomial."""
    both = weight(z_plus, z_minus) * total(z_plus) + weight(z_minus, z_plus) * total(z_minus)
    return white * (1 - 2 * both / (M * (M - 1)))


TRUE_CLAIMS = {
    "roots, sums done": (
        by_roots(lambda z: z * (z**M - 1 + M * (1 - z)) / (1 - z) ** 2), "reshuffled-weight-variance"
    ),
    "roots, sums open": (by_roots(lag_sum), "reshuffled-weight-variance"),
    "autocovariance by roots": (
        white * (weight(z_plus, z_minus) * z_plus**tau + weight(z_minus, z_plus) * z_minus**tau),
        "white-weight-autocovariance",
    ),
    "spectrum as a sum of cosines": (
        c - 2 * c / (M * (M - 1)) * sp.Sum((M - h) * sp.cos(frequency * h), (h, 1, M - 1)),
        "reshuffled-noise-spectrum",
    ),
    "spectrum by sines of half angles": (
        c * M / (M - 1) * (1 - sp.sin(M * frequency / 2) ** 2 / (M * sp.sin(frequency / 2)) ** 2),
        "reshuffled-noise-spectrum",
    ),
    "two-sided sum of absolute lags": (
        white.subs(beta, 0) * (1 - (sp.Sum((M - sp.Abs(h)) * (1 - x) ** sp.Abs(h), (h, 1 - M, M - 1)) - M)
                               / (M * (M - 1))),
        "sgd-reshuffled-weight-variance",
    ),
    "five-term sequences against two-term ones": (
        formula_by_slug("reshuffled-weight-variance-iterated-sums").expression,
        "reshuffled-weight-variance",
    ),
    "roots of a parameter": (
        (1 + beta - 2 * sp.sqrt(beta)) / learning_rate, "critical-damping-curvature"
    ),
    "a sum of sequences": (
        c / M * sp.Sum(LucasSequence(1, h, 2 * sp.cos(frequency), 1), (h, 0, 0)) - (M - tau) * c
        / (M * (M - 1)), "reshuffled-noise-autocovariance",
    ),
}


@pytest.mark.parametrize("name", TRUE_CLAIMS)
def test_what_papers_write_is_proved_equal(name: str) -> None:
    claim, slug = TRUE_CLAIMS[name]
    target = target_by_slug(slug)
    comparison = Comparison(claim=claim, target=target)
    assert quick_test(claim, target), "not even equal at two points"
    assert comparison.proved, comparison.why_not


@pytest.mark.parametrize("name", TRUE_CLAIMS)
@pytest.mark.parametrize("slip", [
    lambda e: e.subs(M, M + 1), lambda e: e.subs(beta, beta / 2), lambda e: 2 * e,
    lambda e: e.subs(learning_rate, 2 * learning_rate), lambda e: e + c * learning_rate**2,
    lambda e: e.xreplace({tau: tau + 1}),
])
def test_what_is_wrong_is_never_proved(name: str, slip: Any) -> None:
    claim, slug = TRUE_CLAIMS[name]
    wrong = slip(claim)
    if wrong == claim:
        return  # the slip does not touch this claim
    target = target_by_slug(slug)
    assert not Comparison(claim=wrong, target=target).proved
    assert not quick_test(wrong, target)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.slug)
def test_every_formula_equals_itself_and_not_its_double(entry: Any) -> None:
    target = target_by_slug(entry.slug)
    assert Comparison(claim=target.truth, target=target).proved
    double = Comparison(claim=2 * target.truth, target=target)
    assert not double.proved
    if double.ratio is not None:
        assert double.ratio.expression == 2
    else:  # a root is left over
        assert target.truth.has(sp.sqrt(beta)) or target.truth.has(sp.exp)


@pytest.mark.parametrize("term", [
    (M - h) * sp.Symbol("q") ** h, h**3, h**2 * sp.Symbol("q") ** (2 * h + 1), (M - h) ** 2,
    h * (M - h) * sp.Symbol("q") ** h,
])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_sums_have_the_value_of_their_terms_added(term: sp.Expr, steps: int) -> None:
    total = sp.Sum(term, (h, 1, M - 1))
    point = {M: Fraction(steps), sp.Symbol("q"): Fraction(2, 3)}
    assert value_at(closed_sum(total, lambda count: True), point) == value_at(total, point)


def test_a_sum_that_may_run_backwards_is_not_closed() -> None:
    """At M = 2 the sum from 5 is empty, where its closed form is M - 4 = -2."""
    claim = -c * (M - tau) / (M**2 * (M - 1)) * (4 + sp.Sum(1, (h, 5, M)))
    comparison = Comparison(claim=claim, target=target_by_slug("reshuffled-noise-autocovariance"))
    assert not comparison.proved
    assert "may be empty" in comparison.why_not


def test_sums_that_have_no_closed_form_are_refused() -> None:
    with pytest.raises(NotRationalError, match="no polynomial and no power"):
        closed_sum(sp.Sum(1 / h, (h, 1, M)), lambda count: True)


@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_sequence_that_factors_has_the_values_of_its_factors(k: int, n: int) -> None:
    t, d = sp.Rational(7, 5), sp.Rational(3, 10)
    invariants = [t + 1, t + d, d]  # (z - 1)(z^2 - t z + d)
    count = sp.Symbol("n", integer=True, nonnegative=True)
    split = split_sequence(k, count, invariants)
    assert value_at(split, {count: Fraction(n)}) == value_at(LucasSequence(k, n, *invariants), {})


def test_values_are_exact_or_undefined() -> None:
    point = {beta: Fraction(4, 9), learning_rate: Fraction(1, 3)}
    assert value_at(sp.sqrt(beta), point) == Fraction(2, 3)
    assert value_at(sp.Piecewise((1, beta > sp.S.Half), (2, True)), point) == 2
    with pytest.raises(UndefinedError, match="undefined at learning_rate = 1/3, momentum = 4/9"):
        value_at(1 / (learning_rate - beta + sp.Rational(1, 9)), point)
    with pytest.raises(UndefinedError, match="is not real"):
        value_at(sp.sqrt(learning_rate - 1), point)
    with pytest.raises(UndefinedError, match="too large to evaluate"):
        value_at(learning_rate ** sp.Integer(10**6), point)


def test_factors_are_cancelled_and_turned() -> None:
    found = factored((beta**2 - 1) * c / ((1 - beta) * (M - 1) * 6))
    assert found.constant == Fraction(-1, 6)
    assert dict(found.factors) == {1 + beta: 1, c: 1, M - 1: -1}
    assert factored(c - c).constant == 0


def test_logarithms_have_no_rational_form() -> None:
    with pytest.raises(NotRationalError, match="has no rational form"):
        rational_forms([sp.log(beta), sp.S.One])

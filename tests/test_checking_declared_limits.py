"""The limit that a claim declares: its text in the claim's own letters, and what became of it."""

from __future__ import annotations

import pytest
import sympy as sp

from derivations.checking.limits import LimitFinding, declared_status, find_limits, read_limit
from derivations.checking.target import target_by_slug
from theory.errors import TheoryError
from theory.reading import DEFAULT_NOTATION
from theory.symbols import (
    batch_size,
    curvature,
    learning_rate,
    momentum,
    noise_variance,
    samples,
    steps_per_epoch,
)

_OWN = DEFAULT_NOTATION.with_names({
    "gamma": "learning_rate", "alpha": "learning_rate", "n": "samples", "h": "eta*lambda",
    "delta": "1 - beta", "lambda": "eta", "T": "M",
})
_x = learning_rate * curvature
_CONTINUOUS = learning_rate * noise_variance / (2 * curvature * (1 - momentum))


@pytest.mark.parametrize(("text", "names"), [
    ("gamma -> 0", ("learning_rate",)), (r"\gamma \to 0", ("learning_rate",)), ("γ→0", ("learning_rate",)),
    (r"$\alpha \to 0^+$", ("learning_rate",)), ("h -> 0", ("learning_rate",)),
    ("delta -> 0", ("momentum to one",)), ("delta -> 1", ("momentum",)), ("lambda -> 0", ("learning_rate",)),
    (r"T \rightarrow \infty", ("steps_per_epoch",)),
    ("T -> +oo, gamma -> 0", ("steps_per_epoch", "learning_rate")),
    ("n -> infinity", ("samples",)), ("1/T << 1", ("steps_per_epoch",)),
    ("step size -> 0", ("learning_rate",)),
    (r"\beta \to 1^{-}", ("momentum to one",)), ("1/gamma -> oo", ("learning_rate",)),
])
def test_a_limit_in_the_letters_of_the_claim(text: str, names: tuple[str, ...]) -> None:
    assert read_limit(text, _OWN).names == names


@pytest.mark.parametrize("text", ["gamma -> 0", r"\gamma \to 0"])
def test_a_letter_that_nobody_declared_is_named(text: str) -> None:
    with pytest.raises(TheoryError, match=r"'gamma' in the limit .* is not declared; understood are"):
        read_limit(text)


@pytest.mark.parametrize("text", ["gamma -> 1", "c -> 0", "M -> 0", "eta + M -> 0", "gamma", "sqrt( -> 0"])
def test_limits_that_are_not_taken(text: str) -> None:
    with pytest.raises(TheoryError, match="understood are 'NAME -> 0'"):
        read_limit(text, _OWN)


def _declared(claim: sp.Expr, slug: str, limit: str) -> tuple[str, list[LimitFinding]]:
    found = find_limits(claim, target_by_slug(slug), declared=read_limit(limit))
    return declared_status(found, limit), [f for f in found if f.declared]


def test_the_declared_limit_is_marked_and_no_other() -> None:
    status, marked = _declared(_CONTINUOUS, "white-weight-variance", "eta -> 0")
    assert status == "holds"
    assert [f.limit for f in marked] == ["learning_rate -> 0"]
    assert marked[0].variables == (("learning_rate", "0"),)


def test_a_declared_limit_that_fails_says_what_the_ratio_tends_to() -> None:
    status, marked = _declared(_CONTINUOUS * (1 - momentum), "white-weight-variance", "eta -> 0")
    assert status == "fails: the ratio tends to 1 - momentum"
    assert [f.ratio for f in marked] == [1 - momentum]


@pytest.mark.parametrize(("claim", "limit", "status"), [
    (_CONTINUOUS, "N -> oo", "not taken: neither side contains samples"),
    (2 * target_by_slug("white-weight-variance").truth, "eta -> 0",
     "not taken: the ratio does not depend on learning_rate"),
])
def test_a_limit_that_is_not_taken_marks_nothing(claim: sp.Expr, limit: str, status: str) -> None:
    assert _declared(claim, "white-weight-variance", limit) == (status, [])


def test_no_declared_limit_has_no_status() -> None:
    found = find_limits(_CONTINUOUS, target_by_slug("white-weight-variance"))
    assert found
    assert not any(f.declared for f in found)
    assert declared_status(found, "") == found.missed == ""


def test_one_finding_where_only_the_product_enters() -> None:
    found = find_limits(_CONTINUOUS, target_by_slug("white-weight-variance"))
    assert [f.limit for f in found] == ["learning_rate -> 0"]
    assert found[0].text == "learning_rate -> 0 (or curvature -> 0)"
    status, marked = _declared(_CONTINUOUS, "white-weight-variance", "lambda -> 0")
    assert (status, marked[0].text) == ("holds", "curvature -> 0 (or learning_rate -> 0)")


def test_both_findings_where_more_than_the_product_enters() -> None:
    claim = _CONTINUOUS * (1 + learning_rate)
    assert [f.limit for f in find_limits(claim, target_by_slug("white-weight-variance"))][:1] == [
        "learning_rate -> 0"]
    assert not find_limits(claim, target_by_slug("white-weight-variance"))[0].also


def test_steps_per_epoch_appear_only_where_they_occur() -> None:
    claim = target_by_slug("white-weight-variance").truth * (1 - batch_size / samples)
    texts = [f.limit for f in find_limits(claim, target_by_slug("white-weight-variance"))]
    assert texts == ["samples -> oo at fixed batch_size"]
    assert _declared(claim, "white-weight-variance", "M -> oo")[0] == "holds"


def test_leading_errors_are_products_with_positive_factors() -> None:
    claim = target_by_slug("white-weight-variance").truth
    error = find_limits(claim, target_by_slug("reshuffled-weight-variance"))[0].leading_error
    assert error is not None
    expected = 2 * (1 - momentum**2 - _x) / (_x * steps_per_epoch * (1 + momentum))
    assert sp.cancel(error - expected) == 0
    assert str(error).count("-") == 2, error

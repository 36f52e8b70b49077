"""The two formulas over a population: values, proofs, mutants, command line."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from derivations import Outcome, derive
from theory import formula_by_slug
from theory.closed_forms import entry_by_slug
from theory.errors import TheoryError
from theory.evaluate import enclose
from theory.export import to_python
from theory.formula import Formula
from theory.one_epoch.population_moments import moments_of_epoch
from theory.population import ARRIVAL_TIMES, MarkedProduct, expand_over
from theory.symbols import displacement, learning_rate, sample_curvature, sample_gradient
from theory.units import formula_unit
from validation.command_line import main
from validation.evidence import climb

SLUGS = ("one-dimensional-epoch-mean", "one-dimensional-epoch-second-moment")
ETA, START = Fraction(3, 8), Fraction(5, 4)
POPULATIONS: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "one": ((Fraction(3, 2),), (Fraction(5, 4),)),
    "two": ((1, Fraction(1, 2)), (2, Fraction(-1, 4))),
    "equal": ((Fraction(3, 4),) * 5, (Fraction(1, 2),) * 5),
    "zero factor": ((Fraction(8, 3), 1, Fraction(1, 2), 2), (1, -1, 3, Fraction(1, 4))),
    "zero factors": ((Fraction(8, 3),) * 3, (1, -1, 3)),
    "huge": ((2**40, 2**41, -(2**42), 1, 3), (1, 2, -1, 4, 2)),
    "negative": ((-1, -2, Fraction(1, 2), -3, 1), (1, -2, 1, Fraction(1, 2), -1)),
    "flat": ((0, 0, 0, 0), (1, 2, -4, 3)),
    "no gradient": ((1, 2, 3), (0, 0, 0)),
}


def enumerated(slug: str, h: Any, g: Any) -> Fraction:
    """The average over every order."""
    ends = []
    for order in itertools.permutations(range(len(h))):
        theta = START
        for n in order:
            theta -= ETA * (h[n] * theta + g[n])
        ends.append(theta if slug.endswith("mean") else theta * theta)
    return sum(ends, Fraction(0)) / len(ends)


def at(h: Any, g: Any) -> dict[str, Any]:
    return {"learning_rate": ETA, "displacement": START, "sample_curvature": h, "sample_gradient": g}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("slug", SLUGS)
def test_values_are_those_of_every_order(slug: str, name: str) -> None:
    """In doubles, in 40 digits and as an exported exact function."""
    h, g = POPULATIONS[name]
    formula, exact = formula_by_slug(slug), enumerated(slug, h, g)
    assert formula.evaluate(**at(h, g)) == float(exact)
    digits = Fraction(formula.evaluate(digits=40, **at(h, g)))
    assert abs(digits - exact) <= abs(exact) * Fraction(1, 10**39)
    scope: dict[str, Any] = {}
    exec(to_python(formula), scope)
    assert scope[slug.replace("-", "_")](**at(h, g)) == exact


@pytest.mark.parametrize("slug", SLUGS)
def test_a_value_that_is_exactly_zero(slug: str) -> None:
    """Gradients that cancel: balls alone would never decide it."""
    values = at((1, 1, 1, 1), (1, -1, 2, -2)) | {"displacement": 0}
    found = formula_by_slug(slug).evaluate(**values)
    assert (found == 0) == slug.endswith("mean")


def test_larger_populations_against_doubles() -> None:
    """Two ways with nothing in common, within the bounds the doubles state."""
    rng = np.random.default_rng(11)
    h, g = rng.exponential(1.0, 60), rng.normal(size=60)
    moments = moments_of_epoch(h, g, 0.25)
    values: dict[str, Any] = {
        "learning_rate": 0.25, "displacement": 0, "sample_curvature": h, "sample_gradient": g,
    }
    for slug, value, error in (
        (SLUGS[0], moments.offset, moments.offset_error),
        (SLUGS[1], moments.offset_square, moments.offset_square_error),
    ):
        assert abs(formula_by_slug(slug).evaluate(**values) - value) <= error < 1e-9 * abs(value)


def test_a_thousand_samples() -> None:
    rng = np.random.default_rng(12)
    h, g = rng.exponential(1.0, 1000), rng.normal(size=1000)
    values: dict[str, Any] = {
        "learning_rate": 0.1, "displacement": 1.0, "sample_curvature": h, "sample_gradient": g,
    }
    found = formula_by_slug(SLUGS[0]).evaluate(**values)
    assert found == pytest.approx(moments_of_epoch(h, g, 0.1, square=False).mean(1.0), rel=1e-11)
    ball = enclose(formula_by_slug(SLUGS[0]), values, 100)
    assert ball.rel_accuracy_bits() >= 100
    assert float(ball.mid()) == found


def test_several_starts_of_one_population() -> None:
    formula = formula_by_slug(SLUGS[1])
    h, g = POPULATIONS["negative"]
    values: dict[str, Any] = at(h, g) | {"displacement": np.array([[0.0, 1.25]])}
    found: Any = formula.evaluate(**values)
    assert found.shape == (1, 2)
    assert found[0, 1] == float(enumerated(SLUGS[1], h, g))


@pytest.mark.parametrize(("change", "message"), [
    ({"sample_gradient": (1, 2)}, "sample_curvature has 3, sample_gradient has 2"),
    ({"sample_gradient": 1}, "sample_gradient = 1 is one number: give a list"),
    ({"sample_gradient": ()}, "sample_gradient is empty"),
    ({"sample_gradient": np.ones((3, 1))}, r"sample_gradient has the shape \(3, 1\)"),
    ({"sample_gradient": (1, "x", 2)}, r"sample_gradient\[1\] = 'x' is not a number"),
    ({"sample_curvature": (1, float("nan"), 2)}, r"sample_curvature\[1\] = nan is not finite"),
    ({"learning_rate": 0}, "learning_rate = 0 is outside its domain"),
])
def test_bad_populations(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TheoryError, match=message):
        formula_by_slug(SLUGS[0]).evaluate(**at((1, 2, 3), (1, 2, 3)) | change)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_unit_follows_from_the_samples(slug: str) -> None:
    formula = formula_by_slug(slug)
    assert [int(power) for power in formula_unit(formula)] == list(formula.unit)
    wrong = replace(formula, compact=formula.compact * MarkedProduct(sample_curvature), where=formula.where)
    with pytest.raises(TheoryError, match="must be dimensionless"):
        formula_unit(wrong)


def wrong_ones(formula: Formula) -> dict[str, sp.Expr]:
    """Slips that a hand might make."""
    t, r = ARRIVAL_TIMES
    e = formula.expression
    found = {
        "one part in a million": e * (1 + sp.Rational(1, 10**6)),
        "twice the learning rate": e.xreplace({learning_rate: 2 * learning_rate}),
        "sign of the gradients": e.xreplace({sample_gradient: -sample_gradient}),
        "sign of the curvatures": e.xreplace({sample_curvature: -sample_curvature}),
        "start lost": e.xreplace({displacement: sp.S.Zero}),
        "time squared": e.xreplace({sp.Tuple(t, 0, 1): sp.Tuple(t, 0, 2)}),
    }
    if e.has(r):
        found["weight r lost"] = e.replace(
            lambda x: x.is_Mul and r in x.args, lambda x: x / r
        )
        found["times exchanged"] = e.replace(
            lambda x: isinstance(x, MarkedProduct) and x.has(r),
            lambda x: x.func(x.args[0].xreplace({r: t, t: r}), *x.args[1:]),
        )
    return found


@pytest.mark.parametrize("slug", SLUGS)
def test_slips_are_refuted_with_a_population(slug: str) -> None:
    formula = formula_by_slug(slug)
    names = wrong_ones(formula)
    assert len(names) >= 6
    for name, wrong in names.items():
        if wrong == formula.expression:
            continue
        verdicts = derive(slug, replace(formula, compact=wrong, where=())).check()
        bad = [v for v in verdicts if not v.proved]
        assert bad, name
        assert all(v.outcome is Outcome.REFUTED and v.witness for v in bad), (name, bad)
        assert "sample_curvature" in bad[-1].witness


@pytest.mark.parametrize("slug", SLUGS)
def test_the_ladder_and_its_rungs(slug: str) -> None:
    entry = entry_by_slug(slug)
    assert {r.verdict for r in climb(entry)} == {"pass"}
    wrong = replace(entry.formula, compact=entry.formula.compact * (1 + sp.Rational(1, 10**6)))
    found = {r.rung: r.verdict for r in climb(entry, ("proved", "exact", "enclosed", "solved"), wrong)}
    assert set(found.values()) == {"fail"}, found


def test_marked_products() -> None:
    """Over symbols: the definition, fewer samples than marks, no mark."""
    x, v, w = sp.symbols("x v w")
    rows = [{x: sp.Symbol(f"x{n}"), v: sp.Symbol(f"v{n}"), w: sp.Symbol(f"w{n}")} for n in range(3)]
    a, b, c = rows
    both = expand_over(MarkedProduct(x, v, w), rows)
    pairs = [(a, b, c), (b, a, c), (a, c, b), (c, a, b), (b, c, a), (c, b, a)]
    assert sp.expand(both - sum(p[v] * q[w] * rest[x] for p, q, rest in pairs)) == 0
    assert expand_over(MarkedProduct(x, v, w), rows[:1]) == 0
    assert expand_over(MarkedProduct(x), rows) == a[x] * b[x] * c[x]


def test_the_second_order_drift_is_its_second_order() -> None:
    r"""Fluctuations of relative size :math:`\epsilon` about a mean curvature: the formula `epoch-drift`."""
    drift = formula_by_slug("epoch-drift")
    rng = random.Random(5)
    a = [Fraction(rng.randint(-9, 9)) for _ in range(4)]
    a[-1] = -sum(a[:-1], Fraction(0))
    g = [Fraction(rng.randint(-9, 9)) for _ in range(4)]
    g[-1] = -sum(g[:-1], Fraction(0))
    eta, mean, start = Fraction(1, 3), Fraction(1, 2), Fraction(2)

    def gap(epsilon: Fraction) -> Fraction:
        h = [mean + epsilon * v for v in a]
        values: dict[str, Any] = {"learning_rate": eta, "displacement": start}
        exact = Fraction(formula_by_slug(SLUGS[0]).evaluate(
            digits=60, sample_curvature=h, sample_gradient=[epsilon * v for v in g], **values
        )) - (1 - eta * mean) ** 4 * start
        second = {
            "curvature": mean, "steps_per_epoch": 4, "curvature_variance": sum(v * v for v in a) / 4,
            "curvature_gradient_covariance": sum(v * w for v, w in zip(a, g, strict=True)) / 4,
        }
        own = {s.name: ({**values, **second})[s.name] for s in drift.parameters}
        return exact - epsilon**2 * Fraction(drift.evaluate(digits=60, **own))

    small, smaller = gap(Fraction(1, 10**6)), gap(Fraction(1, 2 * 10**6))
    assert abs(small / smaller - 8) < Fraction(1, 10**3), "what is left is of third order"


def test_eval_takes_lists_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "curvatures.txt"
    file.write_text("1 2,3\n", encoding="utf-8")
    given = ["learning_rate=1/10", "displacement=1", "sample_gradient=1,-1,1/2", "--json"]
    values = []
    for curvatures in ("1,2,3", f"@{file}"):
        assert main(["eval", SLUGS[0], f"sample_curvature={curvatures}", *given]) == 0
        values.append(json.loads(capsys.readouterr().out)["value"])
    assert values == ["0.46516666666666667"] * 2
    assert main(["eval", SLUGS[0], "sample_curvature=1,,3", *given]) == 2
    assert "misses a number: write them like 1,-1/2,0.3" in capsys.readouterr().err
    assert main(["eval", SLUGS[0], "sample_curvature=@nothing", *given]) == 2
    assert "cannot read 'nothing'" in capsys.readouterr().err

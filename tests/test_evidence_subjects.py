"""Subjects: the rungs on a formula of another model, its truth given by a small subject of this file."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq

from theory import CATALOGUE
from theory.closed_forms import Entry, entry_by_slug
from theory.errors import TheoryError
from theory.evaluate.balls import working_precision
from theory.formula import Formula
from theory.optimizers import sgd
from theory.sampling import fresh_batches
from theory.symbols import curvature, curvature_variance, learning_rate, momentum, noise_variance
from validation.evidence import RungResult, climb
from validation.evidence import limits as limit_table
from validation.evidence.claimed import claimed_in_balls
from validation.evidence.limits import Limit, smaller
from validation.evidence.numbers import to_fmpq
from validation.evidence.points import parameters_of, uniform
from validation.evidence.poles import DEFINITIONS
from validation.evidence.simulated import compare_with_simulation
from validation.evidence.subjects import SUBJECTS, subject_of
from validation.evidence.subjects.defaults import generator, sensitivity, shifted
from validation.evidence.subjects.plans import consecutive, listed, without_wholes
from validation.evidence.subjects.protocol import Plan, Point, Replicas, Subject

ETA, LAMBDA, PSI, C = learning_rate, curvature, curvature_variance, noise_variance
GAP = 1 - (1 - ETA * LAMBDA) ** 2 - ETA**2 * PSI
RUNGS = ("exact", "enclosed", "solved", "dimension")

VARIANCE = Formula(
    slug="test-second-moment", title="plain SGD, one dimension, curvature of variance psi",
    compact=ETA**2 * C / GAP, valid_if=GAP > 0, unit=(0, 2),
)
ENTRY = Entry(
    slug=VARIANCE.slug, derive=lambda: VARIANCE, rule=sgd(), scheme=fresh_batches(),
    quantity="weight-variance", model="multiplicative",
)
SMALL_STEP = Formula(
    slug="test-small-step", title="the same as eta goes to 0",
    compact=ETA * C / (2 * LAMBDA), valid_if=sp.true, unit=(0, 2),
)
LIMIT = Entry(
    slug=SMALL_STEP.slug, derive=lambda: SMALL_STEP, rule=sgd(), scheme=fresh_batches(),
    quantity="weight-variance", exact=False, model="multiplicative",
)


def step(point: Point, moment: Any) -> Any:
    """One step of the second moment, in any numbers."""
    eta, h = point["learning_rate"], point["curvature"]
    contracted = (1 - eta * h) * (1 - eta * h) + eta * eta * point["curvature_variance"]
    return contracted * moment + eta * eta * point["noise_variance"]


class OneDirection(Subject):
    """P = a P + b: a and b from two steps of the recursion, never from the formula."""

    def wholes(self, entry: Entry, formula: Formula) -> Plan:
        return without_wholes()

    def point(
        self, entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
    ) -> dict[str, Any]:
        values = {
            "learning_rate": uniform(rng, Fraction(1, 4), Fraction(3, 4)),
            "curvature": uniform(rng, Fraction(1, 4), Fraction(3, 4)),
            "curvature_variance": uniform(rng, Fraction(1, 16), Fraction(1, 4)),
            "noise_variance": uniform(rng, Fraction(1, 2), Fraction(3, 2)),
        }
        return {name: values[name] for name in names}

    def ball_points(self, entry: Entry, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        pi, root = arb.pi(), arb(2).sqrt()
        base = {"learning_rate": root / 3, "curvature": pi / 4, "curvature_variance": root / 9,
                "noise_variance": pi}
        yield "an irrational point", base
        yield "another", base | {"learning_rate": pi / 9}
        yield "eta lambda = 1e-12", base | {"curvature": arb("1e-12"), "curvature_variance": arb("1e-13")}

    def relations(self, entry: Entry) -> Sequence[Any]:
        return (GAP > 0,)

    def exists(self, entry: Entry, point: Point) -> bool:
        return bool(step(point, 1) - step(point, 0) < 1)

    def exact(self, entry: Entry, point: Point) -> fmpq:
        return fmpq(self._solved({name: to_fmpq(v) for name, v in point.items()}))

    def _solved(self, numbers: Point) -> Any:
        offset, after = step(numbers, 0), step(numbers, 1)
        return offset / (1 - (after - offset))

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        return 3, 4

    def balls(self, entry: Entry, point: Point) -> arb:
        found: arb = self._solved(point)
        return found

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        numbers = {name: float(v) for name, v in point.items()}
        offset = step(numbers, 0.0)
        factor, moment = step(numbers, 1.0) - offset, offset
        for _ in range(40):  # 2**40 steps: the sum of the geometric series, twice as many terms each time
            moment, factor = moment + factor * moment, factor * factor
        return {"recursion": moment, "division": float(self._solved(numbers))}

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        """Batches of two out of five samples with curvatures h_n and gradients g_n that do not correlate."""
        rng = generator(entry, salt)
        h, g = np.array([1.0, 0.2, 1.0, 0.2, 0.6]), np.array([1.0, 1.0, -1.0, -1.0, 0.0])
        point = {"learning_rate": 0.5, "curvature": h.mean(), "noise_variance": 0.3 * (g @ g) / 4,
                 "curvature_variance": 0.3 * h.var(ddof=1)}
        runs, kept = 40_000 // share, []
        x = np.zeros(runs)
        for k in range(150):
            first = rng.integers(0, 5, runs)
            second = (first + rng.integers(1, 5, runs)) % 5
            x = x - 0.5 * ((h[first] + h[second]) * x + g[first] + g[second]) / 2
            if k >= 50:
                kept.append(x**2)
        predicted = float(formula.evaluate(**{s.name: point[s.name] for s in formula.parameters}))
        return Replicas(predicted=predicted, numbers=np.mean(kept, axis=0))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two entries of this file in the tables of the ladder."""
    subject, table = OneDirection(), {entry.slug: entry for entry in (ENTRY, LIMIT)}
    for slug in table:
        monkeypatch.setitem(SUBJECTS, slug, subject)
    path = Limit(path=smaller("learning_rate"), order=1, whole=False, words="eta of order 1/n", of=ENTRY.slug,
                 along=True)
    monkeypatch.setitem(limit_table.LIMITS, LIMIT.slug, path)
    monkeypatch.setattr(limit_table, "entry_by_slug", lambda slug: table.get(slug) or entry_by_slug(slug))


def one(entry: Entry, rung: str, **changes: Any) -> RungResult:
    (result,) = climb(entry, (rung,), replace(entry.formula, **changes))
    return result


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("entry", [ENTRY, LIMIT], ids=lambda entry: entry.slug)
def test_a_right_formula_passes(entry: Entry, rung: str) -> None:
    result = one(entry, rung)
    assert result.verdict == "pass", result
    assert int(result.figures["points"]) >= 2


@pytest.mark.parametrize("factor", [2, -1, sp.Rational(10**6 + 1, 10**6)])
@pytest.mark.parametrize("rung", RUNGS[:3])
def test_a_wrong_factor_fails_on_every_rung(rung: str, factor: Any) -> None:
    assert one(ENTRY, rung, compact=factor * VARIANCE.compact).verdict == "fail"


@pytest.mark.parametrize("factor", [2, -1, sp.Rational(101, 100)])
@pytest.mark.parametrize("rung", RUNGS[:3])
def test_a_wrong_limit_fails_on_every_rung(rung: str, factor: Any) -> None:
    assert one(LIMIT, rung, compact=factor * SMALL_STEP.compact).verdict == "fail"


@pytest.mark.parametrize("rung", RUNGS[:3])
def test_the_law_without_fluctuations_fails_on_every_rung(rung: str) -> None:
    additive = VARIANCE.compact.subs(PSI, 0)
    assert one(ENTRY, rung, compact=additive).verdict == "fail"


def test_a_wrong_unit_fails_the_dimension() -> None:
    assert one(ENTRY, "dimension", compact=VARIANCE.compact * LAMBDA).verdict == "fail"
    assert one(ENTRY, "dimension", unit=(0, 1)).verdict == "fail"
    assert one(ENTRY, "dimension", compact=VARIANCE.compact.subs(PSI, LAMBDA)).verdict == "fail"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (sp.true, "claimed outside"),
        (2 - ETA * LAMBDA > 0, "claimed outside"),
        (2 * LAMBDA - ETA * LAMBDA**2 - ETA * PSI >= 0, "claimed outside"),
        (2 * LAMBDA - ETA * LAMBDA**2 - sp.Rational(11, 10) * ETA * PSI > 0, "too narrow"),
        (sp.And(GAP > 0, 1 - ETA * LAMBDA > 0), "too narrow"),
    ],
)
def test_a_condition_too_wide_or_too_narrow_fails_the_exact_rung(condition: sp.Basic, words: str) -> None:
    result = one(ENTRY, "exact", valid_if=condition)
    assert result.verdict == "fail"
    assert words in result.reason


def test_a_border_that_is_not_linear_is_crossed_on_both_sides() -> None:
    figures = one(ENTRY, "exact", valid_if=2 * LAMBDA - ETA * LAMBDA**2 - ETA * PSI > 0).figures
    assert int(figures["inside"]) >= 10
    assert int(figures["outside"]) >= 10
    assert 0 < float(figures["false_identity_survives"]) < 1e-12


@pytest.mark.parametrize("rung", RUNGS)
def test_a_condition_that_nothing_meets_tests_nothing(rung: str) -> None:
    never = sp.And(sp.Gt(ETA, 20, evaluate=False), sp.Lt(ETA, 10, evaluate=False), evaluate=False)
    result = one(ENTRY, rung, valid_if=never)
    assert result.verdict == "vacuous"


def test_the_enclosed_rung_looks_where_the_formula_is_claimed() -> None:
    """A formula that is wrong outside its condition alone is not wrong; where it is claimed it is."""
    flat = sp.Rational(1, 10**9) - ETA * LAMBDA
    shown = one(ENTRY, "enclosed", valid_if=sp.And(GAP > 0, flat < 0))
    assert (shown.verdict, shown.figures["points"]) == ("pass", 2)
    wrong = VARIANCE.compact * (1 + (abs(flat) + flat))  # off by 1e-9 in flat directions alone
    assert one(ENTRY, "enclosed", compact=wrong, valid_if=sp.And(GAP > 0, flat < 0)).verdict == "pass"
    failed = one(ENTRY, "enclosed", compact=wrong)
    assert failed.verdict == "fail"
    assert "eta lambda = 1e-12" in failed.reason


def test_the_points_of_every_subject_lie_inside_the_condition() -> None:
    """Else a formula would be compared where it says nothing."""
    for entry in CATALOGUE:
        if entry.slug not in limit_table.LIMITS and entry.slug not in DEFINITIONS:
            with working_precision(2000):
                points = dict(subject_of(entry).ball_points(entry, parameters_of(entry, entry.formula)))
            outside = [label for label, point in points.items() if not claimed_in_balls(entry.formula, point)]
            assert not outside, entry.slug
            assert len(points) >= 3


def test_a_condition_is_decided_in_balls() -> None:
    with working_precision(2000):
        point = {"learning_rate": arb(2).sqrt(), "curvature": arb(1), "momentum": arb(0)}
    beta = momentum
    for condition, answer in (
        (ETA < 2, True), (ETA > 2, False), (beta >= 0, True), (beta > 0, False),
        (sp.And(ETA < 2, beta > 0, evaluate=False), False), (sp.Or(ETA > 2, LAMBDA >= 1), True),
        (ETA**2 >= 2, False), (ETA**2 <= 2, False),  # on the border, whose side no precision tells
    ):
        assert claimed_in_balls(replace(VARIANCE, valid_if=condition), point) is answer, condition


@pytest.mark.montecarlo
def test_the_simulation_agrees_and_would_catch_three_percent() -> None:
    """False alarms: 1e-6 over the whole ladder; resolution 2 %, asserted by the rung."""
    result = one(ENTRY, "simulated")
    assert result.verdict == "pass", result
    assert result.figures["control"] == "disagrees"
    assert one(ENTRY, "simulated", compact=VARIANCE.compact * sp.Rational(103, 100)).verdict == "fail"
    coarse = compare_with_simulation(ENTRY, VARIANCE, share=400)
    assert coarse.verdict == "too-coarse"


def test_the_condition_estimate_grows_near_the_border() -> None:
    subject = subject_of(ENTRY)
    point = {"learning_rate": Fraction(1, 2), "curvature": Fraction(1), "noise_variance": Fraction(1),
             "curvature_variance": Fraction(1)}
    near = point | {"curvature_variance": Fraction(2999, 1000)}
    # |d log f / d log x|: eta 2, lambda 1, psi 1/2, c 1
    assert sensitivity(subject, ENTRY, point) == pytest.approx(4.5, rel=1e-5)
    assert sensitivity(subject, ENTRY, near) > 1000


def test_a_subject_is_asked_for_by_name_and_model() -> None:
    stray = replace(ENTRY, slug="stray")
    with pytest.raises(TheoryError, match=r"stray \(multiplicative\) has no subject"):
        subject_of(stray)
    for entry in CATALOGUE:
        subject_of(limit_table.law_of(entry))


def test_numbers_of_either_sign_are_shifted_by_what_bounds_them() -> None:
    runs = shifted(-0.5, np.array([-1.0, 0.0]), 2.0)
    assert runs.predicted == 1.5
    assert runs.share == pytest.approx(1 / 3)
    with pytest.raises(TheoryError, match=r"offset 0\.5 leaves negative numbers, down to -0\.5"):
        shifted(-0.5, np.array([-1.0, 0.0]), 0.5)


def test_plans_say_whether_they_hold_for_all_whole_numbers() -> None:
    from theory.symbols import steps_per_epoch
    from validation.evidence.support import Support, quotient, rational_support

    geometric = replace(VARIANCE, compact=(1 - ETA * LAMBDA) ** steps_per_epoch * C, where=())

    def truth() -> Support:
        from theory.evaluate.compiler import compile_program

        program = compile_program(geometric.compact)
        return rational_support(program, {"steps_per_epoch": 1}, geometric.parameters)

    whole = consecutive("steps_per_epoch", 2, geometric, truth)
    assert whole.figures["for_all_whole_numbers"] == "true"
    assert [case["steps_per_epoch"] for case in whole.cases] == [2]
    part = consecutive("steps_per_epoch", 2, geometric, None, most=5)
    assert part.figures["for_all_whole_numbers"] == "false"
    assert len(part.cases) == 5
    few = listed([{"samples": 2}], "tried", "N = 2", "all N")
    assert few.figures["covered"] == "N = 2"
    assert quotient({(): 1}).top == {(): 1}


def test_balls_and_fractions_of_the_subject_agree() -> None:
    subject = subject_of(ENTRY)
    point = subject.point(ENTRY, ("learning_rate", "curvature", "curvature_variance", "noise_variance"), {},
                          random.Random(1))
    with working_precision(300):
        balls = {name: arb(to_fmpq(v)) for name, v in point.items()}
        assert subject.balls(ENTRY, balls).contains(subject.exact(ENTRY, point))


@pytest.mark.parametrize(
    ("slug", "names"),
    [
        ("reshuffled-weight-autocovariance", ("steps_per_epoch", "lag")),
        ("reshuffled-weight-variance-at-position", ("steps_per_epoch", "position")),
        ("multiplicative-weight-autocovariance", ("lag",)),
    ],
)
def test_floating_point_meets_other_whole_numbers_each_time(slug: str, names: tuple[str, ...]) -> None:
    """Found by mutation: at the ends of an epoch, and at lags 0 and 1, wrong terms cancel."""
    entry = entry_by_slug(slug)
    points = subject_of(entry).float_points(entry, entry.formula)
    met = [tuple(point[name] for name in names) for point in points]
    assert len(set(met)) == len(met) >= 4
    assert any(all(steps - at >= 3 <= at for at in rest) for steps, *rest in met) or names == ("lag",)
    assert max(at[-1] for at in met) >= 3

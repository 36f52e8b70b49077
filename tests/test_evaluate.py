"""``evaluate`` keeps 1e-15 everywhere, returns exact zeros, and refuses what does not exist."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import fresh_batches, heavy_ball, reshuffled, stationary_law
from theory.closed_forms import formula_by_slug
from theory.errors import (
    AccuracyError,
    NoStationaryLawError,
    TheoryError,
    UnknownNameError,
    UnstableError,
)
from theory.evaluate import arrays as vector_path
from theory.evaluate import enclose, evaluate
from theory.evaluate.bounded import BoundedDouble, BoundedPair
from theory.evaluate.compiled import compiled
from theory.evaluate.reshuffled_heavy_ball import direct_sum, unit_weight_variance
from theory.formula import Formula
from theory.optimizers import pytorch_sgd
from theory.sequences import LucasSequence
from theory.solvers import solve_epoch_lifted
from theory.symbols import (
    curvature,
    frequency,
    lag,
    learning_rate,
    momentum,
    noise_variance,
    steps_per_epoch,
)

ACCURACY = 1e-15
HEADLINE = formula_by_slug("reshuffled-weight-variance")
POINT: dict[str, Any] = {
    "learning_rate": "1/10", "curvature": "3/10", "momentum": "9/10", "steps_per_epoch": 7,
    "noise_variance": 1,
}
EXACT = Fraction(1648760847497, 7917000000000)


def formula(compact: Any, valid_if: Any = sp.true, **extra: Any) -> Formula:
    return Formula(slug="mine", title="", compact=compact, valid_if=valid_if, unit=(0, 0), **extra)


def relative_error(found: float, ball: arb) -> float:
    before, ctx.prec = ctx.prec, 200
    try:
        return abs(float((found - ball) / ball))
    finally:
        ctx.prec = before


def region(points: int, seed: int) -> dict[str, Any]:
    """The whole stability region: corners in x and 1 - beta, critical damping, both limits."""
    rng = np.random.default_rng(seed)
    gap = 10 ** rng.uniform(-12, 0, points)
    beta = 1 - gap
    limit = 2 * (1 + beta)
    x = np.exp(rng.uniform(np.log(np.where(rng.random(points) < 0.5, 1e-300, 1e-6)), np.log(limit)))
    critical = (1 - np.sqrt(beta)) ** 2
    kind = rng.integers(0, 6, points)
    x = np.where(kind == 0, critical * (1 + rng.choice([0, 1e-15, 1e-9, -1e-4], points)), x)
    x = np.where(kind == 1, limit * (1 - 10 ** rng.uniform(-15, -1, points)), x)
    beta = np.where(kind == 2, rng.choice([0.0, 1e-300, 0.25, 0.5], points), beta)
    x = np.where(kind == 2, np.minimum(x, 1.9), np.maximum(x, 1e-300))
    steps = np.floor(np.exp(rng.uniform(np.log(2), np.log(1e9), points)))
    return {"curvature": x, "momentum": beta, "steps_per_epoch": steps}


def at(values: dict[str, Any], i: int) -> dict[str, Any]:
    return {n: v[i] if isinstance(v, np.ndarray) else v for n, v in values.items()}


# ---------------------------------------------------------------- exact and reference values


def test_the_exact_reference_value() -> None:
    assert evaluate(HEADLINE, POINT) == float(EXACT)
    assert evaluate(HEADLINE, POINT, digits=30) == "0.208255759441328786156372363269"


@pytest.mark.parametrize(
    "tenth",
    ["0.1", "1/10", " 1e-1", Fraction(1, 10), Decimal("0.1"), sp.Rational(1, 10)],
)
def test_all_ways_to_write_a_tenth(tenth: Any) -> None:
    digits = evaluate(HEADLINE, POINT | {"learning_rate": tenth}, digits=25)
    assert digits == "0.2082557594413287861563724"


def test_a_float_is_exact_binary() -> None:
    text = evaluate(HEADLINE, POINT | {"learning_rate": 0.1}, digits=20)
    assert text != evaluate(HEADLINE, POINT, digits=20)
    assert text == evaluate(HEADLINE, POINT | {"learning_rate": np.float64(0.1)}, digits=20)
    assert text == evaluate(HEADLINE, POINT | {"learning_rate": Fraction(0.1)}, digits=20)


def test_a_value_that_is_no_double_has_digits() -> None:
    tiny = POINT | {"noise_variance": "1e-700"}
    assert evaluate(HEADLINE, tiny, digits=3) == "2.08e-701"
    assert evaluate(HEADLINE, POINT | {"noise_variance": 10**400}, digits=4) == "2.083e399"
    with pytest.raises(AccuracyError, match=r"no normal double .* digits=17"):
        evaluate(HEADLINE, tiny)
    with pytest.raises(AccuracyError, match="no normal double"):
        evaluate(HEADLINE, POINT | {"noise_variance": np.array([1.0, 1e-320])})


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        ("0.125", 2, "0.12"), ("0.375", 2, "0.38"), ("1/3", 3, "0.333"), ("0.0999996", 3, "0.100"),
        ("0.00001", 1, "0.00001"), ("1e-9", 2, "1.0e-9"), ("12345", 3, "1.23e4"), ("0", 5, "0"),
        ("12345", 7, "12345.00"),
    ],
)
def test_digits_are_correctly_rounded(value: str, digits: int, text: str) -> None:
    identity = formula(noise_variance)
    assert evaluate(identity, {"noise_variance": value}, digits=digits) == text
    negative = evaluate(formula(-noise_variance), {"noise_variance": value}, digits=digits)
    assert negative == (text if text == "0" else f"-{text}")


# ---------------------------------------------------------------- accuracy over the region


def test_the_headline_keeps_its_accuracy_in_the_whole_region() -> None:
    values = {"learning_rate": 1.0, "noise_variance": 1.0} | region(3000, 1)
    found = evaluate(HEADLINE, values)
    assert isinstance(found, np.ndarray)
    worst = max(
        relative_error(v, enclose(HEADLINE, at(values, i), 120)) for i, v in enumerate(found)
    )
    assert worst <= ACCURACY


@pytest.mark.parametrize(
    "slug",
    [
        "white-weight-variance", "reshuffled-velocity-variance", "correlation-time",
        "reshuffled-weight-variance-at-position", "cross-mode-covariance",
        "shuffled-once-weight-variance", "averaged-reshuffled-weight-variance",
        "reshuffled-weight-spectrum",
    ],
)
def test_other_formulas_keep_it_too(slug: str) -> None:
    chosen = formula_by_slug(slug)
    values = {
        "learning_rate": 1.0, "noise_variance": 2.0, "second_curvature": 0.125, "position": 2,
        "averaging_rate": 0.3, "frequency": 0.7,
    } | region(150, 2)
    values = {s.name: values[s.name] for s in chosen.parameters}
    found = evaluate(chosen, values)
    assert isinstance(found, np.ndarray)
    for i, value in enumerate(found):
        ball = enclose(chosen, at(values, i), 120)
        if chosen.scale is not None:
            own = {s.name: values[s.name] for s in chosen.scale.parameters}
            scale = enclose(chosen.scale, at(own, i), 60)
            assert abs(float((value - ball) / scale)) <= ACCURACY
        else:
            assert relative_error(value, ball) <= ACCURACY


@pytest.mark.parametrize(
    "slug", ["reshuffled-weight-variance", "reshuffled-velocity-variance", "correlation-time"]
)
def test_balls_agree_with_mpmath(slug: str) -> None:
    """A second arithmetic and a second way to the powers: the sum over the poles."""
    chosen = formula_by_slug(slug)
    values = region(40, 3)
    mpmath.mp.prec = 6000
    try:
        for i in range(40):
            point = {"learning_rate": 1.0, "noise_variance": 1.0} | at(values, i)
            point = {s.name: point[s.name] for s in chosen.parameters}
            found = evaluate(chosen, point)
            reference = _mpmath_value(chosen, point)
            assert abs(mpmath.mpf(found) / reference - 1) < ACCURACY
    finally:
        mpmath.mp.prec = 53


def _mpmath_value(chosen: Formula, point: dict[str, Any]) -> Any:
    def lucas(k: int, n: int, s: Any, d: Any) -> Any:
        """U_n (k = 1) or d U_{n-1} (k = 0) from the poles, or their confluent limit."""
        gap = mpmath.sqrt(s * s - 4 * d)
        plus, minus = (s + gap) / 2, (s - gap) / 2
        m = n if k else n - 1
        if gap == 0:
            return (1 if k else d) * m * plus ** (m - 1)
        return mpmath.re((1 if k else d) * (plus**m - minus**m) / gap)

    names = [s.name for s in chosen.parameters]
    function = sp.lambdify(
        chosen.parameters, chosen.expression, modules=[{"lucas_sequence": lucas}, "mpmath"]
    )
    return function(
        *(int(point[n]) if n == "steps_per_epoch" else mpmath.mpf(point[n]) for n in names)
    )


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    stability=st.floats(1e-12, 1 - 1e-12), beta=st.floats(0, 1 - 1e-9),
    steps=st.integers(2, 10**9), rate=st.floats(1e-150, 1e150), noise=st.floats(1e-3, 1e3),
)
def test_units_scale_out(
    stability: float, beta: float, steps: int, rate: float, noise: float
) -> None:
    """A point's value does not depend on its neighbours or on how x is split into eta, lambda."""
    limit = stability * 2 * (1 + beta)
    point = {
        "learning_rate": rate, "curvature": limit / rate, "momentum": beta,
        "steps_per_epoch": steps, "noise_variance": noise / rate / rate if rate < 1 else noise,
    }
    alone = evaluate(HEADLINE, point | {"noise_variance": "1"}, digits=17)
    scaled = {n: np.array([v, v]) for n, v in point.items()} | {"noise_variance": 1.0}
    if 1e-300 < float(str(alone)) < 1e300:
        both = evaluate(HEADLINE, scaled)
        assert isinstance(both, np.ndarray)
        assert both[0] == both[1]
        assert abs(both[0] / float(str(alone)) - 1) <= ACCURACY


def test_a_point_does_not_depend_on_the_others() -> None:
    values = {"learning_rate": 1.0, "noise_variance": 1.0} | region(9000, 4)
    together = evaluate(HEADLINE, values)
    assert isinstance(together, np.ndarray)
    backwards = evaluate(
        HEADLINE, {n: v[::-1] if isinstance(v, np.ndarray) else v for n, v in values.items()}
    )
    assert isinstance(backwards, np.ndarray)
    assert np.array_equal(together, backwards[::-1])


def test_all_stages_agree() -> None:
    """Kernel, bounded doubles, bounded pairs and balls on the same points."""
    values = {"learning_rate": np.full(400, 1.0), "noise_variance": np.full(400, 1.0)}
    values |= region(400, 5)
    prepared = compiled(HEADLINE)
    with np.errstate(all="ignore"):
        assert prepared.kernel is not None
        stages = [prepared.kernel(values)] + [
            vector_path._generic(prepared, values, kind)
            for kind in (BoundedDouble, BoundedPair)
        ]
    shares = [certain.mean() for _, certain in stages]
    assert shares[0] > 0.9  # a sixth of the points is close to the stability limit
    assert shares[2] > 0.05
    for value, certain in stages:
        for i in map(int, np.flatnonzero(certain)):
            assert relative_error(value[i], enclose(HEADLINE, at(values, i), 100)) <= ACCURACY


@pytest.mark.parametrize(
    ("slug", "kind"), [("stability-limit", BoundedDouble), ("white-weight-variance", BoundedPair)]
)
def test_short_formulas_need_no_balls(slug: str, kind: Any) -> None:
    chosen = formula_by_slug(slug)
    values = {"learning_rate": np.full(400, 1.0), "noise_variance": np.full(400, 1.0)}
    values |= region(400, 6)
    values = {s.name: values[s.name] for s in chosen.parameters}
    with np.errstate(all="ignore"):
        found, certain = vector_path._generic(compiled(chosen), values, kind)
    assert certain.mean() > 0.9
    for i in map(int, np.flatnonzero(certain)):
        assert relative_error(found[i], enclose(chosen, at(values, i), 100)) <= ACCURACY


# ---------------------------------------------------------------- the kernel


def test_the_kernel_is_found_by_its_values_only() -> None:
    assert compiled(HEADLINE).kernel is not None
    assert compiled(formula_by_slug("sgd-reshuffled-weight-variance")).kernel is not None
    wrong = formula(HEADLINE.expression * (1 + momentum * sp.Rational(1, 10**9)))
    assert compiled(wrong).kernel is None
    assert compiled(formula_by_slug("shuffled-once-weight-variance")).kernel is None


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    x=st.fractions(0, Fraction(19, 10), max_denominator=50),
    beta=st.fractions(0, Fraction(19, 20), max_denominator=20), steps=st.integers(2, 60),
)
def test_the_kernel_is_the_sum_it_states(x: Fraction, beta: Fraction, steps: int) -> None:
    x, beta = Fraction(float(x)), Fraction(float(beta))
    pair = np.array([float(x)]), np.array([0.0])
    with np.errstate(all="ignore"):
        found, error = unit_weight_variance(pair, np.array([float(beta)]), np.array([steps]))
    exact = direct_sum(x, beta, steps)
    value = Fraction(float(found[0][0])) + Fraction(float(found[1][0]))
    assert error[0] < 1e-17
    assert abs(value / exact - 1) <= float(error[0])


# ---------------------------------------------------------------- zeros and flat directions


def test_exact_zeros() -> None:
    assert evaluate(HEADLINE, POINT | {"noise_variance": 0}) == 0
    assert evaluate(HEADLINE, POINT | {"steps_per_epoch": 1}) == 0
    cancels = formula((momentum + curvature) ** 2 - momentum**2 - curvature**2
                      - 2 * momentum * curvature)
    assert evaluate(cancels, {"momentum": 0.1, "curvature": 1e-200}) == 0
    u = LucasSequence(1, steps_per_epoch, 1 + momentum - curvature, momentum)
    w = LucasSequence(0, steps_per_epoch, 1 + momentum - curvature, momentum)
    determinant = w**2 - (1 + momentum - curvature) * u * w + momentum * u**2
    vanishing = formula(determinant - momentum**steps_per_epoch)
    point = {"momentum": 0.9, "curvature": 0.3, "steps_per_epoch": 10**9}
    assert evaluate(vanishing, point) == 0
    assert evaluate(vanishing, point, digits=5) == "0"
    mixed = evaluate(HEADLINE, POINT | {"noise_variance": [0.0, 1.0], "momentum": 0.9,
                                        "learning_rate": 0.1, "curvature": 0.3})
    assert isinstance(mixed, np.ndarray)
    assert mixed[0] == 0 < mixed[1]


def test_almost_zero_is_not_zero() -> None:
    """The control of the zero test: off by one unit in 2**-3000."""
    nearly = formula((1 + curvature) ** 2 - 1 - 2 * curvature)
    assert evaluate(nearly, {"curvature": "1e-450"}, digits=3) == "1.00e-900"


def test_flat_directions() -> None:
    flat = evaluate(HEADLINE, POINT | {"curvature": 0})
    near = evaluate(HEADLINE, POINT | {"curvature": "1e-60"})
    assert flat == near
    assert evaluate(HEADLINE, POINT | {"curvature": 0, "steps_per_epoch": 1}) == 0
    both = evaluate(HEADLINE, {**POINT, "curvature": np.array([0.0, 1e-60])})
    assert isinstance(both, np.ndarray)
    assert both[0] == both[1] == flat
    white = formula_by_slug("white-weight-variance")
    point = {n: v for n, v in POINT.items() if n != "steps_per_epoch"}
    with pytest.raises(NoStationaryLawError, match=r"curvature = 0: the direction is flat"):
        evaluate(white, point | {"curvature": 0})


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"learning_rate": 100}, UnstableError,
         r"no stationary law: .*learning_rate=100.*lhs - rhs is -26\.2.*limit is learning_rate "
         r"= 12\.6667. Lower the learning rate"),
        ({"momentum": 1}, UnstableError, r"momentum = 1 is not below 1: no stationary law"),
        ({"momentum": -0.1}, TheoryError, r"momentum = -0.1 is outside its domain: .* >= 0"),
        ({"learning_rate": 0}, TheoryError, r"learning_rate = 0 is outside .* > 0"),
        ({"learning_rate": float("nan")}, TheoryError, r"learning_rate = nan is not finite"),
        ({"learning_rate": float("inf")}, TheoryError, r"learning_rate = inf is not finite"),
        ({"learning_rate": "__import__('os')"}, TheoryError, r"is not a number: write a decimal"),
        ({"learning_rate": "1/0"}, TheoryError, r"is not a number"),
        ({"learning_rate": True}, TheoryError, r"learning_rate = True is not a number"),
        ({"learning_rate": None}, TheoryError, r"learning_rate = None is not a number"),
        ({"steps_per_epoch": 7.5}, TheoryError, r"steps_per_epoch = 7.5 is not a whole number"),
        ({"steps_per_epoch": 0}, TheoryError, r"steps_per_epoch = 0 is outside its domain"),
        ({"noise_variance": -1}, TheoryError, r"noise_variance = -1 is outside .* >= 0"),
        ({"momentun": 0.9}, UnknownNameError, r"'momentun': did you mean 'momentum'"),
        ({"curvature": [0.3, 1e9]}, UnstableError, "curvature=1000000000"),
        ({"momentum": np.array([0.5, np.nan])}, TheoryError, r"momentum = nan at index \[1\]"),
        ({"momentum": np.array([0.5, 1.0])}, UnstableError, r"momentum = 1.0 at index \[1\]"),
        ({"steps_per_epoch": [2.0, 2.5]}, TheoryError, r"steps_per_epoch = 2.5 at index \[1\]"),
        ({"momentum": [0.5, 0.6], "curvature": [0.1, 0.2, 0.3]}, TheoryError,
         r"shapes do not broadcast together .*momentum: \(2,\)"),
    ],
)
def test_errors_name_number_limit_and_way_out(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate(HEADLINE, POINT | change)


def test_missing_parameters_are_all_listed() -> None:
    with pytest.raises(TheoryError, match=r"needs momentum, curvature, steps_per_epoch"):
        evaluate(HEADLINE, {"learning_rate": 1, "noise_variance": 1})


def test_ranges_of_whole_numbers_are_no_instability() -> None:
    chosen = formula_by_slug("reshuffled-weight-autocovariance-beyond")
    with pytest.raises(TheoryError, match=r"does not hold at lag=3, .* lag >= steps") as caught:
        evaluate(chosen, POINT | {"lag": 3})
    assert not isinstance(caught.value, UnstableError)


def test_digits_need_one_point_and_a_whole_number() -> None:
    with pytest.raises(TheoryError, match="digits= works on one point, but momentum"):
        evaluate(HEADLINE, POINT | {"momentum": [0.5]}, digits=5)
    with pytest.raises(TheoryError, match="digits = 0 must be a whole number from 1"):
        evaluate(HEADLINE, POINT, digits=0)


def test_stability_is_decided_exactly() -> None:
    """One unit in the last place on either side of eta lambda = 2 (1 + beta)."""
    edge = POINT | {"learning_rate": 1.0, "momentum": 0.5}
    inside, outside = np.nextafter(3.0, 0), 3.0
    assert evaluate(HEADLINE, edge | {"curvature": inside}) > 1e10
    for broken in (outside, np.array([inside, outside])):
        with pytest.raises(UnstableError, match="no stationary law"):
            evaluate(HEADLINE, edge | {"curvature": broken})


def test_an_undecided_value_is_an_error() -> None:
    removable = formula((curvature - learning_rate) / (curvature - learning_rate + momentum))
    with pytest.raises(AccuracyError, match="undecided"):
        evaluate(formula(1 / momentum), {"momentum": 0})
    assert evaluate(removable, {"curvature": 1, "learning_rate": 1, "momentum": 0.5}) == 0


def test_unknown_functions_are_named() -> None:
    with pytest.raises(TheoryError, match="no rule for zeta"):
        evaluate(formula(sp.zeta(3 + momentum)), {"momentum": 0.5})


# ---------------------------------------------------------------- shapes and functions


def test_values_broadcast() -> None:
    found = evaluate(
        HEADLINE, POINT | {"momentum": np.array([[0.5], [0.9]]), "curvature": [0.1, 0.2, 0.3]}
    )
    assert isinstance(found, np.ndarray)
    assert found.shape == (2, 3)
    assert found[1, 2] == evaluate(HEADLINE, POINT | {"momentum": 0.9, "curvature": 0.3})
    assert isinstance(evaluate(HEADLINE, POINT), float)
    empty = evaluate(HEADLINE, POINT | {"curvature": np.array([])})
    assert isinstance(empty, np.ndarray)
    assert empty.shape == (0,)


def test_functions_and_powers() -> None:
    several = formula(
        sp.sqrt(momentum) * sp.cos(frequency) + sp.pi * sp.log(curvature) + sp.exp(-momentum)
        + sp.Abs(sp.sin(frequency)) * (1 - momentum) ** (steps_per_epoch - lag)
        + momentum ** (steps_per_epoch / 2) + sp.Mod(lag, steps_per_epoch) / 3
    )
    values = {"momentum": 0.7, "frequency": -0.4, "curvature": 0.2, "steps_per_epoch": 5, "lag": 7}
    expected = several.compact.subs({s: sp.Rational(values[s.name]) for s in several.parameters})
    found = evaluate(several, values)
    assert abs(found / float(expected.evalf(30)) - 1) <= ACCURACY
    grid = evaluate(several, values | {"momentum": np.array([0.7, 0.8])})
    assert isinstance(grid, np.ndarray)
    assert grid[0] == found


def test_flint_precision_is_restored() -> None:
    before = ctx.prec
    evaluate(HEADLINE, POINT, digits=100)
    with pytest.raises(UnstableError, match="no stationary law"):
        evaluate(HEADLINE, POINT | {"learning_rate": 100})
    assert ctx.prec == before


@pytest.mark.parametrize(
    ("quantity", "moment", "extra"),
    [
        ("weight-velocity-covariance", "weight-velocity-covariance", {}),
        ("weight-autocovariance", "weight-variance", {"lag": 3}),
        ("weight-variance-at-position", "weight-variance", {"position": 2}),
        ("cross-weight-covariance", "weight-variance", {"second_curvature": Fraction(1, 3)}),
    ],
)
def test_flat_directions_without_a_closed_form_of_their_own(
    quantity: str, moment: Any, extra: dict[str, Any]
) -> None:
    """The limit taken numerically is the exact limit of the epoch-lifted solver."""
    values: dict[str, Any] = {
        "learning_rate": Fraction(1, 10), "momentum": Fraction(9, 10), "curvature": Fraction(0),
        "steps_per_epoch": 7, "noise_variance": 1,
    }
    options = {k: int(v) for k, v in extra.items() if k in ("lag", "position")}
    inside = {k: v for k, v in extra.items() if k not in options}
    exact = solve_epoch_lifted(heavy_ball(), reshuffled(), {**values, **inside}, moment, **options)
    formula = stationary_law(heavy_ball(), reshuffled()).quantity(quantity)
    assert formula.evaluate(**values, **extra) == float(exact.value)


def test_weight_decay_makes_a_flat_direction_ordinary() -> None:
    """The singularity is in curvature + weight decay: both laws are those of heavy ball."""
    decayed = formula_by_slug("pytorch-reshuffled-weight-variance")
    point = {n: v for n, v in POINT.items() if n != "curvature"}
    own = {**point, "dampening": 0, "curvature": 0}
    pulled = evaluate(HEADLINE, point | {"curvature": "0.1"})
    flat = evaluate(formula_by_slug("flat-weight-variance"), point)
    assert evaluate(decayed, own | {"weight_decay": "0.1"}) == pulled
    assert evaluate(decayed, own | {"weight_decay": 0}) == flat
    both = evaluate(decayed, own | {"weight_decay": np.array([0.0, 0.1]), "curvature": [0.0, 0.0]})
    np.testing.assert_allclose(both, [flat, pulled], rtol=1e-14)
    digits = evaluate(decayed, own | {"weight_decay": "1e-30"}, digits=30)
    assert digits == evaluate(HEADLINE, point | {"curvature": "1e-30"}, digits=30)
    white = stationary_law(pytorch_sgd(), fresh_batches()).weight_variance
    calm = {n: v for n, v in own.items() if n != "steps_per_epoch"}
    assert evaluate(white, calm | {"weight_decay": 0.1}) == evaluate(
        formula_by_slug("white-weight-variance"),
        {n: v for n, v in calm.items() if n != "dampening"} | {"curvature": 0.1},
    )
    with pytest.raises(NoStationaryLawError, match="curvature = 0: the direction is flat"):
        evaluate(white, calm | {"weight_decay": 0})


@pytest.mark.parametrize(
    ("slug", "lag", "message"),
    [
        ("reshuffled-noise-autocovariance", 0, "At lag 0 the value is noise_variance"),
        ("reshuffled-noise-autocovariance", 9, "from lag steps_per_epoch on it is 0"),
        ("shuffled-once-noise-autocovariance", 9, "repeats with period steps_per_epoch"),
        ("reshuffled-weight-autocovariance", 9, "use reshuffled-weight-autocovariance-beyond$"),
        ("reshuffled-weight-autocovariance-beyond", 1, "use reshuffled-weight-autocovariance$"),
        ("shuffled-once-weight-autocovariance", 9, "period steps_per_epoch: give the remainder"),
    ],
)
@pytest.mark.parametrize("kind", [int, np.atleast_1d])
def test_ranges_of_lags_name_the_other_range(slug: str, lag: int, message: str, kind: Any) -> None:
    chosen = formula_by_slug(slug)
    own = {s.name for s in chosen.parameters}
    point = {n: v for n, v in POINT.items() if n in own}
    with pytest.raises(TheoryError, match=rf"{slug} does not hold at lag={lag}.*{message}"):
        evaluate(chosen, point | {"lag": kind(lag)})


@pytest.mark.parametrize("value", [-1, np.array([0.0, -1.0])])
def test_a_negative_curvature_is_told_whether_zero_is_accepted(value: Any) -> None:
    with pytest.raises(TheoryError, match=r"curvature = -1.* it must be >= 0"):
        evaluate(HEADLINE, POINT | {"curvature": value})
    white = formula_by_slug("white-weight-variance")
    point = {n: v for n, v in POINT.items() if n != "steps_per_epoch"}
    with pytest.raises(TheoryError, match=r"curvature = -1.* it must be > 0"):
        evaluate(white, point | {"curvature": value})

"""The symbolic engine against exact rational arithmetic through every step of an epoch."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.core.function import ArgumentIndexError

from theory import (
    LinearRule,
    SamplingScheme,
    formula_by_slug,
    stationary_law,
)
from theory.engine.mode import Mode, ModePair
from theory.engine.rational_matrix import PolynomialRing
from theory.errors import TheoryError, UnknownNameError
from theory.formula import Formula
from theory.noise import LastStep, SharedInEpoch, White
from theory.optimizers import RULES, heavy_ball, rule_by_name, sgd
from theory.sampling import SCHEMES, reshuffled, scheme_by_name
from theory.sequences import LucasSequence, power_coefficients
from theory.solvers import solve_epoch_lifted
from theory.symbols import (
    curvature,
    lag,
    learning_rate,
    momentum,
    noise_variance,
    position,
    second_curvature,
    steps_per_epoch,
)

POINT = {
    "learning_rate": Fraction(3, 10), "momentum": Fraction(7, 10), "dampening": Fraction(1, 5),
    "weight_decay": Fraction(1, 10), "immediate_discount": Fraction(3, 5),
    "averaging_rate": Fraction(2, 5), "curvature": Fraction(13, 10),
}
SECOND = Fraction(4, 5)
#: (N, S, M) for each scheme: whole epochs, or 17 samples in batches of 3
SIZES = {"dropped-batch": (17, 3, 5), "kept-batch": (17, 3, 6), "shuffled-once-unequal": (17, 3, 6)}
RULE_NAMES = [name for name, _ in RULES]
SCHEME_NAMES = [name for name, _ in SCHEMES]

#: name in the law: (name in the solver, keywords of the solver, whether the modes differ)
QUANTITIES: dict[str, tuple[str, dict[str, int], bool]] = {
    "weight-variance": ("weight-variance", {}, False),
    "velocity-variance": ("velocity-variance", {}, False),
    "weight-velocity-covariance": ("weight-velocity-covariance", {}, False),
    "weight-variance-at-position": ("weight-variance", {"position": 3}, False),
    "velocity-variance-at-position": ("velocity-variance", {"position": 3}, False),
    "weight-velocity-covariance-at-position": ("weight-velocity-covariance", {"position": 3}, False),
    "weight-variance-at-last-position": ("weight-variance", {"position": 0}, False),
    "weight-autocovariance": ("weight-variance", {"lag": 2}, False),
    "weight-autocovariance-beyond": ("weight-variance", {"lag": 8}, False),
    "weight-autocovariance-at-position": ("weight-variance", {"lag": 2, "position": 2}, False),
    "cross-weight-covariance": ("weight-variance", {}, True),
    "cross-velocity-covariance": ("velocity-variance", {}, True),
    "cross-weight-velocity-covariance": ("weight-velocity-covariance", {}, True),
    "cross-weight-covariance-at-position": ("weight-variance", {"position": 3}, True),
    "cross-weight-autocovariance": ("weight-variance", {"lag": 2}, True),
}


def exact(formula: Formula, values: dict[str, Any]) -> Fraction:
    """The formula at rational values, its 'where' quantities first; no rounding anywhere."""
    symbols = {s.name: s for s in formula.parameters}
    known: dict[sp.Expr, sp.Expr] = {
        symbols[name]: sp.Rational(Fraction(v).numerator, Fraction(v).denominator)
        for name, v in values.items() if name in symbols
    }
    for name, value in formula.where:
        known[name] = value.xreplace(known)
    result = formula.compact.xreplace(known)
    assert result.is_Rational, result
    return Fraction(int(result.p), int(result.q))


def compare(
    rule: LinearRule, scheme: SamplingScheme, quantity: str,
    point: dict[str, Fraction] | None = None,
) -> None:
    name, keywords, cross = QUANTITIES[quantity]
    samples, size, steps = SIZES.get(scheme.name, (15, 3, 5))
    base = {**(POINT if point is None else point), **({"second_curvature": SECOND} if cross else {})}
    own = {"learning_rate", "curvature", "second_curvature", *(p.name for p in rule.parameters)}
    values: dict[str, Any] = {k: v for k, v in base.items() if k in own}
    place = dict(keywords)
    if place.get("position") == 0:
        place["position"] = steps
    solved = solve_epoch_lifted(
        rule, scheme,
        {**values, "steps_per_epoch": steps, "samples": samples, "batch_size": size},
        name, **place,  # type: ignore[arg-type]
    )
    given = {
        **values, "steps_per_epoch": steps, "samples": samples, "batch_size": size,
        "noise_variance": 1, "lag": place.get("lag", 0), "position": place.get("position", 1),
    }
    assert exact(stationary_law(rule, scheme).quantity(quantity), given) == solved.value


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("scheme", SCHEME_NAMES)
def test_every_quantity_of_heavy_ball_is_the_exact_one(scheme: str, quantity: str) -> None:
    compare(heavy_ball(), scheme_by_name(scheme), quantity)


@pytest.mark.parametrize("scheme", SCHEME_NAMES)
@pytest.mark.parametrize("rule", [*RULE_NAMES, "averaged:sgd", "averaged:heavy-ball"])
def test_variances_of_every_rule_are_the_exact_ones(rule: str, scheme: str) -> None:
    compare(rule_by_name(rule), scheme_by_name(scheme), "weight-variance")
    if not (rule == "averaged:heavy-ball" and "shuffled" in scheme):  # seconds each
        compare(rule_by_name(rule), scheme_by_name(scheme), "velocity-variance")


@pytest.mark.parametrize("quantity", ["weight-velocity-covariance", "cross-weight-covariance",
                                      "weight-autocovariance", "velocity-variance-at-position"])
@pytest.mark.parametrize("rule", ["sgd", "nesterov", "averaged:sgd"])
def test_more_quantities_of_other_rules(rule: str, quantity: str) -> None:
    for scheme in ("reshuffled", "kept-batch"):
        compare(rule_by_name(rule), scheme_by_name(scheme), quantity)


def test_reference_values() -> None:
    """Solved by hand-independent exact arithmetic when the theory was written."""
    values = {"learning_rate": "1/10", "curvature": "3/10", "momentum": "9/10",
              "steps_per_epoch": 7, "noise_variance": 1}
    law = stationary_law(heavy_ball(), reshuffled())
    velocity = Fraction(685598613641, 37700000000000)
    assert exact(law.weight_variance, values) == Fraction(1648760847497, 7917000000000)
    assert exact(law.velocity_variance, values) == velocity
    assert exact(law.weight_velocity_covariance, values) == velocity / 2


@pytest.mark.parametrize("scheme", SCHEME_NAMES)
def test_without_momentum_heavy_ball_is_plain_sgd(scheme: str) -> None:
    samples, size, steps = SIZES.get(scheme, (15, 3, 5))
    values = {**POINT, "momentum": 0, "steps_per_epoch": steps, "samples": samples,
              "batch_size": size, "noise_variance": 1}
    for quantity in ("weight-variance", "velocity-variance"):
        found = [
            exact(stationary_law(rule, scheme_by_name(scheme)).quantity(quantity), values)
            for rule in (heavy_ball(), sgd())
        ]
        assert found[0] == found[1]


@pytest.mark.parametrize("quantity", ["weight-variance", "velocity-variance", "weight-autocovariance",
                                      "weight-variance-at-position"])
@pytest.mark.parametrize("scheme", ["reshuffled", "kept-batch", "shuffled-once"])
def test_critical_damping_is_no_special_case(scheme: str, quantity: str) -> None:
    point = {"learning_rate": Fraction(1), "momentum": Fraction(1, 4), "curvature": Fraction(1, 4)}
    compare(heavy_ball(), scheme_by_name(scheme), quantity, point)


def test_one_lag_form_meets_the_other_where_their_ranges_meet() -> None:
    law = stationary_law(heavy_ball(), reshuffled())
    values = {**POINT, "steps_per_epoch": 5, "noise_variance": 1}
    inside = exact(law.weight_autocovariance, {**values, "lag": 5})
    assert inside == exact(law.quantity("weight-autocovariance-beyond"), {**values, "lag": 5})
    assert exact(law.weight_autocovariance, {**values, "lag": 0}) == exact(law.weight_variance, values)


def test_flat_limit_is_that_of_the_theory_notes() -> None:
    m, b = steps_per_epoch, momentum
    noted = (
        m**3 * (1 - b) ** 3 * (1 + b) - 6 * m**2 * b * (1 - b) ** 2
        - m * (1 - 8 * b + 8 * b**3 - b**4) - 12 * b**2 * (1 - b**m)
    ) / (6 * m * (m - 1) * (1 - b) ** 5 * (1 + b))
    found = formula_by_slug("flat-weight-variance").compact / (learning_rate**2 * noise_variance)
    assert sp.cancel(sp.together(found - noted)) == 0
    assert sp.cancel(found.subs(b, 0) - (m + 1) / 6) == 0


@pytest.mark.parametrize("rule", ["sgd", "heavy-ball", "nesterov", "ema-momentum"])
@pytest.mark.parametrize("quantity", ["weight-variance", "velocity-variance"])
def test_flat_limit_is_approached(rule: str, quantity: str) -> None:
    law = stationary_law(rule_by_name(rule), reshuffled())
    values = {**POINT, "steps_per_epoch": 6, "noise_variance": 1, "curvature": Fraction(1, 10**15)}
    ratio = exact(law.quantity(quantity), values) / exact(law.quantity(f"flat-{quantity}"), values)
    assert abs(ratio - 1) < Fraction(1, 10**12)


def test_flat_limit_that_does_not_exist_is_refused() -> None:
    law = stationary_law(heavy_ball(), scheme_by_name("kept-batch"))
    with pytest.raises(TheoryError, match="no closed form at zero curvature"):
        law.quantity("flat-weight-variance")


def test_own_rule_of_nine_lines_goes_through_the_engine() -> None:
    def step(state: Any, gradient: Any) -> Any:
        weights, velocity = state
        velocity = momentum * velocity - learning_rate * gradient(weights + velocity / 2)
        return weights + velocity, velocity

    rule = LinearRule(
        name="half-nesterov", step=step, state_size=2, parameters=(momentum,), domain=(momentum < 1,)
    )
    for quantity in ("weight-variance", "velocity-variance", "weight-autocovariance"):
        compare(rule, reshuffled(), quantity)


def test_own_scheme_goes_through_the_engine() -> None:
    scheme = SamplingScheme(
        name="own",
        noise=((White(), sp.Rational(1, 2)), (SharedInEpoch(), sp.Rational(1, 3)),
               (LastStep(), 1 / steps_per_epoch)),
    )
    for quantity in ("weight-variance", "velocity-variance-at-position", "weight-autocovariance"):
        compare(heavy_ball(), scheme, quantity)


def test_a_rule_that_is_not_rational_is_refused() -> None:
    def step(state: Any, gradient: Any) -> Any:
        return (state[0] - sp.sqrt(momentum) * learning_rate * gradient(state[0]),)

    rule = LinearRule(name="root", step=step, state_size=1, parameters=(momentum,))
    with pytest.raises(TheoryError, match="is not rational in"):
        _ = stationary_law(rule, reshuffled()).weight_variance


def test_unknown_quantity_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'weight-variance'"):
        stationary_law(sgd(), reshuffled()).quantity("weight-variances")


def test_lyapunov_convention_with_a_matrix_that_is_not_symmetric() -> None:
    """X = A X A'^T + B B'^T, with A and A' different and neither symmetric."""
    a, b, c = sp.symbols("a b c")
    ring = PolynomialRing(symbols=(a, b, c))
    left = sp.Matrix([[a, b], [0, c]])
    right = sp.Matrix([[b, 0], [c, a]])
    first, second = sp.Matrix([1, a]), sp.Matrix([c, 1])
    modes = [
        Mode(transition=ring.matrix(m), injection=ring.matrix(v), generators={}, layout={})
        for m, v in ((left, first), (right, second))
    ]
    white = ModePair(left=modes[0], right=modes[1]).white
    solved = sp.Matrix(2, 2, lambda i, k: sp.Mul(*(
        ring.to_sympy(p, {}) ** s for p, s in zip(white.entry(i, k), (1, -1), strict=True)
    )))
    gap = left * solved * right.T + first * second.T - solved
    assert gap.applyfunc(lambda e: sp.cancel(sp.together(e))) == sp.zeros(2, 2)


# sequences

t, d = sp.symbols("t d")
E = sp.symbols("e1:4")


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 9])
def test_sequences_are_the_coefficients_of_a_matrix_power(size: int, n: int) -> None:
    e = E[:size]
    companion = sp.Matrix(
        size, size,
        lambda i, j: int(i == j + 1) if j < size - 1 else (-1) ** (size - 1 - i) * e[size - 1 - i],
    )
    total = sp.zeros(size, size)
    for k in range(size):
        total += (-1) ** (size - 1 - k) * LucasSequence(k, n, *e) * companion**k
    assert (total - companion**n).applyfunc(sp.expand) == sp.zeros(size, size)


def test_sequences_at_an_integer_in_any_number_type() -> None:
    assert power_coefficients(50, (Fraction(3), Fraction(2)))[1] == 2**50 - 1
    assert LucasSequence(1, 1000, 3, 2) == 2**1000 - 1
    assert LucasSequence(1, steps_per_epoch, 2, 1) == steps_per_epoch  # both poles at one
    with pytest.raises(ValueError, match="non-negative"):
        power_coefficients(-1, (1, 1))
    with pytest.raises(ValueError, match="k must be"):
        LucasSequence(2, 3, t, d)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("n", [1, 4, 7])
def test_derivative_of_a_sequence_is_that_of_its_polynomial(size: int, n: int) -> None:
    """And, regular at a double pole, the limit of a difference quotient."""
    m, e = sp.Symbol("m", integer=True, nonnegative=True), E[:size]
    for k in range(size):
        for i in e:
            symbolic = LucasSequence(k, m, *e).diff(i).subs(m, n)
            assert sp.expand(symbolic - sp.diff(LucasSequence(k, n, *e), i)) == 0
    step = sp.Rational(1, 10**12)
    slope = LucasSequence(1, m, t, d).diff(t).subs({m: n, t: 2, d: 1})
    quotient = (LucasSequence(1, n, 2 + step, 1) - LucasSequence(1, n, 2 - step, 1)) / (2 * step)
    assert abs(slope - quotient) < sp.Rational(1, 10**20)


def test_sequences_print_as_latex_and_code() -> None:
    u = LucasSequence(1, steps_per_epoch, t, d)
    assert sp.latex(u**2).startswith("{U_{")
    assert sp.latex(LucasSequence(0, lag, t, d)) == "W_{lag}"
    other = LucasSequence(1, position, second_curvature + 1, momentum)
    assert sp.latex(other).startswith("U'_{")
    assert sp.pycode(u) == "lucas_sequence(1, steps_per_epoch, t, d)"
    assert sp.ccode(u) == "lucas_sequence_2(1, steps_per_epoch, t, d)"
    assert sp.mathematica_code(u) == "LucasSequence[1, steps_per_epoch, t, d]"
    assert str(u) == "LucasSequence(1, steps_per_epoch, t, d)"
    assert (u + curvature).has(LucasSequence)


def test_sequences_compile_to_numbers() -> None:
    """Plain ``lambdify`` knows them, whatever the number type."""
    formula = formula_by_slug("reshuffled-weight-variance")
    values: dict[str, Any] = {
        "learning_rate": 0.1, "momentum": 0.9, "curvature": 0.5, "noise_variance": 1.0,
        "steps_per_epoch": 7,
    }
    expected = formula.evaluate(**values)
    for modules in ("numpy", "math", "mpmath", None):
        function = sp.lambdify(formula.parameters, formula.expression, modules=modules)
        found = function(*(values[s.name] for s in formula.parameters))
        assert float(found) == pytest.approx(expected, rel=1e-9)
    function = sp.lambdify(formula.parameters, formula.expression, "numpy")
    steps = np.array([2, 50, 3])
    found = function(*({**values, "steps_per_epoch": steps}[s.name] for s in formula.parameters))
    exact = formula.evaluate(**{**values, "steps_per_epoch": steps})
    np.testing.assert_allclose(found, np.asarray(exact), rtol=1e-9)
    plain = sp.lambdify((lag, t, d), LucasSequence(1, lag, t, d), "math")
    assert plain(50, Fraction(3), Fraction(2)) == 2**50 - 1
    with pytest.raises(ValueError, match=r"needs a whole n; got 1\.5"):
        plain(1.5, 3, 2)
    with pytest.raises(ValueError, match="non-negative"):
        plain(-1, 3, 2)


def test_whole_numbers_have_no_derivative() -> None:
    u = LucasSequence(1, steps_per_epoch, t, d)
    for place in (1, 2):
        with pytest.raises(ArgumentIndexError, match=f"argument number {place} for Function LucasSequence"):
            u.fdiff(place)
    slope = sp.diff(momentum * u, steps_per_epoch)
    assert slope == momentum * sp.Derivative(u, steps_per_epoch)
    assert sp.diff(formula_by_slug("reshuffled-weight-variance").expression, steps_per_epoch).has(
        sp.Derivative
    )

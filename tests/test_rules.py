"""Update rules: four descriptions of each are one rule, and its stability region is exact."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import sympy as sp

from theory.errors import TheoryError, UnknownNameError
from theory.optimizers import RULES, LinearRule, averaged, rule_by_name, sgd
from theory.solvers.schur_cohn import stability_of
from theory.symbols import curvature, learning_rate, momentum

FloatArray = npt.NDArray[np.float64]

NAMES = [name for name, _ in RULES]
ALL = [*NAMES, *(f"averaged:{name}" for name in NAMES), "averaged:averaged:heavy-ball"]
POINT = {
    "learning_rate": 0.3, "momentum": 0.7, "dampening": 0.2, "weight_decay": 0.1,
    "immediate_discount": 0.6, "averaging_rate": 0.4, "curvature": 1.3,
}
#: a dozen steps of a stable recursion in double precision
RECURSION = 1e-13
#: eigenvalues of a non-normal 4 x 4 matrix near a double pole are good to the root of roundoff
BOUNDARY = 1e-6


def rule_from(name: str) -> LinearRule:
    if name == "averaged:averaged:heavy-ball":
        # both averages share the symbol averaging_rate
        return averaged(rule_by_name("averaged:heavy-ball"))
    return rule_by_name(name)


def simulated_response(rule: LinearRule, steps: int) -> list[float]:
    """Weights after a unit gradient noise at the first step, by running the numeric rule."""
    numeric = rule.numeric(POINT)
    state, seen = np.zeros(rule.state_size), []
    for k in range(steps):
        gradient = POINT["curvature"] * numeric.evaluate_at @ state + (k == 0)
        state = numeric.keep @ state + numeric.inject * gradient
        seen.append(float(state[0]))
    return seen


def at_point(expression: sp.Expr) -> sp.Expr:
    exact = {s: sp.Rational(str(POINT[s.name])) for s in expression.free_symbols if s.name in POINT}
    return sp.together(expression.subs(exact))


@pytest.mark.parametrize("name", ALL)
def test_transitions_are_those_of_the_symbols(name: str) -> None:
    rule, curvatures = rule_from(name), np.array([[0.0, 0.4], [1.3, 2.0]])
    found = rule.numeric(POINT).transitions(curvatures)
    assert found.shape == (2, 2, rule.state_size, rule.state_size)
    for at, value in np.ndenumerate(curvatures):
        exact = rule.transition.subs({s: value if s == curvature else POINT[s.name] for s in
                                      rule.transition.free_symbols})
        np.testing.assert_allclose(found[at], np.array(exact.tolist(), dtype=float), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ALL)
def test_simulated_rule_state_space_and_transfer_function_agree(name: str) -> None:
    rule, z, steps = rule_from(name), sp.Symbol("z"), 12
    numerator, denominator = sp.fraction(at_point(rule.transfer_function(z)))
    top, bottom = (sp.Poly(p, z).all_coeffs() for p in (numerator, denominator))
    top = [0] * (len(bottom) - len(top)) + top
    series: list[sp.Expr] = []  # long division in 1/z
    for k in range(steps):
        known = sum(bottom[i] * series[k - i] for i in range(1, min(k, len(bottom) - 1) + 1))
        series.append(((top[k] if k < len(top) else 0) - known) / bottom[0])
    transition = rule.transition.applyfunc(at_point)
    state = rule.injection.applyfunc(at_point)
    for k in range(steps):
        assert sp.Rational(state[0]) == series[k]
        state = transition * state
    np.testing.assert_allclose(
        simulated_response(rule, steps), [float(x) for x in series], rtol=0,
        atol=RECURSION * max(abs(float(x)) for x in series),
    )


def evaluators(rule: LinearRule) -> tuple[list[sp.Symbol], Callable[..., list[float]]]:
    own = [learning_rate, *rule.parameters, curvature]
    own = list(dict.fromkeys(own))
    return own, sp.lambdify(own, list(rule.stability))


@pytest.mark.parametrize("name", ALL)
def test_stability_conditions_are_the_spectral_radius(name: str) -> None:
    rule = rule_from(name)
    own, conditions = evaluators(rule)
    transition = sp.lambdify(own, rule.transition)
    rng = np.random.default_rng(sum(name.encode()))
    counts = {True: 0, False: 0}
    for _ in range(300):
        point = [
            rng.uniform(0, 6) if s in (learning_rate, curvature) else rng.uniform(0, 1) for s in own
        ]
        matrix = np.array(transition(*point), dtype=np.float64)
        radius = float(np.abs(np.linalg.eigvals(matrix)).max())
        if abs(radius - 1) < BOUNDARY:
            continue
        exact = stability_of([[Fraction(x) for x in row] for row in matrix.tolist()])
        claimed = all(q > 0 for q in conditions(*point))
        assert claimed == (radius < 1) == (exact == "stable"), point
        counts[claimed] += 1
    assert min(counts.values()) >= 10, f"both sides of the boundary must be sampled; got {counts}"


@pytest.mark.parametrize(
    ("learning", "beta", "expected"),
    [("19/5", "9/10", "unstable"), ("3799/1000", "9/10", "stable"), ("0", "9/10", "flat"),
     ("1", "1", "unstable"), ("2", "0", "unstable"), ("1", "0", "stable")],
)
def test_heavy_ball_boundary_is_placed_exactly(learning: str, beta: str, expected: str) -> None:
    rule = rule_by_name("heavy-ball")
    point = {learning_rate: sp.Rational(learning), momentum: sp.Rational(beta), curvature: 1}
    rows = [
        [Fraction(int(x.p), int(x.q)) for x in rule.transition.subs(point).row(i)] for i in (0, 1)
    ]
    assert stability_of(rows) == expected
    if expected != "flat":
        assert bool(rule.valid_if.subs(point)) == (expected == "stable")


def test_a_rule_of_your_own_needs_only_its_step() -> None:
    def step(state, gradient):  # type: ignore[no-untyped-def]
        weights, last = state
        slope = gradient(weights)
        return weights - learning_rate * (slope + momentum * last), slope

    rule = LinearRule(name="two-point", step=step, state_size=2, parameters=(momentum,))
    z = sp.Symbol("z")
    expected = z**2 + (learning_rate * curvature - 1) * z + learning_rate * momentum * curvature
    assert sp.expand(rule.characteristic_polynomial(z) - expected) == 0


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda s, g: (s[0] - learning_rate * g(s[0]) ** 2,), "not linear"),
        (lambda s, g: (s[0] - learning_rate * g(s[0]) + 1,), "not linear"),
        (lambda s, g: (s[0] - g(s[0]) - g(s[0]),), "called gradient 2 times"),
        (lambda s, g: (s[0],), "called gradient 0 times"),
        (lambda s, g: (g(s[0]), s[0]), "returned 2 entries"),
        (lambda s, g: (s[0] * s[0] - g(s[0]),), "not linear"),
        (lambda s, g: (s[0] + s[1] - g(s[0]),), "state_size = 1 entries .IndexError"),
        (lambda s, g: s[0] - g(s[0]), "step failed on a state of state_size = 1 entries"),
        (lambda s, g: (s[0] - momentum * g(s[0]),), r"uses momentum, .* parameters \(none\)"),
        (lambda s, g: (s[0] - g(s[0] * sp.Symbol("gain")),), "step uses gain"),
    ],
)
def test_a_step_that_is_no_linear_rule_is_refused(step, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TheoryError, match=message):
        LinearRule(name="bad", step=step, state_size=1)


def test_unknown_and_missing_names_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'heavy-ball'\?"):
        rule_by_name("heavyball")
    with pytest.raises(UnknownNameError, match="known are"):
        rule_by_name("averaged:adam")
    with pytest.raises(TheoryError, match="rule 'heavy-ball' needs momentum"):
        rule_by_name("heavy-ball").numeric({"learning_rate": 0.1})


def test_averaging_at_rate_one_changes_nothing() -> None:
    z = sp.Symbol("z")
    plain, wrapped = sgd(), averaged(sgd())
    (rate,) = wrapped.parameters
    gap = wrapped.transfer_function(z).subs(rate, 1) - plain.transfer_function(z)
    assert sp.cancel(gap) == 0

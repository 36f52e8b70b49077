"""Rules whose parameters carry units of their own, or leak: the engine must not guess."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from theory import LinearRule, SamplingScheme, fresh_batches, reshuffled, stationary_law
from theory.errors import NoStationaryLawError
from theory.solvers import solve_epoch_lifted
from theory.symbols import learning_rate, momentum

decay = sp.Symbol("decay", nonnegative=True)
POINT: dict[str, Any] = {
    "learning_rate": Fraction(1, 10), "curvature": Fraction(3, 10), "momentum": Fraction(1, 2),
    "noise_variance": 1, "steps_per_epoch": 5, "decay": Fraction(1, 4),
}


def decayed() -> LinearRule:
    """Heavy ball with a decay of its own: not in units of the project's weight_decay."""

    def step(state: Any, gradient: Any) -> Any:
        weights, velocity = state
        velocity = momentum * velocity - learning_rate * (gradient(weights) + decay * weights)
        return weights + velocity, velocity

    return LinearRule(name="decayed", step=step, state_size=2, parameters=(momentum, decay))


def leaking() -> LinearRule:
    """SGD whose weights shrink by a dimensionless factor: no pole at 1 without curvature."""

    def step(state: Any, gradient: Any) -> Any:
        (weights,) = state
        return ((1 - decay) * weights - learning_rate * gradient(weights),)

    return LinearRule(name="leaking", step=step, state_size=1, parameters=(decay,))


@pytest.mark.parametrize("rule", [decayed(), leaking()], ids=lambda rule: rule.name)
@pytest.mark.parametrize("scheme", [fresh_batches(), reshuffled()], ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("quantity", ["weight-variance", "velocity-variance"])
def test_engine_equals_the_exact_solver(
    rule: LinearRule, scheme: SamplingScheme, quantity: Any
) -> None:
    formula = stationary_law(rule, scheme).quantity(quantity)
    values = {s.name: POINT[s.name] for s in formula.parameters}
    own = {s.name for s in rule.parameters} | {"learning_rate", "curvature", "steps_per_epoch"}
    exact = solve_epoch_lifted(rule, scheme, {n: POINT[n] for n in own}, quantity)
    at = {s: sp.Rational(values[s.name].numerator, values[s.name].denominator)
          if isinstance(values[s.name], Fraction) else sp.Integer(values[s.name])
          for s in formula.parameters}
    value = formula.expression.subs(at)
    assert Fraction(int(value.p), int(value.q)) == exact.value


@pytest.mark.parametrize("rule", [decayed(), leaking()], ids=lambda rule: rule.name)
def test_matrix_law_equals_the_exact_solver(rule: LinearRule) -> None:
    hessian, noise = np.diag([0.3, 1.1]), np.array([[1.0, 0.2], [0.2, 0.5]])
    own = {s.name for s in rule.parameters} | {"learning_rate", "steps_per_epoch"}
    values: dict[str, Any] = {n: float(POINT[n]) for n in own}
    found = stationary_law(rule, reshuffled()).covariance(hessian, noise, **values)
    for i in range(2):
        for j in range(2):
            exact = solve_epoch_lifted(
                rule, reshuffled(),
                {**values, "curvature": float(hessian[i, i]), "second_curvature": float(hessian[j, j])},
            )
            assert found[i, j] == pytest.approx(noise[i, j] * float(exact.value), rel=1e-11)


def test_units_and_poles_are_recognised() -> None:
    assert not decayed().scales
    assert leaking().scales
    assert not decayed().neutral
    assert not leaking().neutral


def test_no_flat_limit_is_invented() -> None:
    formula = stationary_law(leaking(), reshuffled()).weight_variance
    assert formula.flat_limit is None
    with pytest.raises(NoStationaryLawError, match="curvature"):
        formula.evaluate(
            learning_rate=0.1, decay=0.25, noise_variance=1, steps_per_epoch=5, curvature=0
        )

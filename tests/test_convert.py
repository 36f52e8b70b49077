"""Conversion between momentum conventions: the trajectories themselves must coincide."""

from __future__ import annotations

import itertools
from fractions import Fraction as F
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sympy as sp

from theory.errors import ConversionError, TheoryError, UnknownNameError
from theory.optimizers import (
    RULES,
    LinearRule,
    averaged,
    ema_momentum,
    heavy_ball,
    nesterov,
    pytorch_sgd,
    quasi_hyperbolic,
    rule_by_name,
    sgd,
)
from theory.optimizers.convert import convert
from theory.symbols import (
    averaging_rate,
    curvature,
    dampening,
    immediate_discount,
    learning_rate,
    momentum,
    weight_decay,
)

FLAG = pytorch_sgd(nesterov=True)
NUMBERS: dict[str, Any] = {
    "learning_rate": F(1, 10), "momentum": F(7, 10), "dampening": F(1, 5),
    "weight_decay": F(1, 7), "immediate_discount": F(3, 5), "averaging_rate": F(1, 3),
}
#: a hundred stable steps in double precision
TRAJECTORY = 1e-12

POSSIBLE = (
    (ema_momentum(), heavy_ball(), {learning_rate: learning_rate * (1 - momentum)}),
    (heavy_ball(), ema_momentum(), {learning_rate: learning_rate / (1 - momentum)}),
    (heavy_ball(), pytorch_sgd(), {dampening: 0, weight_decay: 0, momentum: momentum}),
    (pytorch_sgd(), pytorch_sgd(), {learning_rate: learning_rate * (1 - dampening), dampening: 0}),
    (heavy_ball(), quasi_hyperbolic(), {immediate_discount: 1}),
    (ema_momentum(), quasi_hyperbolic(), {immediate_discount: 1, learning_rate: learning_rate}),
    (sgd(), heavy_ball(), {learning_rate: learning_rate, momentum: 0}),
    (sgd(), quasi_hyperbolic(), {momentum: 0, immediate_discount: 0}),
    (sgd(), averaged(heavy_ball()), {averaging_rate: 1, momentum: 0}),
    (averaged(heavy_ball()), averaged(ema_momentum()), {averaging_rate: averaging_rate}),
    # the look-ahead point is an extrapolation; averaging it at the right rate undoes that
    (nesterov(), averaged(FLAG), {averaging_rate: 1 / (1 + momentum), weight_decay: 0}),
)
IMPOSSIBLE = (
    (heavy_ball(), sgd(), "there are some if heavy-ball has momentum = 0"),
    (nesterov(), FLAG, "there are some if nesterov has momentum = 0"),
    (nesterov(), heavy_ball(), "no hyperparameters give the same response"),
    (heavy_ball(), averaged(sgd()), "averaged:sgd cannot follow heavy-ball"),
    (pytorch_sgd(), heavy_ball(), "if pytorch-sgd has weight_decay = 0"),
    (pytorch_sgd(), sgd(), "has momentum = 0 and weight_decay = 0"),
    (averaged(heavy_ball()), heavy_ball(), "has averaging_rate = 1"),
)


def trajectory(
    rule: LinearRule, values: dict[str, Any], h: float
) -> npt.NDArray[np.float64]:
    """Reported weights from rest, driven by fixed gradient noise."""
    noise = np.random.default_rng(0).standard_normal(100)
    numeric = rule.numeric({k: float(v) for k, v in values.items()})
    state, seen = np.zeros(rule.state_size), []
    for xi in noise:
        state = numeric.keep @ state + numeric.inject * (h * numeric.evaluate_at @ state + xi)
        seen.append(state[0])
    return np.array(seen)


def own(rule: LinearRule, **changes: Any) -> dict[str, Any]:
    names = ("learning_rate", *(s.name for s in rule.parameters))
    return {name: changes.get(name, NUMBERS[name]) for name in names}


def assert_same_trajectory(
    source: LinearRule, given: dict[str, Any], target: LinearRule, found: dict[str, Any]
) -> None:
    for h in (0.1, 1.0, 3.0):
        expected = trajectory(source, given, h)
        np.testing.assert_allclose(
            trajectory(target, found, h), expected, rtol=0,
            atol=TRAJECTORY * np.abs(expected).max(),
        )


def ids(case: Any) -> str:
    return case.name if isinstance(case, LinearRule) else ""


@pytest.mark.parametrize(("source", "target", "expected"), POSSIBLE, ids=ids)
def test_known_conversions(source: LinearRule, target: LinearRule, expected: Any) -> None:
    found = convert(source, target)
    assert set(found) == {learning_rate, *target.parameters}
    for symbol, expression in expected.items():
        assert sp.simplify(found[symbol] - expression) == 0
    z = sp.Symbol("z")
    moved = target.transfer_function(z).subs(found, simultaneous=True)
    assert sp.cancel(moved - source.transfer_function(z)) == 0
    assert_same_trajectory(source, own(source), target, convert(source, target, own(source)))


@pytest.mark.parametrize(("source", "target", "message"), IMPOSSIBLE, ids=ids)
def test_impossible_conversions_say_why(
    source: LinearRule, target: LinearRule, message: str
) -> None:
    for values in (None, own(source)):
        with pytest.raises(ConversionError, match=message):
            convert(source, target, values)


def test_every_conversion_that_exists_keeps_the_trajectory_and_comes_back() -> None:
    """All pairs at special hyperparameters, where many conventions coincide."""
    count = 0
    for (_, first), (_, second) in itertools.product(RULES, RULES):
        source, target = first(), second()
        given = own(source, weight_decay=0, immediate_discount=NUMBERS["momentum"])
        try:
            found = convert(source, target, given)
        except ConversionError:
            continue
        count += 1
        assert all(isinstance(x, F) for x in found.values())
        assert_same_trajectory(source, given, target, found)
        back = convert(target, source, found)
        assert_same_trajectory(source, given, source, back)
        assert back["learning_rate"] == given["learning_rate"] * (1 - given.get("dampening", 0))
    assert count == 24


def test_special_values_open_conversions() -> None:
    still = {"learning_rate": F(1, 10), "momentum": 0}
    assert convert(heavy_ball(), sgd(), still) == {"learning_rate": F(1, 10)}
    assert convert(nesterov(), FLAG, still)["momentum"] == 0
    look_ahead = own(quasi_hyperbolic(), immediate_discount=NUMBERS["momentum"])
    assert convert(quasi_hyperbolic(), FLAG, look_ahead) == {
        "learning_rate": F(3, 100), "momentum": F(7, 10), "weight_decay": 0,
    }
    plain = own(pytorch_sgd(), weight_decay=0)
    assert convert(pytorch_sgd(), heavy_ball(), plain)["learning_rate"] == F(8, 100)
    assert convert(quasi_hyperbolic(), sgd(), own(quasi_hyperbolic(), immediate_discount=0))


def test_numbers_stay_what_they_are() -> None:
    exact = convert(ema_momentum(), heavy_ball(), {"learning_rate": F(1, 10), "momentum": F(9, 10)})
    assert exact == {"learning_rate": F(1, 100), "momentum": F(9, 10)}
    floats = convert(ema_momentum(), heavy_ball(), {"learning_rate": 0.1, "momentum": 0.9})
    assert isinstance(floats["learning_rate"], float)
    np.testing.assert_allclose(floats["learning_rate"], 0.1 * (1 - 0.9), rtol=1e-15)
    symbolic = {"learning_rate": learning_rate, "momentum": 1 - averaging_rate}
    mixed = convert(ema_momentum(), heavy_ball(), symbolic)
    assert sp.expand(mixed[learning_rate] - learning_rate * averaging_rate) == 0


def test_a_rule_of_your_own_converts() -> None:
    gain = sp.Symbol("gain", positive=True)

    def step(state, gradient):  # type: ignore[no-untyped-def]
        weights, total = state
        total = momentum * total + gain * gradient(weights)
        return weights - learning_rate * total, total

    mine = LinearRule(name="mine", step=step, state_size=2, parameters=(momentum, gain))
    assert sp.expand(convert(mine, heavy_ball())[learning_rate] - gain * learning_rate) == 0
    found = convert(heavy_ball(), mine, own(heavy_ball()))
    assert found == {"learning_rate": F(1, 10), "momentum": F(7, 10), "gain": 1}


def test_hyperparameters_outside_the_target_are_refused() -> None:
    free = LinearRule(name="free", step=heavy_ball().step, state_size=2, parameters=(momentum,))
    with pytest.raises(ConversionError, match=r"would take learning_rate = -0\.2.*momentum < 1"):
        convert(free, ema_momentum(), {"learning_rate": 0.1, "momentum": 1.5})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"momentum": 1.5}, r"heavy-ball needs momentum < 1; got .*momentum = 1\.5"),
        ({"momentum": -0.5}, r"heavy-ball needs momentum >= 0; got .*momentum = -0\.5"),
        ({"learning_rate": 0}, r"heavy-ball needs learning_rate > 0; got learning_rate = 0"),
        ({"learning_rate": F(-1, 10)}, r"needs learning_rate > 0; got learning_rate = -0\.1"),
    ],
)
def test_hyperparameters_outside_the_source_are_refused_first(
    change: dict[str, Any], message: str
) -> None:
    values = {"learning_rate": F(1, 10), "momentum": F(9, 10), **change}
    for target in (ema_momentum(), heavy_ball(), sgd()):
        with pytest.raises(TheoryError, match=message):
            convert(heavy_ball(), target, values)


def test_the_comparison_would_notice_a_wrong_conversion() -> None:
    given = own(ema_momentum())
    with pytest.raises(AssertionError, match="Not equal"):
        assert_same_trajectory(ema_momentum(), given, heavy_ball(), given)
    point = {curvature: 1, learning_rate: F(1, 10), momentum: F(1, 2)}
    assert nesterov().transition.subs(point) != heavy_ball().transition.subs(point)


def test_bad_input_is_named() -> None:
    with pytest.raises(TheoryError, match="'heavy-ball' needs momentum"):
        convert(heavy_ball(), ema_momentum(), {"learning_rate": 0.1})
    with pytest.raises(UnknownNameError, match="did you mean 'momentum'"):
        convert(heavy_ball(), ema_momentum(), {"learning_rate": 0.1, "momentun": 0.9})
    with pytest.raises(TheoryError, match="momentum = nan is not finite"):
        convert(heavy_ball(), sgd(), {"learning_rate": 0.1, "momentum": float("nan")})
    with pytest.raises(UnknownNameError, match="unknown rule"):
        convert(heavy_ball(), rule_by_name("adam"))

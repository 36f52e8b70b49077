"""Four solvers that share no mathematics, a naive twin, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction as F
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import (
    AccuracyError,
    NoStationaryLawError,
    TheoryError,
    UnknownNameError,
    UnstableError,
)
from theory.noise import Frozen, White
from theory.optimizers import RULES, LinearRule, heavy_ball, rule_by_name
from theory.sampling import SCHEMES, SamplingScheme, reshuffled, scheme_by_name, shuffled_once
from theory.solvers import (
    Quantity,
    SolverResult,
    solve_epoch_lifted,
    solve_lag_sum,
    solve_lyapunov,
    solve_spectral_integral,
)

Solver = Callable[..., SolverResult]
DOUBLE: tuple[Solver, ...] = (solve_lyapunov, solve_lag_sum, solve_spectral_integral)

REFERENCE = {
    "learning_rate": F(1, 10), "curvature": F(3, 10), "momentum": F(9, 10), "steps_per_epoch": 7,
}
POINT = {
    "learning_rate": F(1, 10), "curvature": F(3, 10), "momentum": F(9, 10), "dampening": F(1, 5),
    "weight_decay": F(1, 7), "immediate_discount": F(3, 5), "averaging_rate": F(1, 5),
    "noise_variance": F(3, 10**9), "batch_size": 3,
}
#: final rounding of a double
ULP = 2.0**-51
#: steep directions lose few digits: relative to the scale of the two outputs
STEEP = 1e-11
#: flat directions (x = 1e-4): unit roundoff times the memory 1/x, a hundredfold for the sums
FLAT = 1e-9

VARIANCES: tuple[Quantity, Quantity] = ("weight-variance", "velocity-variance")
CASES: tuple[tuple[Quantity, int, int | None, bool], ...] = (
    ("weight-variance", 0, None, False),
    ("velocity-variance", 9, None, True),
    ("weight-velocity-covariance", 0, 2, False),
    ("velocity-weight-covariance", 9, 5, True),
    ("velocity-variance", 0, 6, False),
    ("weight-variance", 3, None, True),
    ("weight-variance", 20, 1, False),
)


def exactly(*args: Any, **kwargs: Any) -> F:
    """The referee's value, with its type."""
    result = solve_epoch_lifted(*args, **kwargs)
    assert isinstance(result.value, F)
    assert result.residual == result.error == 0
    return result.value


def values_for(scheme: SamplingScheme) -> dict[str, Any]:
    whole = scheme.last_batch in ("forbidden", "irrelevant")
    return {**POINT, "samples": 21 if whole else 20}


def scale_of(rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any], q: str) -> float:
    """Standard deviations of the two outputs, multiplied."""
    first = VARIANCES[q.startswith("velocity")]
    second = VARIANCES[q in ("velocity-variance", "weight-velocity-covariance")]
    alone = {k: v for k, v in values.items() if k != "second_curvature"}
    other = {**alone, "curvature": values.get("second_curvature", values["curvature"])}
    one, two = exactly(rule, scheme, alone, first), exactly(rule, scheme, other, second)
    return math.sqrt(one) * math.sqrt(two)


def disagreement(result: SolverResult, exact: float) -> float:
    """In units of what the result claims; at most 1 is agreement."""
    return abs(float(result) - exact) / (result.error + ULP * abs(exact) + 5e-324)


@pytest.mark.parametrize("scheme_name", [name for name, _ in SCHEMES])
@pytest.mark.parametrize(
    "rule_name", [*(n for n, _ in RULES), *(f"averaged:{n}" for n, _ in RULES)]
)
def test_all_solvers_agree(rule_name: str, scheme_name: str) -> None:
    rule, scheme = rule_by_name(rule_name), scheme_by_name(scheme_name)
    start = sum((rule_name + scheme_name).encode())
    for k in (start, start + 3):
        quantity, lag, position, cross = CASES[k % len(CASES)]
        values = values_for(scheme)
        if cross:
            values["second_curvature"] = F(7, 5)
        exact = float(
            solve_epoch_lifted(rule, scheme, values, quantity, lag=lag, position=position)
        )
        scale = scale_of(rule, scheme, values, quantity)
        for solver in DOUBLE:
            if solver is solve_spectral_integral and position is not None:
                continue
            where = {} if solver is solve_spectral_integral else {"position": position}
            result = solver(rule, scheme, values, quantity, lag=lag, **where)
            assert disagreement(result, exact) <= 1, (result, exact, quantity, lag, position)
            assert abs(float(result) - exact) <= STEEP * scale, (result, exact)


def test_reference_values_are_exact() -> None:
    rule, scheme = heavy_ball(), reshuffled()
    weights = exactly(rule, scheme, REFERENCE)
    velocity = exactly(rule, scheme, REFERENCE, "velocity-variance")
    mixed = exactly(rule, scheme, REFERENCE, "weight-velocity-covariance")
    assert weights == F(1648760847497, 7917000000000)
    assert velocity == F(685598613641, 37700000000000)
    assert 2 * mixed == velocity


@pytest.mark.parametrize("scheme_name", [name for name, _ in SCHEMES])
def test_velocity_is_the_difference_of_weights(scheme_name: str) -> None:
    """<v²> = 2 (Gamma(0) - Gamma(1)) and <theta v> = <v²> / 2, exactly, for averages."""
    rule, scheme = rule_by_name("averaged:pytorch-sgd-nesterov"), scheme_by_name(scheme_name)
    values = values_for(scheme)
    gamma = [exactly(rule, scheme, values, lag=k) for k in (0, 1)]
    velocity = exactly(rule, scheme, values, "velocity-variance")
    mixed = exactly(rule, scheme, values, "weight-velocity-covariance")
    assert velocity == 2 * (gamma[0] - gamma[1])
    assert 2 * mixed == velocity


def naive(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any], lag: int, position: int
) -> tuple[float, float]:
    """Weight and velocity moments from the double sum over steps and a simulated response."""
    m, epochs = int(values["steps_per_epoch"]), 30
    numbers = {k: float(v) for k, v in values.items()}
    numeric, state, psi = rule.numeric(numbers), np.zeros(rule.state_size), [0.0]
    for k in range(m * epochs):
        force = numbers["curvature"] * numeric.evaluate_at @ state + (k == 0)
        state = numeric.keep @ state + numeric.inject * force
        psi.append(float(state[0]))
    noise = np.array(scheme.noise_covariance(m, epochs=epochs), dtype=np.float64)
    now = m * (epochs - 2) + position
    moments = []
    for response in (np.array(psi[1:]), np.diff(psi)):
        late, early = np.zeros(m * epochs), np.zeros(m * epochs)
        late[: now + lag] = response[: now + lag][::-1]
        early[:now] = response[:now][::-1]
        moments.append(float(late @ noise @ early))
    return moments[0], moments[1]


@pytest.mark.parametrize("scheme_name", ["with-replacement", "reshuffled", "shuffled-once"])
@pytest.mark.parametrize("rule_name", ["nesterov", "averaged:heavy-ball", "quasi-hyperbolic"])
def test_solver_agrees_with_the_naive_double_sum(rule_name: str, scheme_name: str) -> None:
    rule, scheme = rule_by_name(rule_name), scheme_by_name(scheme_name)
    own = {s.name for s in rule.parameters}
    values: dict[str, Any] = {k: v for k, v in POINT.items() if k in own}
    if "momentum" in own:
        values["momentum"] = F(1, 3)  # the response must die within the thirty epochs
    values |= {"learning_rate": F(1, 2), "curvature": F(4, 5), "steps_per_epoch": 6}
    for lag, position in ((0, 3), (4, 5)):
        moments = naive(rule, scheme, values, lag, position)
        for quantity, expected in zip(VARIANCES, moments, strict=True):
            exact = solve_epoch_lifted(rule, scheme, values, quantity, lag=lag, position=position)
            scale = scale_of(rule, scheme, values, quantity)
            assert abs(float(exact) - expected) <= STEEP * scale


def test_average_is_the_average_of_the_positions() -> None:
    for scheme in (reshuffled(), shuffled_once(), scheme_by_name("kept-batch")):
        values = {**values_for(scheme), "second_curvature": F(1, 50)}
        for quantity in get_args(Quantity):
            parts = [
                exactly(heavy_ball(), scheme, values, quantity, lag=2, position=j)
                for j in range(1, 8)
            ]
            whole = exactly(heavy_ball(), scheme, values, quantity, lag=2)
            assert sum(parts) == 7 * whole


@settings(derandomize=True, max_examples=25, deadline=None)
@given(
    x=st.floats(1e-4, 1.9), curvature=st.floats(-9, 6), noise=st.floats(-15, 0),
    beta=st.floats(0, 0.9), name=st.sampled_from(["heavy-ball", "ema-momentum", "nesterov"]),
)
def test_double_solvers_keep_their_accuracy_over_fifteen_orders(
    x: float, curvature: float, noise: float, beta: float, name: str
) -> None:
    rate = (x if name != "nesterov" else x / 2) / 10**curvature
    values = {
        "learning_rate": rate, "curvature": 10**curvature, "momentum": beta,
        "noise_variance": 10**noise, "steps_per_epoch": 5,
    }
    rule = rule_by_name(name)
    for scheme in (reshuffled(), shuffled_once()):
        exact = float(solve_epoch_lifted(rule, scheme, values))
        for solver in DOUBLE:
            result = solver(rule, scheme, values)
            assert disagreement(result, exact) <= 1, (result, exact)
            assert abs(float(result) - exact) <= FLAT * exact, (result, exact)


def test_a_perturbed_noise_is_noticed() -> None:
    """The negative control: one part in 1e8 more white noise, seen by every solver."""
    true = reshuffled()
    (white, weight), shared = true.noise
    wrong = replace(true, noise=((white, weight * (1 + F(1, 10**8))), shared))
    exact = float(solve_epoch_lifted(heavy_ball(), true, REFERENCE))
    for solver in DOUBLE:
        result = solver(heavy_ball(), wrong, REFERENCE)
        assert disagreement(result, exact) > 1
        assert abs(float(result) - exact) > STEEP * exact
        assert result.error < STEEP * exact, "the claimed error must be able to resolve it"
    assert exactly(heavy_ball(), wrong, REFERENCE) != F(exact)


def test_a_scheme_of_your_own_with_both_memories() -> None:
    mixed = SamplingScheme(
        name="mixed", noise=((White(), F(1, 3)), (Frozen(), F(2, 3))), lasting="run"
    )
    exact = float(solve_epoch_lifted(heavy_ball(), mixed, REFERENCE, lag=2))
    for solver in DOUBLE:
        assert disagreement(solver(heavy_ball(), mixed, REFERENCE, lag=2), exact) <= 1
    fresh = scheme_by_name("fresh-batches")
    white = float(solve_epoch_lifted(heavy_ball(), fresh, REFERENCE, lag=2))
    frozen = 1 / 0.3**2  # a constant force c displaces by c / curvature
    assert math.isclose(exact, white / 3 + 2 * frozen / 3, rel_tol=ULP)


@pytest.mark.parametrize("solver", [solve_epoch_lifted, *DOUBLE])
def test_one_step_per_epoch(solver: Solver) -> None:
    values = {**REFERENCE, "steps_per_epoch": 1}
    assert float(solver(heavy_ball(), reshuffled(), values)) == 0
    assert float(solver(heavy_ball(), shuffled_once(), values)) == 0
    eta, lam, beta = 0.1, 0.3, 0.9
    white = eta * (1 + beta) / (lam * (1 - beta) * (2 * (1 + beta) - eta * lam))
    fresh = solver(heavy_ball(), scheme_by_name("fresh-batches"), values)
    assert math.isclose(float(fresh), white, rel_tol=STEEP)
    kept = {**REFERENCE, "samples": 4, "batch_size": 4}
    del kept["steps_per_epoch"]
    assert float(solver(heavy_ball(), scheme_by_name("kept-batch"), kept)) == 0


@pytest.mark.parametrize("scheme", [reshuffled(), shuffled_once()], ids=lambda s: s.name)
@pytest.mark.parametrize("rule_name", ["sgd", "heavy-ball", "averaged:nesterov"])
def test_flat_law_is_the_limit_of_small_curvature(rule_name: str, scheme: SamplingScheme) -> None:
    rule, tiny = rule_by_name(rule_name), F(1, 10**20)
    for quantity in get_args(Quantity):
        for lag, position in ((0, None), (3, 2), (9, 7)):
            values = {**POINT, "steps_per_epoch": 7}
            flat, close = (
                exactly(
                    rule, scheme, {**values, "curvature": c}, quantity, lag=lag, position=position
                )
                for c in (F(0), tiny)
            )
            size = exactly(rule, scheme, {**values, "curvature": 0})
            assert abs(close - flat) <= F(1, 10**12) * size


def test_flat_plain_sgd_has_its_textbook_law() -> None:
    for m in (2, 3, 10):
        values = {"learning_rate": F(1, 10), "curvature": 0, "steps_per_epoch": m}
        flat = exactly(rule_by_name("sgd"), reshuffled(), values)
        assert flat == F(m + 1, 6) / 100


def test_flat_directions_without_a_law_are_refused() -> None:
    rule, flat = heavy_ball(), {**REFERENCE, "curvature": 0}
    white, unequal = scheme_by_name("fresh-batches"), scheme_by_name("shuffled-once-unequal")
    with pytest.raises(NoStationaryLawError, match=r"weights diffuse.*variance 7 in sum"):
        solve_epoch_lifted(rule, white, flat)
    with pytest.raises(NoStationaryLawError, match="weights diffuse"):
        solve_epoch_lifted(rule, white, flat, "weight-velocity-covariance")
    velocity = exactly(rule, white, flat, "velocity-variance")
    assert velocity == F(1, 100) / (1 - F(81, 100))
    sizes = {**flat, "samples": 20, "batch_size": 3}
    with pytest.raises(NoStationaryLawError, match=r"weights drift.*batches of equal size"):
        solve_epoch_lifted(rule, unequal, sizes)
    with pytest.raises(NoStationaryLawError, match="weights diffuse"):
        solve_epoch_lifted(rule, scheme_by_name("dropped-batch"), {**sizes, "steps_per_epoch": 6})
    mixed = exactly(rule, white, {**flat, "second_curvature": F(3, 10)})
    near = {**flat, "curvature": F(1, 10**15), "second_curvature": F(3, 10)}
    assert abs(mixed - exactly(rule, white, near)) < F(1, 10**9) * abs(mixed)
    for solver in DOUBLE:
        with pytest.raises(NoStationaryLawError, match="use solve_epoch_lifted"):
            solver(rule, reshuffled(), flat)


@pytest.mark.parametrize("solver", [solve_epoch_lifted, *DOUBLE])
def test_unstable_hyperparameters_are_refused_first(solver: Solver) -> None:
    rule, scheme = heavy_ball(), reshuffled()
    with pytest.raises(UnstableError, match=r"learning_rate = 40 is not below 12\.6667.*Lower"):
        solver(rule, scheme, {**REFERENCE, "learning_rate": 40})
    with pytest.raises(UnstableError, match=r"not below 12\.6667"):
        solver(rule, scheme, {**REFERENCE, "learning_rate": F(38, 3)})
    with pytest.raises(UnstableError, match=r"second_curvature = 100"):
        solver(rule, scheme, {**REFERENCE, "second_curvature": 100})
    with pytest.raises(UnstableError, match=r"needs momentum < 1 \(got momentum = 1\)"):
        solver(rule, scheme, {**REFERENCE, "momentum": 1})
    with pytest.raises(UnstableError, match=r"curvature = -0\.1 is unstable at every learning"):
        solver(rule, scheme, {**REFERENCE, "curvature": F(-1, 10)})


def test_just_inside_the_boundary_the_exact_solver_answers() -> None:
    inside = {**REFERENCE, "learning_rate": F(38, 3) - F(1, 10**30)}
    assert exactly(heavy_ball(), reshuffled(), inside) > 10**25


@pytest.mark.parametrize("solver", [solve_epoch_lifted, *DOUBLE])
def test_impossible_input_is_named(solver: Solver) -> None:
    rule, scheme = heavy_ball(), reshuffled()
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"momentun": 0.9}, UnknownNameError, "did you mean 'momentum'"),
        ({"lag": 3}, UnknownNameError, "lag and position are keyword arguments"),
        ({"learning_rate": float("nan")}, TheoryError, "learning_rate = nan is not finite"),
        ({"learning_rate": "fast"}, TheoryError, "learning_rate = 'fast' is not a number"),
        ({"noise_variance": -1}, TheoryError, "noise_variance must not be negative; got -1"),
        ({"steps_per_epoch": 2.5}, TheoryError, r"steps_per_epoch must be an integer .*got 2\.5"),
        ({"momentum": F(-1, 10)}, TheoryError, r"needs momentum >= 0 \(got -0\.1\)"),
    ]
    for change, error, message in wrong:
        with pytest.raises(error, match=message):
            solver(rule, scheme, {**REFERENCE, **change})
    with pytest.raises(TheoryError, match="'heavy-ball' needs momentum, curvature"):
        solver(rule, scheme, {"learning_rate": 0.1})
    with pytest.raises(TheoryError, match="'reshuffled' needs steps_per_epoch, or samples"):
        solver(rule, scheme, {k: v for k, v in REFERENCE.items() if k != "steps_per_epoch"})
    with pytest.raises(TheoryError, match=r"lag must be an integer >= 0; got -1"):
        solver(rule, scheme, REFERENCE, lag=-1)
    with pytest.raises(UnknownNameError, match="did you mean 'weight-variance'"):
        solver(rule, scheme, REFERENCE, "weights-variance")
    sizes = {**REFERENCE, "samples": 20, "batch_size": 3, "steps_per_epoch": 8}
    with pytest.raises(TheoryError, match="steps_per_epoch = 8, but kept-batch makes 7 batches"):
        solver(rule, scheme_by_name("kept-batch"), sizes)


def test_positions_outside_the_epoch_are_refused() -> None:
    for solver in (solve_epoch_lifted, solve_lyapunov, solve_lag_sum):
        for position in (0, 8):
            with pytest.raises(TheoryError, match=rf"lie in 1\.\.7 .*got {position}"):
                solver(heavy_ball(), reshuffled(), REFERENCE, position=position)


def test_noise_of_another_memory_is_refused() -> None:
    class TwoEpochs(White):
        def correlated(self, k: int, l: int, steps: int) -> bool:
            return (k - 1) // (2 * steps) == (l - 1) // (2 * steps)

    scheme = SamplingScheme(name="two-epochs", noise=((TwoEpochs(), 1),))
    with pytest.raises(TheoryError, match="remembered for one epoch or for ever"):
        solve_epoch_lifted(heavy_ball(), scheme, REFERENCE)


def test_directions_too_flat_for_double_precision_are_refused() -> None:
    flat = {**REFERENCE, "curvature": F(1, 10**17)}
    messages = ("below the resolution", "would take too long", "decays? too slowly|does not decay")
    for solver, message in zip(DOUBLE, messages, strict=True):
        with pytest.raises(AccuracyError, match=message):
            solver(heavy_ball(), reshuffled(), flat)
    assert exactly(heavy_ball(), reshuffled(), flat) > 0


def test_text_is_read_as_the_exact_decimal_it_is() -> None:
    values = {
        "learning_rate": "0.1", "curvature": "0.3", "momentum": "9/10", "steps_per_epoch": 7,
    }
    exact = solve_epoch_lifted(heavy_ball(), reshuffled(), values)
    assert exact.value == F(1648760847497, 7917000000000)

"""Covariance matrices for a Hessian and a noise covariance that do not commute."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import flint
import numpy as np
import numpy.typing as npt
import pytest

from theory import stationary_law
from theory.errors import NoStationaryLawError, TheoryError, UnknownNameError, UnstableError
from theory.matrix_law import covariance, loss_fluctuation
from theory.noise import Frozen, LastStep, Periodic, SharedInEpoch, White
from theory.optimizers import RULES, LinearRule, averaged, heavy_ball, rule_by_name
from theory.sampling import SCHEMES, SamplingScheme, scheme_by_name

FloatArray = npt.NDArray[np.float64]

#: the lag sum of the twin adds about 1e4 terms in double
TWIN = 1e-12
#: what the package promises for every pair, with room for rounding of the last product
PROMISED = 1e-12

M, HISTORY = 4, 160
MIXED = SamplingScheme(
    name="mixed",
    noise=((White(), 1), (SharedInEpoch(), 2), (LastStep(), 3), (Periodic(), 1), (Frozen(), 1)),
)
ALL_SCHEMES = (*(name for name, _ in SCHEMES), "mixed")
ALL_RULES = (*(name for name, _ in RULES), "averaged:heavy-ball", "averaged:quasi-hyperbolic")


def the_scheme(name: str) -> SamplingScheme:
    return MIXED if name == "mixed" else scheme_by_name(name)


def the_samples(scheme: SamplingScheme) -> int:
    """Four batches of five: two samples missing in the last, or three left over."""
    return {"kept": 18, "forbidden": 20}.get(scheme.last_batch, 23)


def the_values(rule: LinearRule, scheme: SamplingScheme) -> dict[str, float]:
    table = {
        "learning_rate": 0.3, "momentum": 0.5, "dampening": 0.25, "weight_decay": 0.125,
        "immediate_discount": 0.625, "averaging_rate": 0.4,
        "steps_per_epoch": M, "samples": the_samples(scheme), "batch_size": 5,
    }
    needed = {"learning_rate", *map(str, rule.parameters), *map(str, scheme.parameters)}
    return {name: value for name, value in table.items() if name in needed}


HESSIAN = np.array([[2.0, 0.5, 0.2], [0.5, 1.5, -0.3], [0.2, -0.3, 1.0]])
NOISE = np.array([[1.0, 0.9, 0.1], [0.9, 2.0, -0.7], [0.1, -0.7, 3.0]])


def response(rule: LinearRule, values: dict[str, float]) -> FloatArray:
    """Impulse response of the weights, by running the step on matrices. (HISTORY, d, d)."""
    numeric = rule.numeric(values)
    n, d = len(numeric.inject), len(HESSIAN)
    a = np.kron(numeric.keep, np.eye(d))
    a += np.kron(np.outer(numeric.inject, numeric.evaluate_at), HESSIAN)
    state = np.kron(numeric.inject[:, None], np.eye(d))
    out = []
    for _ in range(HISTORY):
        out.append(state[:d])
        state = a @ state
    assert np.abs(state).max() < 1e-16, "the history is too short"
    assert n * d == len(state)
    return np.array(out)


@cache
def step_covariance(name: str) -> FloatArray:
    """Covariance of the noise at steps 1, 2, ... by asking who shares it."""
    scheme = the_scheme(name)
    parts = scheme.weights(M, the_samples(scheme), 5)
    steps = range(1, HISTORY + 4 * M + 1)
    return np.array(
        [[float(sum(w for c, w in parts if c.correlated(k, l, M))) for l in steps] for k in steps]
    )


def lag_sum(
    name: str, left: FloatArray, right: FloatArray, lag: int, position: int | None
) -> FloatArray:
    """The naive twin: sum over all pairs of past steps. Uses nothing of the package's algebra."""
    noise = step_covariance(name)
    total = np.zeros_like(HESSIAN)
    places = range(1, M + 1) if position is None else (position,)
    for place in places:
        k = HISTORY + place  # HISTORY is a multiple of M
        shared = noise[k + lag - HISTORY : k + lag, k - HISTORY : k]
        mixed = np.tensordot(shared[::-1, ::-1], right @ NOISE, axes=(1, 0))
        total += np.einsum("aij,akj->ik", left, mixed) / len(places)
    return total


def largest_gap(got: FloatArray, wanted: FloatArray, first: FloatArray, second: FloatArray) -> float:
    """In units of the two standard deviations of each entry."""
    scale = np.sqrt(np.outer(np.diag(first), np.diag(second)))
    return float(np.max(np.abs(got - wanted) / scale))


CASES: tuple[dict[str, Any], ...] = (
    {}, {"quantity": "velocity"}, {"quantity": "weights-velocity"},
    {"lag": 1}, {"lag": M}, {"lag": 2 * M + 1, "quantity": "weights-velocity"}, {"lag": 3 * M},
    {"position": 1}, {"position": M}, {"position": 2, "quantity": "velocity"},
    {"position": 1, "lag": 2},
)


@pytest.mark.parametrize("scheme_name", ALL_SCHEMES)
@pytest.mark.parametrize("rule_name", ALL_RULES)
def test_equals_the_naive_lag_sum(rule_name: str, scheme_name: str) -> None:
    rule, scheme = rule_by_name(rule_name), the_scheme(scheme_name)
    assert HISTORY % M == 0
    values = the_values(rule, scheme)
    weights = response(rule, values)
    velocity = np.concatenate([weights[:1], np.diff(weights, axis=0)])
    outputs = {"weights": weights, "velocity": velocity}
    # all cases for one rule per number of states; elsewhere each scheme meets others of them
    turn = ALL_SCHEMES.index(scheme_name) + ALL_RULES.index(rule_name)
    whole = rule_name in ("sgd", "heavy-ball", "quasi-hyperbolic")
    for case in CASES if whole else CASES[turn % 3 :: 3]:
        if "position" in case and not scheme.parameters:
            continue
        first, _, second = case.get("quantity", "weights").partition("-")
        left, right = outputs[first], outputs[second or first]
        lag, position = case.get("lag", 0), case.get("position")
        got = covariance(rule, scheme, HESSIAN, NOISE, values, **case)
        wanted = lag_sum(scheme_name, left, right, lag, position)
        scales = [lag_sum(scheme_name, o, o, 0, position) for o in (left, right)]
        assert largest_gap(got, wanted, *scales) < TWIN, case


def test_the_comparison_would_catch_a_swapped_lag() -> None:
    rule, scheme = heavy_ball(), the_scheme("reshuffled")
    values = the_values(rule, scheme)
    got = covariance(rule, scheme, HESSIAN, NOISE, values, lag=2)
    weights = response(rule, values)
    still = lag_sum("reshuffled", weights, weights, 0, None)
    wanted = lag_sum("reshuffled", weights, weights, 2, None)
    assert largest_gap(got.T, wanted, still, still) > 1e-3


def reference(
    x: list[float], momentum: float, steps: int, scheme: str
) -> list[list[Any]]:
    """White minus bridge of heavy ball, in balls of 2400 bits, as published."""
    arb, mat = flint.arb, flint.arb_mat
    beta, m = arb(momentum), arb(steps)
    eye = mat(2, 2, [1, 0, 0, 1])
    b = mat(2, 1, [-1, -1])
    made = []
    for v in x:
        a = mat(2, 2, [1 - arb(v), beta, -arb(v), beta])
        power, square, n = eye, a, steps
        while n:
            power = power * square if n & 1 else power
            square, n = square * square, n >> 1
        r = (eye - a).inv()
        made.append((a, power, r, r * (eye - power)))
    out: list[list[Any]] = []
    for a, power, r, s in made:
        row = []
        for c, power2, r2, s2 in made:
            kron = [
                (1 if (i, j) == (p, q) else 0) - a[i, p] * c[j, q]
                for i, j in itertools.product(range(2), repeat=2)
                for p, q in itertools.product(range(2), repeat=2)
            ]
            bb = b * b.transpose()
            flat = mat(4, 4, kron).solve(mat(4, 1, [bb[i, j] for i in range(2) for j in range(2)]))
            white = mat(2, 2, [flat[k, 0] for k in range(4)])
            if scheme == "reshuffled":
                ramp = bb * m - s * bb - bb * s2.transpose() + white - power * white * power2.transpose()
                bridge = s * white * s2.transpose() + r * ramp * r2.transpose()
                total = white * (m / (m - 1)) - bridge * (1 / (m * (m - 1)))
            else:
                q, q2 = (eye - power).inv(), (eye - power2).inv()
                inner = (white - power * white * power2.transpose()) * m
                total = (q * inner * q2.transpose() - r * bb * r2.transpose()) * (1 / (m - 1))
            row.append(total[0, 0])
        out.append(row)
    return out


@pytest.mark.parametrize("scheme_name", ["reshuffled", "shuffled-once"])
@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("steps", [2, 3, 100, 10**6])
def test_flat_pairs_keep_all_digits(scheme_name: str, momentum: float, steps: int) -> None:
    """Every pair over 15 decades of curvature, where double precision loses up to 30 digits."""
    limit = 2 * (1 + momentum)
    critical = (1 - np.sqrt(momentum)) ** 2
    x = sorted([*(limit * np.geomspace(1e-15, 0.999, 9)), critical, critical * (1 + 1e-9)])
    values = {"learning_rate": 1.0, "momentum": momentum, "steps_per_epoch": steps}
    got = covariance(
        heavy_ball(), scheme_by_name(scheme_name), np.diag(x), np.ones((len(x), len(x))), values,
        rank_tolerance=0.0,
    )
    with flint.ctx.workprec(2400):
        exact = reference([float(v) for v in x], momentum, steps, scheme_name)
        gap = [
            [
                float(abs(flint.arb(got[i, j]) - exact[i][j]) / (exact[i][i] * exact[j][j]).sqrt())
                for j in range(len(x))
            ]
            for i in range(len(x))
        ]
    assert np.max(gap) < PROMISED


def test_double_precision_would_fail_here() -> None:
    """Negative control: the same formula in double is wrong in every digit."""
    x, m = 1e-9, 2
    a = np.array([[1 - x, 0.9], [-x, 0.9]])
    b = np.array([[-1.0], [-1.0]])
    eye, power = np.eye(2), a @ a
    r = np.linalg.inv(eye - a)
    s = r @ (eye - power)
    white = np.linalg.solve(np.eye(4) - np.kron(a, a), (b @ b.T).ravel()).reshape(2, 2)
    ramp = m * b @ b.T - s @ b @ b.T - b @ b.T @ s.T + white - power @ white @ power.T
    naive = (m * white - (s @ white @ s.T + r @ ramp @ r.T) / m) / (m - 1)
    values = {"learning_rate": 1.0, "momentum": 0.9, "steps_per_epoch": m}
    right = covariance(heavy_ball(), scheme_by_name("reshuffled"), [[x]], [[1.0]], values)
    assert right[0, 0] == pytest.approx(2.6315789, rel=1e-6)
    assert abs(naive[0, 0] / right[0, 0] - 1) > 1


def flat_law(m: int, b: float) -> float:
    """The exact flat law of reshuffled epochs (`flat-weight-variance`)."""
    top = m**3 * (1 - b) ** 3 * (1 + b) - 6 * m**2 * b * (1 - b) ** 2
    top += -m * (1 - 8 * b + 8 * b**3 - b**4) - 12 * b**2 * (1 - b**m)
    return float(top / (6 * m * (m - 1) * (1 - b) ** 5 * (1 + b)))


VALUES: dict[str, float] = {"learning_rate": 0.1, "momentum": 0.5, "steps_per_epoch": 50}


def test_a_noisy_direction_without_curvature_has_the_flat_limit() -> None:
    h = np.diag([0.0, 1.0, 0.0])
    c = np.ones((3, 3))
    got = covariance(heavy_ball(), scheme_by_name("reshuffled"), h, c, VALUES)
    assert got[0, 0] == pytest.approx(0.01 * flat_law(50, 0.5), rel=1e-12)
    assert got[0, 2] == pytest.approx(got[0, 0], rel=1e-12)
    near = covariance(
        heavy_ball(), scheme_by_name("reshuffled"), np.diag([1e-13, 1.0, 1e-13]), c, VALUES,
        rank_tolerance=0.0,
    )
    np.testing.assert_allclose(got, near, rtol=1e-10)
    assert loss_fluctuation(
        heavy_ball(), scheme_by_name("reshuffled"), h, c, VALUES
    ) == pytest.approx(got[1, 1] / 2, rel=1e-12)


@pytest.mark.parametrize("scheme_name", ["with-replacement", "reshuffled", "shuffled-once"])
def test_a_silent_flat_direction_does_not_move(scheme_name: str) -> None:
    turn, _ = np.linalg.qr(np.array([[1.0, 2, 3], [0, 1, 4], [5, 6, 0]]))
    h = turn @ np.diag([0.0, 1.0, 3.0]) @ turn.T
    c = turn[:, 1:] @ np.array([[2.0, 1.0], [1.0, 1.0]]) @ turn[:, 1:].T
    got = covariance(heavy_ball(), scheme_by_name(scheme_name), (h + h.T) / 2, (c + c.T) / 2,
                     _needed(scheme_name))
    within = turn.T @ got @ turn
    assert np.abs(within[0]).max() < 1e-14 * within[1, 1]
    smaller = covariance(
        heavy_ball(), scheme_by_name(scheme_name), np.diag([1.0, 3.0]),
        np.array([[2.0, 1.0], [1.0, 1.0]]), _needed(scheme_name),
    )
    np.testing.assert_allclose(within[1:, 1:], smaller, rtol=1e-11)


def _needed(scheme_name: str, **more: float) -> dict[str, float]:
    samples = 507 if scheme_name == "dropped-batch" else 498
    values = VALUES | {"samples": samples, "batch_size": 10} | more
    own = ("learning_rate", "momentum")
    wanted = {*own, *map(str, scheme_by_name(scheme_name).parameters)}
    return {k: v for k, v in values.items() if k in wanted}


@pytest.mark.parametrize(
    ("scheme_name", "word"),
    [
        ("with-replacement", "diffuses"), ("fresh-batches", "diffuses"),
        ("dropped-batch", "diffuses"), ("kept-batch", "diffuses"),
        ("shuffled-once-unequal", "drifts"),
    ],
)
def test_noise_that_wanders_off_is_refused(scheme_name: str, word: str) -> None:
    with pytest.raises(NoStationaryLawError, match=rf"{word}.*curvature 0.*noise variance 4.*Drop"):
        covariance(heavy_ball(), scheme_by_name(scheme_name), np.diag([0.0, 1.0]),
                   np.diag([4.0, 1.0]), _needed(scheme_name))


def test_weight_decay_holds_a_flat_direction() -> None:
    rule = rule_by_name("pytorch-sgd")
    values = {"learning_rate": 0.1, "momentum": 0.5, "dampening": 0.0, "weight_decay": 1e-3}
    got = covariance(rule, scheme_by_name("fresh-batches"), np.diag([0.0, 1.0]), np.eye(2), values)
    x, b = 0.1 * 1e-3, 0.5
    wanted = 0.01 * (1 + b) / (x * (1 - b) * (2 * (1 + b) - x))
    assert got[0, 0] == pytest.approx(wanted, rel=1e-12)


def problem(d: int, smallest: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
    h = (turn * np.geomspace(smallest, 1, d)) @ turn.T
    g = rng.standard_normal((d, 2 * d))
    return (h + h.T) / 2, g @ g.T / d


@pytest.mark.parametrize("steps", [2, 100, 10**6])
@pytest.mark.parametrize("rule_name", ["sgd", "heavy-ball", "averaged:heavy-ball"])
def test_positive_semi_definite(rule_name: str, steps: int) -> None:
    h, c = problem(120, 1e-9, np.random.default_rng(7))
    rule = rule_by_name(rule_name)
    values = {"learning_rate": 1.9, "momentum": 0.99, "averaging_rate": 0.01}
    own = {"learning_rate", *map(str, rule.parameters)}
    values = {k: v for k, v in values.items() if k in own} | {"steps_per_epoch": steps}
    got = covariance(rule, scheme_by_name("reshuffled"), h, c, values)
    spectrum = np.linalg.eigvalsh(got)
    assert np.array_equal(got, got.T)
    assert spectrum[0] > -1e-12 * spectrum.sum()
    loss = loss_fluctuation(rule, scheme_by_name("reshuffled"), h, c, values)
    assert loss == pytest.approx(np.sum(h * got) / 2, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-15, 1e-8, 1e8, 1e15])
@pytest.mark.parametrize("rule_name", ["heavy-ball", "pytorch-sgd", "ema-momentum"])
def test_units_only_scale_the_result(rule_name: str, scale: float) -> None:
    """loss -> s loss: H and C/s scale by s, the learning rate by 1/s; Sigma stays."""
    rule, scheme = rule_by_name(rule_name), the_scheme("kept-batch")
    values = the_values(rule, scheme)
    s = 2.0 ** round(np.log2(scale))
    scaled = values | {"learning_rate": values["learning_rate"] / s}
    if "weight_decay" in values:
        scaled["weight_decay"] = values["weight_decay"] * s
    one = covariance(rule, scheme, HESSIAN, NOISE, values)
    other = covariance(rule, scheme, HESSIAN * s, NOISE * s * s, scaled)
    np.testing.assert_allclose(other, one, rtol=1e-12)
    tiny = covariance(rule, scheme, HESSIAN, NOISE * s, values)
    np.testing.assert_allclose(tiny, one * s, rtol=1e-12)


@pytest.mark.parametrize("scheme_name", ["reshuffled", "shuffled-once"])
def test_one_step_per_epoch_is_full_batch_descent(scheme_name: str) -> None:
    values = VALUES | {"steps_per_epoch": 1}
    got = covariance(heavy_ball(), scheme_by_name(scheme_name), HESSIAN, NOISE, values)
    assert not got.any()
    assert got.shape == HESSIAN.shape


def test_equal_kept_batches_are_reshuffled_epochs() -> None:
    equal = _needed("kept-batch", samples=500)
    one = covariance(heavy_ball(), scheme_by_name("kept-batch"), HESSIAN, NOISE, equal)
    other = covariance(heavy_ball(), scheme_by_name("reshuffled"), HESSIAN, NOISE, VALUES)
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_averaging_twice_needs_four_states_and_works() -> None:
    rule, scheme = averaged(averaged(heavy_ball())), the_scheme("kept-batch")
    values = the_values(rule, scheme)
    weights = response(rule, values)
    wanted = lag_sum("kept-batch", weights, weights, 0, None)
    got = covariance(rule, scheme, HESSIAN, NOISE, values)
    assert largest_gap(got, wanted, wanted, wanted) < TWIN


def _changed(matrix: FloatArray, value: float) -> FloatArray:
    out = matrix.copy()
    out[0, 1] = value
    return out


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"hessian": _changed(HESSIAN, np.nan)}, TheoryError, r"hessian\[0, 1\] = nan is not finite"),
        ({"noise_covariance": _changed(NOISE, np.inf)}, TheoryError, "noise_covariance.*inf"),
        ({"hessian": [["a", 0], [0, 2]]}, TheoryError, "hessian must hold real numbers: .*'a'"),
        ({"hessian": [[1, None], [0, 2]]}, TheoryError, r"hessian\[0, 1\] = nan is not finite"),
        ({"hessian": [[1, 0], [0]]}, TheoryError, "hessian is no matrix: its rows"),
        ({"hessian": HESSIAN[:2]}, TheoryError, r"hessian must have shape \(d, d\)"),
        ({"noise_covariance": np.eye(2)}, TheoryError, r"shape \(2, 2\), but the hessian.*\(3, 3\)"),
        ({"hessian": _changed(HESSIAN, 0.6)}, TheoryError, "not symmetric.*differ by 0.1, 0.05 of"),
        ({"noise_covariance": _changed(NOISE, 0.0)}, TheoryError, "noise_covariance is not symm"),
        ({"noise_covariance": np.diag([1.0, -1, 1])}, TheoryError, "smallest eigenvalue is -1, its"),
        ({"hessian": np.diag([1.0, -1e-3, 1])}, TheoryError, "negative eigenvalue -0.001.*saddle"),
        ({"hessian": HESSIAN * 20}, UnstableError,
         r"learning_rate = 0.1 is not below 0.0\d+ = 2 \(1 \+ momentum\) / lambda_max"),
        ({"values": VALUES | {"momentum": 1.0}}, UnstableError, "momentum = 1 is not below 1"),
        ({"values": VALUES | {"learning_rate": np.nan}}, TheoryError, "learning_rate.*not finite"),
        ({"values": VALUES | {"learning_rate": 0.0}}, TheoryError, "learning_rate = 0.*> 0"),
        ({"values": VALUES | {"momentom": 0.1}}, UnknownNameError, "did you mean 'momentum'"),
        ({"values": {"learning_rate": 0.1}}, TheoryError, "needs momentum, steps_per_epoch"),
        ({"values": VALUES | {"steps_per_epoch": 2.5}}, TheoryError, "steps_per_epoch = 2.5"),
        ({"values": VALUES | {"steps_per_epoch": 0}}, TheoryError, "steps_per_epoch = 0"),
        ({"quantity": "speed"}, TheoryError, "quantity must be one of weights, velocity"),
        ({"lag": -1}, TheoryError, "lag must be an integer >= 0.*got -1"),
        ({"position": 51}, TheoryError, r"position must be an integer in 1..steps_per_epoch = 50"),
        ({"position": 40, "lag": 10}, TheoryError, r"position \+ lag = 50 must stay below"),
        ({"rank_tolerance": np.nan}, TheoryError, r"rank_tolerance must lie in \[0, 1\)"),
    ],
)
def test_errors_name_the_number_and_the_way_out(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    inputs: dict[str, Any] = {
        "hessian": HESSIAN, "noise_covariance": NOISE, "values": VALUES, **change
    }
    with pytest.raises(error, match=message):
        covariance(heavy_ball(), scheme_by_name("reshuffled"), **inputs)


def test_the_stability_limit_is_a_number() -> None:
    values = VALUES | {"learning_rate": 4.0}
    with pytest.raises(UnstableError, match=r"4 is not below 3 = 2 \(1 \+ momentum\)"):
        covariance(heavy_ball(), scheme_by_name("reshuffled"), [[1.0]], [[1.0]], values)


@pytest.mark.parametrize("name", ["reshuffled", "shuffled-once"])
def test_unequal_batches_are_no_equal_batches(name: str) -> None:
    values = {"learning_rate": 0.1, "momentum": 0.9, "steps_per_epoch": 10, "batch_size": 10}
    flat = np.diag([1.0, 2.0, 0.0])
    equal = covariance(heavy_ball(), scheme_by_name(name), flat, np.eye(3), values | {"samples": 100})
    assert equal[2, 2] > 0
    with pytest.raises(TheoryError, match=r"samples = 105 and 10 \* 10 = 100; .*use the scheme"):
        covariance(heavy_ball(), scheme_by_name(name), flat, np.eye(3), values | {"samples": 105})


WANDERING = ("with-replacement", "fresh-batches", "dropped-batch", "kept-batch")


@pytest.mark.parametrize("scheme_name", WANDERING)
@pytest.mark.parametrize("rule_name", ["sgd", "heavy-ball", "nesterov", "averaged:heavy-ball"])
def test_velocity_is_stationary_where_the_weights_wander(rule_name: str, scheme_name: str) -> None:
    """Against the lag sum at curvature zero: there the impulse response settles on a constant."""
    rule, scheme = rule_by_name(rule_name), scheme_by_name(scheme_name)
    values = the_values(rule, scheme)
    numeric = rule.numeric(values)
    curvatures = np.array([0.0, 1.5])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    noise = np.array([[2.0, 0.7], [0.7, 1.0]])
    responses = []
    for curvature in curvatures:
        a = numeric.keep + curvature * np.outer(numeric.inject, numeric.evaluate_at)
        state, out = numeric.inject, []
        for _ in range(HISTORY):
            out.append(state[0])
            state = a @ state
        responses.append(np.diff(out, prepend=0.0))
    left = np.array(responses).T
    for lag, position in ((0, None), (1, None), (2 * M + 1, None), (0, 2)):
        if position is not None and not scheme.parameters:
            continue
        correlation = step_covariance(scheme_name)
        wanted = np.zeros((2, 2))
        places = range(1, M + 1) if position is None else (position,)
        for place in places:
            k = HISTORY + place
            shared = correlation[k + lag - HISTORY : k + lag, k - HISTORY : k][::-1, ::-1]
            wanted += noise * (left.T @ shared @ left) / len(places)
        got = covariance(
            rule, scheme, turn @ np.diag(curvatures) @ turn.T, turn @ noise @ turn.T, values,
            quantity="velocity", lag=lag, position=position,
        )
        np.testing.assert_allclose(turn.T @ got @ turn, wanted, rtol=1e-11, atol=1e-13)
    for quantity in ("weights", "weights-velocity"):
        with pytest.raises(NoStationaryLawError, match="diffuses without bound"):
            covariance(
                rule, scheme, np.diag(curvatures), noise, values, quantity=quantity
            )


def test_flat_velocity_is_the_limit_and_the_closed_form() -> None:
    white = covariance(
        heavy_ball(), scheme_by_name("fresh-batches"), np.diag([0.0, 1.0]), np.eye(2),
        {"learning_rate": 0.1, "momentum": 0.9}, quantity="velocity",
    )
    np.testing.assert_allclose(white[0, 0], 0.01 / (1 - 0.9**2), rtol=1e-12)
    for name in WANDERING:
        scheme = scheme_by_name(name)
        values = the_values(heavy_ball(), scheme)
        flat, tiny = (
            covariance(
                heavy_ball(), scheme, np.diag([low, 1.0]), NOISE[:2, :2], values,
                quantity="velocity", rank_tolerance=0.0,
            )
            for low in (0.0, 1e-13)
        )
        np.testing.assert_allclose(flat, tiny, rtol=1e-11)
        formula = stationary_law(heavy_ball(), scheme).quantity("flat-velocity-variance")
        numbers: dict[str, Any] = {**values, "noise_variance": NOISE[0, 0]}
        exact = formula.evaluate(**numbers)
        np.testing.assert_allclose(flat[0, 0], np.float64(exact), rtol=1e-11)


def test_a_drift_is_no_stationary_velocity() -> None:
    scheme = scheme_by_name("shuffled-once-unequal")
    values = the_values(heavy_ball(), scheme)
    with pytest.raises(NoStationaryLawError, match="every run drifts at a constant speed"):
        covariance(
            heavy_ball(), scheme, np.diag([0.0, 1.0]), np.eye(2), values, quantity="velocity"
        )

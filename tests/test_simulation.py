"""Simulation against plain twins that use the same indices, and against exact dense truths."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import sys
import zlib
from typing import Any

import numba
import numpy as np
import pytest
import sympy as sp

from theory import symbols
from theory.errors import MissingPackageError, TheoryError, UnstableError
from theory.optimizers import averaged, heavy_ball, nesterov, pytorch_sgd, sgd
from theory.sampling import (
    SamplingScheme,
    dropped_batch,
    fresh_batches,
    kept_batch,
    reshuffled,
    shuffled_once,
    with_replacement,
)
from validation import kernel
from validation import simulate as module
from validation.compare import compare, replicas_for
from validation.regression import Regression
from validation.simulate import epoch_start_bias, simulate, start_bias

BALL = {"learning_rate": 0.1, "momentum": 0.8}
UNEQUAL = shuffled_once(unequal_batches=True)
SCHEMES = (with_replacement(), fresh_batches(), dropped_batch(), kept_batch(), UNEQUAL)


def _problem(samples: Any = 23, dimension: Any = 3, seed: Any = 0, **options: Any) -> Regression:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, dimension)) * (1.0, 0.6, 0.3, 0.2, 0.1)[:dimension]
    return Regression(features=x, targets=rng.standard_normal(samples), **options)


def _seed(request: Any) -> int:
    return zlib.crc32(request.node.name.encode())


# -- the regression ---------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["half-mse", "mse"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_regression_against_plain_formulas(loss: Any, decay: Any) -> None:
    p = _problem(loss=loss, weight_decay=decay)
    x, y, factor = p.features, p.targets, 2.0 if loss == "mse" else 1.0
    hessian = factor * x.T @ x / len(y)
    theta = np.linalg.solve(hessian + decay * np.eye(3), factor * x.T @ y / len(y))
    g = factor * x * (x @ theta - y)[:, None] + decay * theta
    np.testing.assert_allclose(p.hessian, hessian, rtol=1e-13)
    np.testing.assert_allclose(p.minimum, theta, rtol=1e-12)
    np.testing.assert_allclose(p.gradients, g, atol=1e-13 * np.abs(g).max())
    np.testing.assert_allclose(p.noise_covariance, np.cov(g.T), rtol=1e-11)
    np.testing.assert_allclose(
        p.directions @ np.diag(p.curvatures) @ p.directions.T, hessian, atol=1e-14
    )
    assert (np.diff(p.curvatures) <= 0).all()


def test_directions_without_curvature_do_not_move() -> None:
    x = np.random.default_rng(3).standard_normal((30, 3))
    x = np.column_stack([x, np.zeros(30), np.ones(30), np.ones(30)])
    p = Regression(features=x, targets=x[:, 0] ** 2)
    assert (p.curvatures[-2:] == 0).all()
    assert (p.curvatures[:-2] > 0).all()
    np.testing.assert_allclose(p.minimum, np.linalg.pinv(x) @ p.targets, rtol=1e-11, atol=1e-14)
    assert (p.projected_gradients[:, -2:] == 0).all()
    run = simulate(p, sgd(), reshuffled(), batch_size=5, hyperparameters={"learning_rate": 0.1},
                   replicas=10, seed=1)
    assert (run.weights[:, -2:] == 0).all()
    assert run.status[-1] == "flat and noiseless: does not move"
    assert run.resolved.tolist() == [True] * 4 + [False] * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"features": np.ones(3)}, "must have shape"), ({"targets": np.ones(4)}, "must have shape"),
     ({"features": np.ones((1, 2)), "targets": np.ones(1)}, "at least 2 samples"),
     ({"targets": np.array([1.0, np.nan, 2.0])}, r"targets\[1\] is nan"),
     ({"features": np.zeros((3, 2))}, "all features are zero"), ({"loss": "l1"}, "got 'l1'"),
     ({"weight_decay": np.nan}, "weight_decay must be"), ({"rank_tolerance": 0}, "rank_tolerance")],
)
def test_regression_errors(changes: Any, message: Any) -> None:
    good = {"features": np.eye(3)[:, :2], "targets": np.ones(3)}
    with pytest.raises(TheoryError, match=message):
        Regression(**{**good, **changes})


# -- the indices ------------------------------------------------------------------------------


def _drawn(passes: Any, samples: Any, epochs: Any, seed: Any = 1, replica: Any = 0) -> Any:
    generators = np.empty((1, 4), dtype=np.uint64)
    kernel.seed_generators(np.uint64(seed), replica, generators)
    order, passes = np.arange(samples, dtype=np.int32), np.array(passes)
    out = np.zeros((epochs, passes.sum()), dtype=np.int32)
    for row in out:
        kernel.draw(order, passes, generators[0], row)
    return out


def test_a_pass_has_no_repeats_and_all_orders_are_equally_likely() -> None:
    """Chi-square of the 60 ordered triples out of 5; 1e-6 quantile with 59 degrees of freedom."""
    rows = _drawn([3, 2], 5, 60_000)
    assert all(len(set(r[:3])) == 3 and r[3] != r[4] for r in rows[:1000].tolist())
    counts = np.unique(rows[:, :3] @ [25, 5, 1], return_counts=True)[1]
    assert counts.size == 60
    assert ((counts - 1000) ** 2 / 1000).sum() < 124.1
    both = np.unique(rows[:, 0] * 5 + rows[:, 3], return_counts=True)[1]  # passes are independent
    assert both.size == 25
    assert ((both - 2400) ** 2 / 2400).sum() < 74.0  # 24 degrees of freedom


def test_a_whole_pass_is_a_permutation_and_replicas_differ() -> None:
    rows = _drawn([442], 442, 3)
    assert (np.sort(rows, axis=1) == np.arange(442)).all()
    assert (rows[0] != rows[1]).any()
    assert (_drawn([442], 442, 1, replica=1) != rows[:1]).mean() > 0.9


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_built_in_schemes_draw_the_passes_they_declare(scheme: Any) -> None:
    """Bit-equal to a run fed with indices drawn outside, pass by pass."""
    p, sizes = _problem(), scheme.batch_sizes(23, 5)
    used = sum(sizes)
    passes = {"sample": [1] * used, "batch": sizes}.get(scheme.lasting, [used])
    rows = [_drawn(passes, 23, 9, seed=7, replica=r) for r in range(3)]
    queue = iter([row[0 if scheme.lasting == "run" else k] for row in rows for k in range(9)])
    fed = dataclasses.replace(scheme, draw_epoch=lambda n, s, epoch, rng: next(queue))
    runs = [
        simulate(p, heavy_ball(), which, batch_size=5, hyperparameters=BALL, replicas=3, seed=7,
                 burn_in=4, measured_epochs=5) for which in (scheme, fed)
    ]
    np.testing.assert_array_equal(runs[0].weights, runs[1].weights)
    assert runs[0].weights.min() > 0


# -- the steps --------------------------------------------------------------------------------


def _own_epoch(samples: Any, batch_size: Any, epoch: Any, rng: Any) -> Any:
    return rng.integers(samples, size=samples)


OWN = SamplingScheme(name="own", noise=kept_batch().noise, last_batch="kept", draw_epoch=_own_epoch)


def _averages(path: Any, first: Any, steps: Any, p: Any) -> Any:
    """From raw weights, rows theta_0, theta_1, ...: averages in the eigenbasis after ``first``."""
    delta = (np.array(path) - p.minimum) @ p.directions
    d, v = delta[first + 1 :], np.diff(delta, axis=0)[first:]
    lagged = np.array([(d * delta[first + 1 - t : len(delta) - t]).mean(axis=0) for t in (0, 1, 7)])
    position = (d**2).reshape(-1, steps, d.shape[1]).mean(axis=0)
    return (d**2).mean(0), (v**2).mean(0), (d * v).mean(0), d.mean(0), d.T @ d / len(d), position, lagged


@pytest.mark.parametrize("loss", ["half-mse", "mse"])
@pytest.mark.parametrize("noise", ["regression", "additive"])
@pytest.mark.parametrize("flag", [False, True])
def test_steps_equal_pytorch_sgd_written_by_hand(loss: Any, noise: Any, flag: Any) -> None:
    """In the original coordinates, with weight decay and its own minimum; tolerance is rounding."""
    p = _problem(dimension=5, loss=loss, weight_decay=0.2)
    values = {"learning_rate": 0.1, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.2}
    dampening = 0.0 if flag else 0.3
    run = simulate(p, pytorch_sgd(nesterov=flag), OWN, batch_size=5, hyperparameters=values,
                   replicas=3, seed=5, noise=noise, burn_in=3, measured_epochs=4, covariance=True,
                   by_position=True, lags=(0, 1, 7))
    x, y, factor = p.features, p.targets, 2.0 if loss == "mse" else 1.0
    for r in range(3):
        rng = np.random.default_rng([5, r])
        path, theta, buffer = [p.minimum], p.minimum.copy(), np.zeros(5)
        for epoch in range(7):
            order = _own_epoch(23, 5, epoch, rng)
            for batch in (order[i : i + 5] for i in range(0, 23, 5)):
                if noise == "regression":
                    g = factor * (x[batch] * (x[batch] @ theta - y[batch])[:, None]).mean(axis=0)
                else:  # the noise is that of the regularised loss, decay at the minimum included
                    g = p.hessian @ (theta - p.minimum) + p.gradients[batch].mean(axis=0)
                    g -= 0.2 * p.minimum
                g += 0.2 * theta
                buffer = 0.8 * buffer + (1 - dampening) * g
                theta = theta - 0.1 * (g + 0.8 * buffer if flag else buffer)
                path.append(theta)
        expected = _averages(path, 15, 5, p)
        got = (run.weights, run.velocities, run.weight_velocity, run.means, run.covariances,
               run.by_position, run.lagged)
        for mine, theirs in zip(got, expected, strict=True):
            assert mine is not None
            np.testing.assert_allclose(mine[r], theirs, rtol=1e-9, atol=1e-12 * np.abs(theirs).max())


@pytest.mark.parametrize("rule", [sgd(), nesterov(), averaged(nesterov())], ids=lambda r: r.name)
def test_steps_equal_the_rule_run_as_python_code(rule: Any) -> None:
    """The step function itself, on NumPy arrays with numbers for its symbols."""
    values = {"learning_rate": 0.1, "momentum": 0.8, "averaging_rate": 0.25}
    p = _problem()
    run = simulate(p, rule, OWN, batch_size=5, hyperparameters=values, replicas=2, seed=5, burn_in=2)
    point, slope = sp.symbols(f"q0:{rule.state_size}"), sp.Symbol("slope")
    seen: list[Any] = []

    def gradient(at: Any) -> Any:
        seen.append(at)
        return slope

    after = rule.step(point, gradient)
    numbers = {s: values[s.name] for s in (symbols.learning_rate, *rule.parameters)}
    step = sp.lambdify([point, slope], [sp.sympify(e).subs(numbers) for e in after])
    at = sp.lambdify([point], sp.sympify(seen[0]).subs(numbers))
    rng = np.random.default_rng([5, 1])
    state, path = [np.zeros(3)] * rule.state_size, [p.minimum]
    for _ in range(3):
        order = _own_epoch(23, 5, 0, rng)
        for batch in (order[i : i + 5] for i in range(0, 23, 5)):
            x, theta = p.features[batch], p.minimum + at(state)
            state = step(state, (x * (x @ theta - p.targets[batch])[:, None]).mean(axis=0))
            path.append(p.minimum + state[0])
    np.testing.assert_allclose(run.weights[1], _averages(path, 10, 5, p)[0], rtol=1e-10)


def test_the_same_bits_for_any_threads_chunks_and_replicas(monkeypatch: Any) -> None:
    arguments: dict[str, Any] = {
        "batch_size": 5, "hyperparameters": BALL, "seed": 3, "burn_in": 6, "covariance": True,
    }
    base = simulate(_problem(), heavy_ball(), kept_batch(), replicas=301, **arguments)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        monkeypatch.setattr(module, "_CHUNK_STEPS", 700)
        monkeypatch.setattr(module, "_CHUNK_BYTES", 1)
        other = simulate(_problem(), heavy_ball(), kept_batch(), replicas=299, **arguments)
    finally:
        numba.set_num_threads(before)
    assert base.covariances is not None
    np.testing.assert_array_equal(base.covariances[:299], other.covariances)
    np.testing.assert_array_equal(base.weights[:299], other.weights)
    again = simulate(_problem(), heavy_ball(), kept_batch(), replicas=9, **{**arguments, "seed": 4})
    assert not np.isin(again.weights, base.weights).any()


# -- statistics: truths computed densely ------------------------------------------------------


def _impulse(rule: Any, values: Any, curvature: Any, steps: Any) -> Any:
    numeric = rule.numeric(values)
    a = numeric.keep + curvature * np.outer(numeric.inject, numeric.evaluate_at)
    out, state = [], numeric.inject
    for _ in range(steps):
        out.append(state[0])
        state = a @ state
    return np.array(out)


def _noise_covariance(scheme: Any, samples: Any, batch_size: Any, epochs: Any) -> Any:
    """cov of the batch noise over several epochs, in units of C_0, from who shares a pass."""
    sizes = scheme.batch_sizes(samples, batch_size)
    m = len(sizes)
    out = np.zeros((m * epochs, m * epochs))
    for k, l in itertools.product(range(m * epochs), repeat=2):
        same = {"batch": k == l, "epoch": k // m == l // m, "run": True}[scheme.lasting]
        one_batch = k % m == l % m if scheme.lasting == "run" else k == l
        out[k, l] = same * (one_batch / sizes[k % m] - 1 / samples)
    return out


@pytest.mark.montecarlo
@pytest.mark.parametrize("rule", [heavy_ball(), averaged(nesterov())], ids=lambda r: r.name)
@pytest.mark.parametrize("scheme", [fresh_batches(), dropped_batch(), kept_batch(), UNEQUAL],
                         ids=lambda s: s.name)
def test_additive_noise_has_the_exact_variance(rule: Any, scheme: Any, request: Any) -> None:
    """False alarms 1e-6 over the 16 x 3 comparisons of this test; must be able to catch 5 %."""
    p, values = _problem(), {"learning_rate": 0.3, "momentum": 0.7, "averaging_rate": 0.25}
    m = scheme.steps_per_epoch(23, 5)
    epochs = 1200 // m
    noise = _noise_covariance(scheme, 23, 5, epochs)
    truth = np.zeros((2, 3))
    for i in range(3):
        psi = _impulse(rule, values, p.curvatures[i], len(noise))
        for j in range(m):
            end = len(noise) - j
            response = psi[:end][::-1]
            move = np.diff(psi[:end], prepend=0)[::-1]
            for q, r in enumerate((response, move)):
                truth[q, i] += r @ noise[:end, :end] @ r / m * p.projected_noise_covariance[i, i]
    count = 48
    run = simulate(p, rule, scheme, batch_size=5, hyperparameters=values, noise="additive",
                   replicas=replicas_for(0.045, comparisons=count), seed=_seed(request))
    assert run.resolved.all()
    for predicted, samples in zip(truth, (run.weights, run.velocities), strict=True):
        result = compare(predicted, samples, comparisons=count, resolution=0.05)
        assert result.agrees, f"\n{result}"
        control = compare(1.05 * predicted, samples, comparisons=count, resolution=0.05)
        assert control.alarms.all(), control
        assert result.negative_control().verdict == "disagrees"


@pytest.mark.montecarlo
def test_regression_noise_has_the_exact_second_moment(request: Any) -> None:
    """N = 6, S = 2, reshuffled: all 90 epochs of three ordered batches enumerated, mean included."""
    p, values = _problem(samples=6, dimension=2, seed=6), {"learning_rate": 0.25, "momentum": 0.4}
    x, e, d = p.projected_features, p.residuals, 2
    eye, eta, beta = np.eye(d), 0.25, 0.4

    def step(batch: Any) -> Any:
        h = sum(np.outer(x[n], x[n]) for n in batch) / 2
        g = sum(x[n] * e[n] for n in batch) / 2
        drift = np.block([[eye - eta * h, beta * eye], [-eta * h, beta * eye]])
        return drift, np.concatenate([-eta * g, -eta * g])

    orders = {(o[:2], o[2:4], o[4:]) for o in itertools.permutations(range(6))
              if o[0] < o[1] and o[2] < o[3] and o[4] < o[5]}
    chains = []
    for batches in orders:
        total, constant, positions = np.eye(2 * d), np.zeros(2 * d), []
        for batch in batches:
            a, b = step(batch)
            total, constant = a @ total, a @ constant + b
            positions.append(np.block([[total, constant[:, None]],
                                       [np.zeros((1, 2 * d)), np.ones((1, 1))]]))
        chains.append(positions)
    lifted = np.array(chains)  # (epochs, positions, 2d + 1, 2d + 1), acting on (delta, v, 1)
    moment = np.zeros((2 * d + 1, 2 * d + 1))
    moment[-1, -1] = 1.0
    for _ in range(600):
        moment = (lifted[:, -1] @ moment @ lifted[:, -1].swapaxes(1, 2)).mean(axis=0)
    by_position = np.einsum("epij,epij->pi", lifted @ moment, lifted)[:, :d] / len(orders)
    run = simulate(p, heavy_ball(), reshuffled(), batch_size=2, hyperparameters=values,
                   replicas=replicas_for(0.045, comparisons=6, shape=0.4), seed=_seed(request),
                   by_position=True)
    assert run.by_position is not None
    samples = run.by_position.reshape(run.replicas, -1)
    result = compare(by_position.ravel(), samples, comparisons=6, resolution=0.05)
    assert result.agrees, f"\n{result}"
    assert compare(1.05 * by_position.ravel(), samples, comparisons=6, resolution=0.05).alarms.all()
    frozen = simulate(p, heavy_ball(), reshuffled(), batch_size=2, hyperparameters=values,
                      noise="additive", replicas=run.replicas, seed=_seed(request))
    assert compare(by_position.mean(axis=0), frozen.weights).verdict == "disagrees"


# -- burn-in ----------------------------------------------------------------------------------


def test_start_bias_is_exact_for_white_noise() -> None:
    numeric, curvature = averaged(nesterov()).numeric({**BALL, "averaging_rate": 0.3}), 0.7
    psi = _impulse(averaged(nesterov()), {**BALL, "averaging_rate": 0.3}, curvature, 3000)
    bias = start_bias(numeric, np.array([curvature, 0.0]), 40)
    assert bias[0] == pytest.approx((psi[40:] ** 2).sum() / (psi**2).sum(), rel=1e-8)
    assert bias[1] == 0


@pytest.mark.parametrize("scheme", [dropped_batch(), kept_batch()], ids=lambda s: s.name)
def test_epoch_start_bias_is_exact_for_additive_noise(scheme: Any) -> None:
    """One minus the variance of a finite past over that of a practically infinite one."""
    sizes, curvature, rule = scheme.batch_sizes(23, 5), 0.2, heavy_ball()
    m, variances = len(sizes), []
    for epochs in (4, 150):  # three epochs of burn-in and the measured one
        noise, total = _noise_covariance(scheme, 23, 5, epochs), 0.0
        for end in range(len(noise) - m + 1, len(noise) + 1):
            psi = _impulse(rule, BALL, curvature, end)[::-1]
            total += psi @ noise[:end, :end] @ psi
        variances.append(total)
    bias = epoch_start_bias(rule.numeric(BALL), np.array([curvature, 0.0]), sizes, 23, 3)
    assert bias[0] == pytest.approx(1 - variances[0] / variances[1], rel=1e-8)
    assert bias[1] == 0


def test_a_flat_direction_under_reshuffling_needs_no_relaxation() -> None:
    numeric, flat = heavy_ball().numeric(BALL), np.array([1e-6])
    assert start_bias(numeric, flat, 1000)[0] > 0.99
    assert epoch_start_bias(numeric, flat, [5] * 20, 100, 50)[0] < 1e-4


def test_slow_directions_are_reported_not_resolved() -> None:
    x = np.random.default_rng(0).standard_normal((40, 2)) * (1.0, 0.02)
    p = Regression(features=x, targets=x[:, 0] ** 2)
    run = simulate(p, heavy_ball(), reshuffled(), batch_size=4, hyperparameters=BALL, replicas=5,
                   seed=0, max_burn_in_steps=500)
    assert run.burn_in == 50
    assert run.resolved.tolist() == [True, False]
    assert "relaxes too slowly: the start still weighs 2" in run.status[1]
    longer = simulate(p, heavy_ball(), reshuffled(), batch_size=4, hyperparameters=BALL, replicas=5,
                      seed=0, max_burn_in_steps=10**6)
    assert longer.resolved.all()
    assert longer.start_bias.max() <= 1e-4


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"replicas": 0}, "replicas must be an integer >= 1"), ({"seed": -1}, "seed must be"),
     ({"burn_in": -1}, "burn_in must be"), ({"lags": (-1,)}, "smallest lag must be"),
     ({"noise": "white"}, "'additive' or 'regression'; got 'white'"),
     ({"hyperparameters": {"learning_rate": np.nan, "momentum": 0}}, "must be finite; got nan"),
     ({"hyperparameters": {"learning_rate": 0.1}}, "needs momentum"),
     ({"hyperparameters": {**BALL, "weight_decay": 0.1}}, "weight_decay is 0.1 .* but 0.0"),
     ({"hyperparameters": {"learning_rate": 9.0, "momentum": 0.0}}, "pole of modulus .* not below 1"),
     ({"batch_size": 4}, "use the scheme 'dropped-batch' or 'kept-batch'"),
     ({"largest_start_bias": 0.0}, "largest_start_bias must lie")],
)
def test_simulation_errors(changes: Any, message: Any) -> None:
    good = {"batch_size": 5, "hyperparameters": BALL, "replicas": 2, "seed": 0}
    with pytest.raises(TheoryError, match=message):
        simulate(_problem(samples=25), heavy_ball(), reshuffled(), **{**good, **changes})


def test_growth_of_the_mean_square_is_an_error() -> None:
    p = _problem(samples=25)
    rate = 1.9 / p.curvatures[0]
    with pytest.raises(UnstableError, match="the weights overflowed at learning_rate"):
        simulate(p, sgd(), with_replacement(), batch_size=1, hyperparameters={"learning_rate": rate},
                 replicas=4, seed=0, burn_in=400)


def test_indices_outside_the_data_are_refused() -> None:
    wrong = dataclasses.replace(OWN, draw_epoch=lambda n, s, k, rng: np.full(n, n))
    with pytest.raises(TheoryError, match=r"must return 23 indices in 0\.\.22"):
        simulate(_problem(), sgd(), wrong, batch_size=5, hyperparameters={"learning_rate": 0.1},
                 replicas=2, seed=0, burn_in=1)


def test_progress_is_called_and_may_interrupt(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_CHUNK_STEPS", 100)
    seen: list[tuple[int, int]] = []
    arguments: dict[str, Any] = {
        "batch_size": 5, "hyperparameters": BALL, "replicas": 8, "seed": 0, "burn_in": 20,
    }
    run = simulate(_problem(), heavy_ball(), kept_batch(), **arguments,
                   progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 5
    assert seen[-1] == (run.steps, run.steps) == (8 * 21 * 5, 8 * 21 * 5)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(_problem(), heavy_ball(), kept_batch(), **arguments, progress=stop)


def test_without_numba_the_message_has_the_command(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in ("validation.kernel", "validation.kernel_gradients"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingPackageError, match=r"pip install 'sgd-theory\[report\]'"):
        importlib.import_module("validation.kernel")

"""Runs along given indices against plain NumPy loops; regressions as lists of quadratic losses."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from theory.errors import TheoryError, UnstableError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import averaged, heavy_ball, nesterov, pytorch_sgd, sgd
from theory.sampling import dropped_batch, fresh_batches, kept_batch
from validation.compare import compare
from validation.regression import Regression
from validation.simulate import simulate
from validation.trajectory import trajectory

SAMPLES, BATCH = 23, 5
VALUES = {"learning_rate": 0.08, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.2}
#: rounding in double precision, relative to the largest weight
ROUNDING = 1e-13


def _regression(decay: float = 0.2) -> Regression:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((SAMPLES, 5)) * (1.0, 0.6, 0.3, 0.2, 0.1)
    return Regression(features=x, targets=rng.standard_normal(SAMPLES), loss="mse", weight_decay=decay)


def _quadratics(decay: float = 0.2, flattest: float = 0.3) -> tuple[SampleQuadratics, Any, Any]:
    """Hessians of rank two and both signs, positive definite on average; unrelated gradients."""
    rng = np.random.default_rng(6)
    f = rng.standard_normal((SAMPLES, 3, 4)) * (1.0, 0.8, 0.7, flattest)
    h = np.einsum("nqi,q,nqj->nij", f, (1.0, 1.0, -0.2), f)
    g = rng.standard_normal((SAMPLES, 4))
    return SampleQuadratics.from_hessians(h, g, weight_decay=decay), h, g


def _by_hand(gradient: Any, start: Any, order: Any, sizes: Any, nesterov_flag: bool, first: bool) -> Any:
    """torch.optim.SGD in NumPy, in the user's coordinates."""
    eta, beta, decay = VALUES["learning_rate"], VALUES["momentum"], VALUES["weight_decay"]
    dampening = 0.0 if nesterov_flag else VALUES["dampening"]
    theta, buffer = np.array(start), np.zeros(len(start))
    path: list[Any] = []
    for row in order:
        for batch in np.split(row, np.cumsum(sizes)[:-1]):
            g = gradient(theta, batch) + decay * theta
            buffer = beta * buffer + (1 if first and not path else 1 - dampening) * g
            theta = theta - eta * (g + beta * buffer if nesterov_flag else buffer)
            path.append(theta)
    return np.array(path)


@pytest.mark.parametrize("scheme", [dropped_batch(), kept_batch()], ids=lambda s: s.name)
@pytest.mark.parametrize("flag", [False, True], ids=["plain", "nesterov"])
@pytest.mark.parametrize("first", [False, True], ids=["dampened", "undampened-start"])
@pytest.mark.parametrize("kind", ["regression", "quadratics"])
def test_weights_after_every_step(scheme: Any, flag: bool, first: bool, kind: str) -> None:
    problem: Any = _regression()
    if kind == "regression":
        x, y = problem.features, problem.targets

        def gradient(theta: Any, batch: Any) -> Any:
            return 2 * (x[batch] * (x[batch] @ theta - y[batch])[:, None]).mean(axis=0)
    else:
        problem, h, g = _quadratics()

        def gradient(theta: Any, batch: Any) -> Any:
            return (h[batch] @ theta + g[batch]).mean(axis=0)

    sizes = scheme.batch_sizes(SAMPLES, BATCH)
    orders = np.stack([scheme.draw(SAMPLES, BATCH, 4, np.random.default_rng(r)) for r in range(3)])
    start = np.linspace(-1, 2, problem.dimension)
    rule = pytorch_sgd(nesterov=flag)
    hyperparameters = {k: v for k, v in VALUES.items() if not (flag and k == "dampening")}
    found = trajectory(problem, rule, orders, batch_sizes=sizes, hyperparameters=hyperparameters,
                       start=start, undampened_start=first)
    for run, order in zip(found, orders, strict=True):
        expected = _by_hand(gradient, start, order, sizes, flag, first)
        np.testing.assert_allclose(run, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())
    alone = trajectory(problem, rule, orders[1], batch_sizes=sizes, hyperparameters=hyperparameters,
                       start=start, undampened_start=first)
    np.testing.assert_array_equal(alone, found[1])


@pytest.mark.parametrize("rule", [sgd(), heavy_ball(), averaged(nesterov())], ids=lambda r: r.name)
def test_the_simulation_averages_this_trajectory(rule: Any) -> None:
    """Same indices, averages taken here."""
    values = {"learning_rate": 0.08, "momentum": 0.8, "averaging_rate": 0.25}
    problem, scheme = _quadratics(0.0)[0], kept_batch()
    sizes = scheme.batch_sizes(SAMPLES, BATCH)
    order = scheme.draw(SAMPLES, BATCH, 6, np.random.default_rng([9, 0]))
    rows = iter(order)
    fed = replace(scheme, draw_epoch=lambda n, s, epoch, rng: next(rows))
    run = simulate(problem, rule, fed, batch_size=BATCH, hyperparameters=values, replicas=1, seed=9,
                   burn_in=2, measured_epochs=4)
    path = trajectory(problem, rule, order, batch_sizes=sizes, hyperparameters=values)
    delta = (path - problem.minimum) @ problem.directions
    measured = delta[2 * len(sizes) :]
    np.testing.assert_allclose(run.weights[0], (measured**2).mean(axis=0), rtol=1e-11)
    np.testing.assert_allclose(run.means[0], measured.mean(axis=0), rtol=1e-11)


@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("noise", ["additive", "regression"])
def test_a_regression_is_a_list_of_quadratic_losses(decay: float, noise: Any) -> None:
    """The same replicas, the same draws: equal up to rounding."""
    values = {**VALUES, "weight_decay": decay}
    runs = [
        simulate(p, pytorch_sgd(), kept_batch(), batch_size=BATCH, hyperparameters=values, replicas=4,
                 seed=2, noise=noise, burn_in=5, measured_epochs=3, covariance=True)
        for p in (_regression(decay), _regression(decay).quadratics)
    ]
    assert runs[0].covariances is not None
    assert runs[1].covariances is not None
    scale = np.abs(runs[0].covariances).max()
    np.testing.assert_allclose(runs[1].covariances, runs[0].covariances, rtol=0, atol=1e-12 * scale)
    np.testing.assert_array_equal(runs[0].status, runs[1].status)


@pytest.mark.montecarlo
def test_fresh_batches_of_quadratics_have_the_exact_second_moment(request: Any) -> None:
    """False alarms 1e-6 over 4 comparisons, 5 % must be caught; the mean Hessian alone is refuted."""
    problem, h, g = _quadratics(0.0, 0.6)
    eta, factor = 0.04, (1 / BATCH - 1 / SAMPLES) * SAMPLES / (SAMPLES - 1)
    d, eye = problem.dimension, np.eye(problem.dimension)
    mean = h.mean(axis=0)
    at = g + h @ problem.minimum
    lifted = np.kron(eye - eta * mean, eye - eta * mean)
    lifted += factor * eta**2 * (
        np.mean([np.kron(one, one) for one in h], axis=0) - np.kron(mean, mean)
    )
    source = factor * eta**2 * np.mean([np.kron(one, one) for one in at], axis=0)  # the mean is zero
    moment = np.linalg.solve(np.eye(d * d) - lifted, source).reshape(d, d)
    predicted = np.diag(problem.directions.T @ moment @ problem.directions)
    run = simulate(problem, sgd(), fresh_batches(), batch_size=BATCH, hyperparameters={"learning_rate": eta},
                   replicas=4500, seed=zlib.crc32(request.node.name.encode()), measured_epochs=300)
    result = compare(predicted, run.weights, resolution=0.05)
    assert result.agrees, f"\n{result}"
    assert result.negative_control().verdict == "disagrees"
    frozen = simulate(problem, sgd(), fresh_batches(), batch_size=BATCH, seed=1, replicas=4500,
                      hyperparameters={"learning_rate": eta}, measured_epochs=300, noise="additive")
    assert compare(predicted, frozen.weights, resolution=0.05).verdict == "disagrees"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"indices": np.zeros((2, 22), dtype=int)}, r"must have shape \(epochs, 23\)"),
     ({"indices": np.full((2, 23), 23)}, r"integers in 0\.\.22"),
     ({"indices": np.zeros((2, 23))}, r"integers in 0\.\.22"),
     ({"start": np.zeros(4)}, "start must be 5 finite numbers"),
     ({"hyperparameters": {**VALUES, "weight_decay": 0.0}}, "weight_decay is 0.0 .* but 0.2"),
     ({"hyperparameters": {**VALUES, "momentum": 0.0}, "undampened_start": True}, "ignores dampening")],
)
def test_errors(changes: Any, message: str) -> None:
    good = {"indices": np.tile(np.arange(23), (2, 1)), "hyperparameters": VALUES}
    with pytest.raises(TheoryError, match=message):
        trajectory(_regression(), pytorch_sgd(), **{"batch_sizes": (5, 5, 5, 5, 3), **good, **changes})


def test_overflow_is_an_error() -> None:
    order = np.tile(np.arange(23), (400, 1))
    with pytest.raises(UnstableError, match=r"the weights grew beyond 1e.100 at learning_rate = 50"):
        trajectory(_regression(0.0), sgd(), order, batch_sizes=(5, 5, 5, 5, 3),
                   hyperparameters={"learning_rate": 50.0}, start=np.ones(5))

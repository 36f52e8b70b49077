"""How fast the simulation steps, against NumPy and against the arithmetic limit of the machine."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from theory.optimizers import heavy_ball
from theory.sampling import reshuffled
from validation.benchmark.clock import best_rate
from validation.regression import FloatArray, Regression
from validation.simulate import simulate

__all__ = ["benchmark_simulation"]

SAMPLES, DIMENSION, BATCH, REPLICAS = 442, 10, 13, 400
# two passes over the batch for the gradient, and the upper triangle of the covariance
MULTIPLY_ADDS = 2 * BATCH * DIMENSION + DIMENSION * (DIMENSION + 1) // 2
RATE = {"learning_rate": 0.01, "momentum": 0.9}


def benchmark_simulation(*, epochs: int = 150) -> list[dict[str, Any]]:
    """Measure steps per second: kernel, NumPy vectorised over replicas, arithmetic limit.

    All three in one run, each the best of three (other work on the machine only slows). A step is
    one optimizer step of one replica on N = 442, d = 10, S = 13, reshuffled, regression noise, the
    covariance accumulated. The limit is a compiled multiply-add loop on registers, divided by the
    ``MULTIPLY_ADDS`` a step needs; it draws nothing and loads nothing.

    Returns
    -------
    Rows ``{"name", "value", "unit", "aim"}``; ``aim`` is None where nothing is promised.

    Raises
    ------
    MissingPackageError
        Without numba.
    """
    rng = np.random.default_rng(20240)
    problem = Regression(
        features=rng.standard_normal((SAMPLES, DIMENSION)), targets=rng.standard_normal(SAMPLES)
    )
    _kernel(problem, 1)  # compiles
    _multiply_add_rate()
    kernel = best_rate(lambda: _kernel(problem, epochs))
    plain = best_rate(lambda: _numpy(problem, rng, max(1, epochs // 30)))
    limit = max(_multiply_add_rate() for _ in range(3)) / MULTIPLY_ADDS
    return [
        {"name": "simulation: kernel", "value": kernel, "unit": "steps/s", "aim": 9e6},
        {"name": "simulation: NumPy over replicas", "value": plain, "unit": "steps/s", "aim": None},
        {"name": "simulation: kernel / NumPy", "value": kernel / plain, "unit": "", "aim": 5.0},
        {"name": "simulation: arithmetic limit", "value": limit, "unit": "steps/s", "aim": None},
        {"name": "simulation: kernel / limit", "value": kernel / limit, "unit": "", "aim": None},
    ]


def _kernel(problem: Regression, epochs: int) -> int:
    return simulate(
        problem, heavy_ball(), reshuffled(), batch_size=BATCH, hyperparameters=RATE,
        replicas=REPLICAS, seed=1, burn_in=0, measured_epochs=epochs, covariance=True,
    ).steps


def _numpy(problem: Regression, rng: np.random.Generator, epochs: int) -> int:
    """The same simulation as one would write it in NumPy, all replicas at once."""
    x, e = problem.projected_features, problem.residuals
    delta = np.zeros((REPLICAS, DIMENSION))
    velocity = np.zeros_like(delta)
    covariance = np.zeros((REPLICAS, DIMENSION, DIMENSION))
    order = np.tile(np.arange(SAMPLES), (REPLICAS, 1))
    steps = SAMPLES // BATCH
    for _ in range(epochs):
        order = rng.permuted(order, axis=1)
        for k in range(steps):
            batch = order[:, k * BATCH : (k + 1) * BATCH]
            rows: FloatArray = x[batch]
            residual = (rows @ delta[:, :, None])[:, :, 0] + e[batch]
            gradient = (residual[:, None, :] @ rows)[:, 0] / BATCH
            velocity = RATE["momentum"] * velocity - RATE["learning_rate"] * gradient
            delta = delta + velocity
            covariance += delta[:, :, None] * delta[:, None, :]
    return epochs * steps * REPLICAS


def _multiply_add_rate() -> float:
    """Multiply-adds per second on all threads: nothing but arithmetic in registers."""
    import numba

    from validation.kernel import multiply_adds

    threads, rounds = numba.get_num_threads(), 500_000
    start = time.perf_counter()
    done = multiply_adds(threads, rounds)
    return float(done) / (time.perf_counter() - start)

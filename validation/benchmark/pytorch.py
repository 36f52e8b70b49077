"""How many steps a second the simulation takes for each step of the same regression in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.errors import MissingPackageError
from theory.optimizers import heavy_ball
from theory.sampling import dropped_batch
from validation.benchmark.clock import best_rate
from validation.pytorch.require import require_torch
from validation.regression import Regression
from validation.simulate import simulate

__all__ = ["benchmark_torch"]

SAMPLES, DIMENSION, BATCH, REPLICAS = 442, 10, 13, 2000
RATE, MOMENTUM = 0.01, 0.9


def benchmark_torch(*, epochs: int = 60) -> list[dict[str, Any]]:
    """Steps per second of the simulation and of a PyTorch loop, side by side; the best of three each.

    A 10-parameter regression, N = 442, S = 13, epochs of a fresh permutation, float64. PyTorch runs
    ``DataLoader(shuffle=True)`` and ``torch.optim.SGD`` as a user writes them and records nothing, on
    one thread (more are slower here); the simulation uses all cores and averages squares and means.

    Returns
    -------
    Rows ``{"name", "value", "unit", "aim"}``; without PyTorch only the simulation's, which says so.

    Raises
    ------
    MissingPackageError
        Without numba.
    """
    rng = np.random.default_rng(20240)
    x, y = rng.standard_normal((SAMPLES, DIMENSION)), rng.standard_normal(SAMPLES)
    problem = Regression(features=x, targets=y, loss="mse")
    _simulate(problem, 1)  # compiles
    own = best_rate(lambda: _simulate(problem, epochs))
    row = {"name": "simulation: regression, 10 parameters", "value": own, "unit": "steps/s", "aim": None}
    try:
        torch = require_torch()
    except MissingPackageError as missing:
        return [{**row, "name": f"{row['name']} (no ratio to PyTorch: {missing})"}]
    theirs = best_rate(lambda: _pytorch(torch, x, y, max(1, epochs // 2)))
    return [
        row,
        {"name": "PyTorch: regression, 10 parameters", "value": theirs, "unit": "steps/s", "aim": None},
        {"name": "simulation / PyTorch", "value": own / theirs, "unit": "", "aim": 2000.0},
    ]


def _simulate(problem: Regression, epochs: int) -> int:
    return simulate(
        problem, heavy_ball(), dropped_batch(), batch_size=BATCH, replicas=REPLICAS, seed=1, burn_in=epochs,
        hyperparameters={"learning_rate": RATE, "momentum": MOMENTUM}, measured_epochs=epochs,
    ).steps


def _pytorch(torch: Any, x: Any, y: Any, epochs: int) -> int:
    """The loop as a user writes it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)[:, None])
        loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
        model, loss = torch.nn.Linear(DIMENSION, 1, bias=False).double(), torch.nn.MSELoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
        steps = 0
        for _ in range(epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss(model(inputs), targets).backward()
                optimizer.step()
                steps += 1
    finally:
        torch.set_num_threads(before)
    return steps

"""The README's table for a real regression: both theories recomputed, and SGD run again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory.optimizers import heavy_ball
from theory.sampling import reshuffled
from validation.data import load_data
from validation.predict import predict
from validation.regression import Regression
from validation.simulate import simulate

README = Path(__file__).parent.parent / "README.md"
REPLICAS, BURN_IN, EPOCHS = 600, 200, 40
#: normal quantile of 1e-6 over five comparisons, both sides, and a share for skewed averages
LIMIT = 6.0


@pytest.fixture(scope="module")
def setting() -> tuple[Any, ...]:
    pytest.importorskip("sklearn")
    data = load_data("diabetes", intercept=False)
    return Regression(features=data.features, targets=data.targets), heavy_ball(), reshuffled()


SHARED: dict[str, Any] = {"batch_size": 13, "hyperparameters": {"learning_rate": 5, "momentum": 0.9}}


@pytest.fixture(scope="module")
def table() -> list[list[float]]:
    text = README.read_text(encoding="utf-8").split("<!-- diabetes:")[1].split("\n\n")[0]
    rows = [re.findall(r"[\d.]+", line) for line in text.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) == 5
    return [[float(cell) for cell in row] for row in rows]


def test_both_theories_are_what_the_table_says(setting: Any, table: list[list[float]]) -> None:
    made = predict(*setting, **SHARED, method="closure")
    for direction, curvature, published, full, *_ in table:
        i = int(direction)
        assert made.curvatures[i] == pytest.approx(curvature, rel=0.05)
        assert made.published_variances[i] == pytest.approx(published, rel=2e-3)
        assert made.second_moments[i] == pytest.approx(full, rel=2e-3)


@pytest.mark.montecarlo
def test_sgd_gives_the_measured_column(setting: Any, table: list[list[float]]) -> None:
    """False alarms 1e-6 over the five rows; the published column, as a control, is refuted in each."""
    run = simulate(*setting, **SHARED, replicas=REPLICAS, seed=2, burn_in=BURN_IN, measured_epochs=EPOCHS)
    mean = run.weights.mean(axis=0)
    error = run.weights.std(axis=0, ddof=1) / np.sqrt(REPLICAS)
    for direction, _, published, full, measured, stated in table:
        i = int(direction)
        assert abs(mean[i] - measured) < LIMIT * np.hypot(error[i], stated)
        assert abs(full - measured) < LIMIT * stated
        assert abs(published - mean[i]) > LIMIT * error[i]

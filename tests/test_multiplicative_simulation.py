"""SGD itself on bundled data, fresh batches and independent draws, against the exact second moment."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from theory.matrix_law import covariance
from theory.multiplicative import mean_square_limit, stationary_moments
from theory.multiplicative.independent_steps import IndependentSteps
from theory.optimizers import LinearRule, heavy_ball, nesterov
from theory.sampling import SamplingScheme, fresh_batches, with_replacement
from validation.compare import Comparison, compare
from validation.data import load_data
from validation.regression import Regression
from validation.simulate import SimulationResult, simulate

#: over all comparisons of this file together
FALSE_ALARM, COMPARISONS = 1e-6, 400
BATCH, MOMENTUM, REPLICAS, EPOCHS = 13, 0.8, 4000, 60
CASES: tuple[tuple[str, LinearRule, SamplingScheme, float], ...] = (
    ("diabetes", heavy_ball(), fresh_batches(), 0.25),
    ("diabetes", nesterov(), with_replacement(), 0.25),
    ("wine", heavy_ball(), with_replacement(), 0.1),
)
IDS = [f"{data}-{rule.name}-{scheme.name}" for data, rule, scheme, _ in CASES]


@lru_cache(maxsize=4)
def problem(name: str) -> Regression:
    """The steepest directions of the bundled set, standardised: those that relax in a short run."""
    data = load_data(name, intercept=False)
    x = (data.features - data.features.mean(axis=0)) / data.features.std(axis=0)
    _, _, axes = np.linalg.svd(x, full_matrices=False)
    y = (data.targets - data.targets.mean()) / data.targets.std()
    return Regression(features=x @ axes[:6].T, targets=y)


@lru_cache(maxsize=4)
def run(case: int) -> tuple[IndependentSteps, SimulationResult]:
    name, rule, scheme, share = CASES[case]
    data = problem(name)
    values = {"learning_rate": 1.0, "momentum": MOMENTUM}
    steps = IndependentSteps(
        quadratics=data.quadratics, rule=rule, scheme=scheme, batch_size=BATCH, hyperparameters=values
    )
    values["learning_rate"] = share * mean_square_limit(steps).learning_rate
    steps = IndependentSteps(
        quadratics=data.quadratics, rule=rule, scheme=scheme, batch_size=BATCH, hyperparameters=values
    )
    measured = simulate(
        data, rule, scheme, batch_size=BATCH, hyperparameters=values, replicas=REPLICAS, seed=case,
        measured_epochs=EPOCHS, lags=(5,),
    )
    assert measured.resolved.all()
    return steps, measured


def judged(predicted: np.typing.NDArray[np.float64], numbers: np.typing.NDArray[np.float64]) -> Comparison:
    return compare(
        predicted, numbers, false_alarm_rate=FALSE_ALARM, comparisons=COMPARISONS, resolution=0.03
    )


@pytest.mark.montecarlo
@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_variances_of_sgd_on_real_data(case: int) -> None:
    steps, measured = run(case)
    law = stationary_moments(steps)
    for predicted, numbers in (
        (np.diag(law.weights), measured.weights), (np.diag(law.velocities), measured.velocities),
    ):
        found = judged(predicted, numbers)
        assert found.agrees, str(found)
        assert found.negative_control().verdict == "disagrees"


@pytest.mark.montecarlo
@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_lagged_covariance_of_sgd_on_real_data(case: int) -> None:
    """Of the sum of weights five steps apart, whose square is a mean square."""
    steps, measured = run(case)
    law = stationary_moments(steps)
    now, later = np.diag(law.weights), np.diag(law.lagged(5))
    sign = np.where(later > 0, -1, 1)
    # numbers of each run: 2 <theta²> + 2 sign <theta theta'>, up to the ends of the averages
    numbers = measured.lagged[:, 0] * sign / now
    spread = numbers.std(axis=0) / np.sqrt(len(numbers))
    z = (numbers.mean(axis=0) - sign * later / now) / spread
    assert (np.abs(z) < 5.5).all(), z  # 2e-8 each for means of 4,000
    assert (spread < 0.02).all()


@pytest.mark.montecarlo
def test_the_published_law_would_be_noticed() -> None:
    """Negative control: noise that does not depend on the weights, at the same numbers."""
    steps, measured = run(0)
    q = steps.quadratics
    published = covariance(
        steps.rule, steps.scheme, np.diag(q.curvatures),
        steps.fluctuation * q.gradient_covariance, dict(steps.hyperparameters),
    )
    assert judged(np.diag(published), measured.weights).verdict == "disagrees"

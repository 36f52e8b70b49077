"""Predicted over simulated on every bundled data set: the published theory against the full one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.optimizers import heavy_ball
from theory.sampling import kept_batch, reshuffled
from validation.data import BUNDLED, load_data
from validation.predict import predict
from validation.regression import FloatArray, Regression
from validation.simulate import simulate, start_bias

__all__ = ["benchmark_laws"]


@dataclass(frozen=True)
class _Point:
    """Share of the mean-square limit of independent batches, momentum, steps per epoch asked for."""

    share: float
    momentum: float
    steps: int
    method: str = "closure"

    @property
    def aim(self) -> str | None:
        """What the full theory is to reach there."""
        promised = self.share <= 0.05 or self.method == "averaged-epoch-map"
        return "0.99 to 1.01" if promised else None


_GRID = (
    _Point(0.05, 0.9, 12), _Point(0.05, 0.0, 25), _Point(0.2, 0.9, 25),
    _Point(0.5, 0.9, 12, "averaged-epoch-map"),
)
#: for data with many samples in many directions
_LARGE, _LARGE_GRID = 10_000, (_Point(0.2, 0.5, 12),)
#: nominal seconds that sampled permutations may take
_SECONDS = 120.0
#: multiply-adds and steps that one simulation may cost, and the largest start that may be left
_WORK, _MOST_STEPS, _START = 6e10, 8_000, 0.01
#: directions measured less well than this say nothing about a theory
_RESOLVED = 0.015


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ratios:
    """Predicted over measured second moments in the directions resolved, and their standard errors."""

    published: FloatArray
    full: FloatArray
    relative_error: FloatArray
    estimate: FloatArray


def benchmark_laws() -> list[dict[str, Any]]:
    """Second moments about the minimum of heavy ball under reshuffled or kept batches.

    Data standardised, no intercept; the full theory by the position-resolved closure, at half of the limit
    by sampled permutations. The value is predicted over simulated in the worst direction of those that
    forget their start and are measured to 1.5 %; its standard error stands in the name.

    Returns
    -------
    Rows ``{"name", "value", "unit", "aim"}``, two for each point of the grid.

    Raises
    ------
    MissingPackageError
        Without numba or scikit-learn.
    """
    rows: list[dict[str, Any]] = []
    for name in sorted(BUNDLED):
        problem = _standardised(name)
        grid = _GRID if problem.samples * problem.dimension < _LARGE else _LARGE_GRID
        for point in grid:
            rows += _rows(name, problem, point)
    return rows


def _standardised(name: str) -> Regression:
    data = load_data(name, intercept=False)
    spread = data.features.std(axis=0)
    x = (data.features - data.features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    y = data.targets
    return Regression(features=x, targets=(y - y.mean()) / y.std())


def _rows(name: str, problem: Regression, point: _Point) -> list[dict[str, Any]]:
    batch = max(1, problem.samples // point.steps)
    found, resolved = _measured(problem, point, batch)
    place = f"{name}, {point.share:.0%} of the limit, beta {point.momentum}, S {batch}, {resolved} directions"
    out = []
    for label, ratio in (("full theory", found.full), ("published theory", found.published)):
        worst = int(np.argmax(np.abs(np.log(ratio))))
        error = float(ratio[worst] * found.relative_error[worst])
        said = f", own estimate {found.estimate[worst]:.1%}" if label == "full theory" else ""
        out.append({
            "name": f"{label} / simulated: {place} (± {error:.3f}{said})", "value": float(ratio[worst]),
            "unit": "ratio", "aim": point.aim if label == "full theory" else None,
        })
    return out


def _measured(problem: Regression, point: _Point, batch: int) -> tuple[_Ratios, str]:
    """The ratios, and how many of the directions that move were resolved."""
    rule = heavy_ball()
    scheme = reshuffled() if problem.samples % batch == 0 else kept_batch()
    rate = point.share * _limit(problem, point.momentum, batch)
    values = {"learning_rate": rate, "momentum": point.momentum}
    shared: dict[str, Any] = {"batch_size": batch, "hyperparameters": values}
    made = predict(problem, rule, scheme, **shared, method=point.method, seconds=_SECONDS)
    numeric, m = rule.numeric(values), made.steps_per_epoch
    epochs = 1
    while 2 * epochs * m <= _MOST_STEPS / 2 and (
        start_bias(numeric, problem.curvatures, epochs * m, linear=True).max() > _START
    ):
        epochs *= 2
    cost = 2.0 * batch * problem.dimension * m * 2 * epochs
    replicas = int(np.clip(_WORK / cost, 20, 20_000))
    run = simulate(
        problem, rule, scheme, **shared, replicas=replicas, seed=1, burn_in=epochs,
        measured_epochs=epochs, largest_start_bias=_START,
    )
    mean = run.weights.mean(axis=0)
    error = run.weights.std(axis=0, ddof=1) / np.sqrt(replicas) / np.where(mean > 0, mean, 1.0)
    moving = made.variances > 0
    kept = moving & run.resolved & (error <= _RESOLVED)
    return _Ratios(
        published=made.published_variances[kept] / mean[kept], full=made.second_moments[kept] / mean[kept],
        relative_error=error[kept], estimate=made.relative_error_estimate[kept],
    ), f"{int(kept.sum())} of {int(moving.sum())}"


def _limit(problem: Regression, momentum: float, batch: int) -> float:
    """Learning rate at which independent batches lose their second moment."""
    from theory.multiplicative import IndependentSteps, mean_square_limit
    from theory.sampling import fresh_batches

    found = mean_square_limit(
        IndependentSteps(
            quadratics=problem.quadratics, rule=heavy_ball(), scheme=fresh_batches(), batch_size=batch,
            hyperparameters={"learning_rate": 1e-9, "momentum": momentum},
        ),
        accuracy=1e-3,
    )
    return float(found.learning_rate)

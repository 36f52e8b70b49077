"""One epoch without replacement: the theory against all permutations, real data, and runs from a saddle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from validation.report.epoch_drift import DriftOnData, drift_on_data
from validation.report.epoch_saddle import Saddle, escape_from_saddle
from validation.report.epoch_weights import Weights, listed_weights
from validation.report.verdict import comparison_record

__all__ = ["OneEpoch", "one_epoch_record", "run_one_epoch"]


@dataclass(frozen=True, kw_only=True, eq=False)
class OneEpoch:
    """All three, the number of batches whose orders are listed, and of permutations drawn on the data."""

    batches: int
    permutations: int
    weights: Weights
    drift: DriftOnData
    saddle: Saddle


def run_one_epoch(seed: int, *, batches: int = 7, permutations: int = 200_000) -> OneEpoch:
    """Compute and draw; all orders of the batches are listed.

    Raises
    ------
    MissingPackageError
        Without scikit-learn or numba.
    """
    rng = np.random.default_rng(seed)
    return OneEpoch(
        batches=batches, permutations=permutations, weights=listed_weights(batches, rng),
        drift=drift_on_data(permutations, rng), saddle=escape_from_saddle(batches, rng),
    )


def one_epoch_record(found: OneEpoch) -> dict[str, Any]:
    """For ``results.json``."""
    drift = found.drift
    return {
        "batches": found.batches, "orders_listed": math.factorial(found.batches),
        "weights": {
            "stability": found.weights.stability.tolist(), "theory": found.weights.theory.tolist(),
            "listed": found.weights.listed.tolist(), "largest_deviation": found.weights.deviation,
        },
        "drift": {
            "data": "diabetes", "permutations": found.permutations, "curvatures": drift.curvatures.tolist(),
            "predicted": drift.predicted.tolist(), "neglected": drift.neglected.tolist(),
            "from_regularizer": drift.from_regularizer.tolist(), "measured": drift.measured.tolist(),
            "standard_error": drift.standard_error.tolist(), "z": drift.z.tolist(),
            "alarms": drift.alarms, "directions_where_no_drift_is_refuted": drift.seen,
        },
        "saddle": {
            "growth": found.saddle.growth.tolist(), "formula": found.saddle.formula.tolist(),
            "exact": found.saddle.exact.tolist(), **comparison_record(found.saddle.comparison),
        },
    }

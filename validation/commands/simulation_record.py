"""A simulation beside its prediction, as ``predict --simulate`` and ``simulate`` give it in JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from validation.judge import judge, judge_means

if TYPE_CHECKING:
    import numpy.typing as npt

    from validation.compare import Comparison
    from validation.means import MeanComparison
    from validation.plan import Plan
    from validation.predict import Prediction
    from validation.regression import FloatArray
    from validation.simulate import SimulationResult

__all__ = ["simulation_record"]

def simulation_record(
    made: Prediction, result: SimulationResult, chosen: Plan, complete: Plan | None, resolution: float
) -> dict[str, Any]:
    """Prediction, measurement and verdicts; ``complete`` is the plan that would judge every direction."""
    squares = result.weights - 2 * made.mean_shift * result.means + made.mean_shift**2
    mean = result.means.mean(axis=0)
    columns: dict[str, list[Any]] = {
        "measured_variance": _numbers(result.weights.mean(axis=0) - mean**2),
        "measured_mean": _numbers(mean),
        "standard_error": _numbers(squares.std(axis=0, ddof=1) / math.sqrt(result.replicas)),
        "z": [None] * len(mean),
        "mean_standard_error": _numbers(result.means.std(axis=0, ddof=1) / math.sqrt(result.replicas)),
        "mean_z": [None] * len(mean),
        "status": list(result.status),
    }
    compared = np.flatnonzero(result.resolved & (made.variances > 0))
    comparison, means = None, None
    if compared.size:
        own = made.variances * made.relative_error_estimate
        comparison = judge(
            made.variances[compared], squares[:, compared], own[compared], resolution=resolution,
            labels=[str(i) for i in compared],
        )
        means = judge_means(
            made.mean_shift[compared], result.means[:, compared], made.mean_error_estimate[compared]
        )
        for place, i in enumerate(compared.tolist()):
            columns["z"][i] = float(np.clip(comparison.z[place], -1e300, 1e300))
            columns["mean_z"][i] = float(np.clip(means.z[place], -1e300, 1e300))
    fine = chosen.needed[compared] <= result.replicas
    record = made.record()
    for i, direction in enumerate(record["directions"]):
        direction |= {name: values[i] for name, values in columns.items()}
    moving = int((made.variances > 0).sum())
    all_judged = int(fine.sum()) == moving
    return record | {
        "noise": result.noise, "replicas": result.replicas, "burn_in": result.burn_in,
        "epochs": result.measured_epochs, "seed": result.seed,
        "verdict": _verdict(comparison, fine, resolution, moving),
        "mean_verdict": _mean_verdict(means, np.sqrt(made.variances[compared]), compared),
        "to_judge_all": None if all_judged or complete is None else {
            "replicas": complete.replicas, "burn_in": complete.burn_in, "epochs": complete.epochs,
            "steps": complete.replicas * (complete.burn_in + complete.epochs) * made.steps_per_epoch,
        },
    }


def _numbers(values: FloatArray) -> list[Any]:
    return [float(value) for value in values]


def _verdict(
    comparison: Comparison | None, fine: npt.NDArray[np.bool_], asserted: float, moving: int
) -> dict[str, Any]:
    """Alarms count in every direction, the resolution in those that the replicas were chosen for."""
    if comparison is None:
        return {
            "outcome": "nothing-to-compare", "agrees": False, "false_alarm_rate": 1e-6,
            "comparisons": 0, "alarms": [], "resolution": None, "asserted_resolution": asserted,
            "fine_directions": 0, "moving_directions": moving, "negative_control": False,
            "within_error_estimate": [],
        }
    reached = float(comparison.resolution[fine].max()) if fine.any() else None
    control = comparison.negative_control().alarms
    met = reached is not None and reached <= asserted
    outcome = "disagrees" if comparison.alarms.any() else "agrees" if met else "too-coarse"
    return {
        "outcome": outcome,
        "agrees": outcome == "agrees",
        "false_alarm_rate": comparison.false_alarm_rate,
        "comparisons": comparison.comparisons,
        "alarms": [int(n) for n, alarm in zip(comparison.labels, comparison.alarms, strict=True) if alarm],
        "resolution": reached,
        "asserted_resolution": asserted,
        "fine_directions": int(fine.sum()),
        "moving_directions": moving,
        "negative_control": bool(fine.any() and control[fine].all()),
        "within_error_estimate": [
            int(n) for n, error in zip(comparison.labels, comparison.prediction_error, strict=True) if error
        ],
    }


def _mean_verdict(
    found: MeanComparison | None, deviations: FloatArray, compared: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Of the means, in standard deviations of the weights."""
    if found is None:
        return {
            "outcome": "nothing-to-compare", "agrees": False, "false_alarm_rate": 1e-6, "comparisons": 0,
            "alarms": [], "threshold": None, "resolution": None, "negative_control": False,
            "refuted_without_shift": 0, "within_error_estimate": [],
        }
    return {
        "outcome": "agrees" if found.agrees else "disagrees",
        "agrees": found.agrees,
        "false_alarm_rate": found.false_alarm_rate,
        "comparisons": len(compared),
        "alarms": [int(i) for i in compared[found.alarms]],
        "threshold": found.threshold,
        "resolution": float((found.resolution / deviations).max()),
        "negative_control": bool(found.negative_control().all()),
        "refuted_without_shift": found.refuted_without,
        "within_error_estimate": [int(i) for i in compared[found.prediction_error > 0]],
    }

"""Compare predicted means with independent averages at a stated false-alarm rate and resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from validation.compare import require_variation
from validation.regression import FloatArray

__all__ = ["MeanComparison", "compare_means"]

#: standard errors that chance exceeds once in a thousand times, to one side
_RARELY = 3.09


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanComparison:
    """Predicted and measured means; shapes (d,).

    Attributes
    ----------
    predicted, measured, standard_error
        Unit: parameter. The standard error has that of the prediction in it.
    z
        Their difference in standard errors.
    without
        ``measured`` in its own standard errors: a theory without a shift.
    threshold
        Largest absolute z by chance, over all directions together at ``false_alarm_rate``.
    prediction_error
        Standard error of ``predicted``.
    """

    predicted: FloatArray
    measured: FloatArray
    standard_error: FloatArray
    z: FloatArray
    without: FloatArray
    threshold: float
    false_alarm_rate: float
    prediction_error: FloatArray

    @property
    def alarms(self) -> npt.NDArray[np.bool_]:
        """Directions whose deviation is not chance. Shape (d,)."""
        out: npt.NDArray[np.bool_] = ~(np.abs(self.z) <= self.threshold)  # NaN is an alarm
        return out

    @property
    def agrees(self) -> bool:
        """Whether no direction raises the alarm."""
        return not self.alarms.any()

    @property
    def refuted_without(self) -> int:
        """Directions in which the mean is not the minimum."""
        return int((~(np.abs(self.without) <= self.threshold)).sum())

    @property
    def resolution(self) -> FloatArray:
        """Error of the predicted mean that raises the alarm with probability 99.9 %. Shape (d,)."""
        return (self.threshold + _RARELY) * self.standard_error

    def negative_control(self) -> npt.NDArray[np.bool_]:
        """Alarms of the same data against means raised by ``resolution``. Shape (d,).

        Where the prediction is right each is raised with probability 99.9 %.
        """
        out: npt.NDArray[np.bool_] = ~(np.abs(self.z - self.threshold - _RARELY) <= self.threshold)
        return out

    def record(self) -> dict[str, Any]:
        """For ``results.json``."""
        return {
            "alarms": int(self.alarms.sum()), "refuted_without_shift": self.refuted_without,
            "threshold": self.threshold, "false_alarm_rate": self.false_alarm_rate,
            "predicted": self.predicted.tolist(), "measured": self.measured.tolist(),
            "standard_error": self.standard_error.tolist(), "z": self.z.tolist(),
            "resolution": self.resolution.tolist(), "prediction_error": self.prediction_error.tolist(),
        }


def compare_means(
    predicted: FloatArray, samples: FloatArray, *, prediction_error: FloatArray,
    false_alarm_rate: float = 1e-6,
) -> MeanComparison:
    r"""Student's t in every direction, Bonferroni over them.

    Averages over many steps are nearly Gaussian, their squares (:mod:`validation.compare`) are not.

    Parameters
    ----------
    predicted, prediction_error
        Means and their standard errors. Shape (d,).
    samples
        One independent average per block or replica. Shape (blocks, d).

    Raises
    ------
    TheoryError
        If shapes do not match, there are fewer than 20 blocks, or the averages of a direction do not vary.
    """
    from scipy import stats

    y = np.asarray(samples, dtype=np.float64)
    if y.ndim != 2 or predicted.shape != y.shape[1:] or not predicted.size or len(y) < 20:
        raise TheoryError(
            f"samples must have shape (blocks >= 20, d) and predicted (d,); got {y.shape} and "
            f"{predicted.shape}"
        )
    require_variation(y)
    mean, own = y.mean(axis=0), y.std(axis=0, ddof=1) / np.sqrt(len(y))
    error = np.hypot(own, prediction_error)
    return MeanComparison(
        predicted=predicted, measured=mean, standard_error=error, z=(mean - predicted) / error,
        without=mean / own, false_alarm_rate=false_alarm_rate,
        threshold=float(stats.t.isf(false_alarm_rate / (2 * predicted.size), len(y) - 1)),
        prediction_error=prediction_error,
    )

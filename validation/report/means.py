"""Compare predicted means with blocks of a run, at a stated false-alarm rate."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.errors import TheoryError
from validation.regression import FloatArray

__all__ = ["MeanComparison", "compare_means", "mean_sentence"]


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
    """

    predicted: FloatArray
    measured: FloatArray
    standard_error: FloatArray
    z: FloatArray
    without: FloatArray
    threshold: float
    false_alarm_rate: float

    @property
    def alarms(self) -> int:
        """Directions whose deviation is not chance."""
        return int((~(np.abs(self.z) <= self.threshold)).sum())

    @property
    def refuted_without(self) -> int:
        """Directions in which the mean is not the minimum."""
        return int((~(np.abs(self.without) <= self.threshold)).sum())

    def record(self) -> dict[str, Any]:
        """For ``results.json``."""
        return {
            "alarms": self.alarms, "refuted_without_shift": self.refuted_without,
            "threshold": self.threshold, "false_alarm_rate": self.false_alarm_rate,
            "predicted": self.predicted.tolist(), "measured": self.measured.tolist(),
            "standard_error": self.standard_error.tolist(), "z": self.z.tolist(),
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
        One independent average per block. Shape (blocks, d).

    Raises
    ------
    TheoryError
        If shapes do not match, or there are fewer than 20 blocks.
    """
    from scipy import stats

    y = np.asarray(samples, dtype=np.float64)
    if y.ndim != 2 or predicted.shape != y.shape[1:] or not predicted.size or len(y) < 20:
        raise TheoryError(
            f"samples must have shape (blocks >= 20, d) and predicted (d,); got {y.shape} and "
            f"{predicted.shape}"
        )
    mean, own = y.mean(axis=0), y.std(axis=0, ddof=1) / np.sqrt(len(y))
    error = np.hypot(own, prediction_error)
    return MeanComparison(
        predicted=predicted, measured=mean, standard_error=error, z=(mean - predicted) / error,
        without=mean / own, false_alarm_rate=false_alarm_rate,
        threshold=float(stats.t.isf(false_alarm_rate / (2 * predicted.size), len(y) - 1)),
    )


def mean_sentence(name: str, found: MeanComparison) -> str:
    """The outcome in a paragraph."""
    style = "verdict bad" if found.alarms else "verdict"
    shown = "agree" if not found.alarms else "disagree"
    return (
        f'<p class="{style}"><b>{html.escape(name)}: the means {shown}.</b> {found.alarms} alarms in '
        f"{found.z.size} directions at a total false-alarm rate of {found.false_alarm_rate:g} (largest |z| "
        f"{np.abs(found.z).max():.1f}, limit {found.threshold:.1f}). Without a shift, as in the published "
        f"theory, the mean would be refuted in {found.refuted_without} of them.</p>"
    )

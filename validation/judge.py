"""Predictions at their word, and within their own error estimate where that raises an alarm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from validation.compare import Comparison, compare
from validation.means import MeanComparison, compare_means
from validation.regression import FloatArray

__all__ = ["judge", "judge_means"]


def judge(
    predicted: FloatArray, samples: FloatArray, error_estimate: FloatArray, *, resolution: float,
    labels: Sequence[str] | None = None,
) -> Comparison:
    """As :func:`validation.compare.compare`, for a prediction that estimates its error.

    Directions that raise an alarm at their word are compared once more with a third of the estimate, which
    is three standard errors, as standard error of the prediction. The others keep their finer resolution.

    Parameters
    ----------
    error_estimate
        Of ``predicted``, in its unit. Shape (d,).
    """
    found = compare(predicted, samples, labels=labels, resolution=resolution)
    if not found.alarms.any():
        return found
    return compare(
        predicted, samples, labels=labels, resolution=resolution,
        prediction_error=np.where(found.alarms, error_estimate / 3, 0.0),
    )


def judge_means(
    predicted: FloatArray, samples: FloatArray, error_estimate: FloatArray
) -> MeanComparison:
    """The same for means, see :func:`validation.means.compare_means`."""
    found = compare_means(predicted, samples, prediction_error=np.zeros_like(predicted))
    if found.agrees:
        return found
    return compare_means(
        predicted, samples, prediction_error=np.where(found.alarms, error_estimate / 3, 0.0)
    )

"""Batch noise along a run trained by PyTorch: its autocovariance against both theories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.sampling import SamplingScheme
from theory.solvers.by_name import exact_noise_autocovariance
from validation.blocks import Blocks
from validation.compare import Comparison, compare
from validation.judge import judge
from validation.predict import Prediction
from validation.regression import FloatArray
from validation.report.verdict import comparison_record

__all__ = ["NoiseRun", "compare_noise", "noise_record", "published_noise"]

#: relative error of R(0) and of R(0) - R(h) that must be caught
NOISE_RESOLUTION = 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseRun:
    r"""R(h), lag by direction, of the batch gradient at the weights of the run minus its expectation.

    Attributes
    ----------
    lags, directions
        Which.
    full, published
        Predicted R(h). Shape (lags, directions). Unit: (loss / parameter)².
    correlation, correlation_error
        Measured R(h) / R(0), and its standard error. Shape (lags, directions).
    against_full, against_published
        Verdicts on R(0), and on R(0) - R(h) at other lags, all directions and lags together.
    """

    lags: tuple[int, ...]
    directions: tuple[int, ...]
    full: FloatArray
    published: FloatArray
    correlation: FloatArray
    correlation_error: FloatArray
    against_full: Comparison
    against_published: Comparison


def published_noise(made: Prediction, scheme: SamplingScheme, most: int) -> FloatArray:
    """R(0), ..., R(most) with the noise of the minimum: exact. Shape (most + 1, d)."""
    point = {
        "steps_per_epoch": made.steps_per_epoch, "samples": made.samples,
        "batch_size": made.batch_size, "noise_variance": 1,
    }
    shape = [float(exact_noise_autocovariance(scheme, {**point, "lag": h})) for h in range(most + 1)]
    out: FloatArray = np.array(shape)[:, None] * made.noise_variances
    return out


def compare_noise(
    made: Prediction, scheme: SamplingScheme, blocks: Blocks, directions: npt.NDArray[np.int64]
) -> NoiseRun:
    r"""Judge :math:`R(0)` and :math:`R(0)-R(h)=\frac12\langle(\xi_k-\xi_{k-h})^2\rangle`, never negative.

    The full theory is taken at its word, and with the relative error estimate of its second moments, on
    which the noise depends, where that raises an alarm. It knows what the steps of one epoch share; across
    epochs it takes nothing.

    Raises
    ------
    TheoryError
        If the method of the prediction does not give the noise, or lags are not 0, 1, 2, ...
    """
    given, chosen = made.noise_autocovariance, directions
    if given is None or blocks.lags != tuple(range(len(blocks.lags))):
        raise TheoryError(
            f"the noise by method {made.method!r} is {'not known' if given is None else 'known'} and the "
            f"lags are {blocks.lags}: predict by method 'closure', and measure lags 0, 1, 2, ..."
        )
    lags = len(blocks.lags)
    full = np.zeros((lags, given.shape[1]))
    full[: len(given)] = given[:lags]
    published = published_noise(made, scheme, lags - 1)
    labels = [f"lag {h}, direction {i}" for h in blocks.lags for i in chosen]
    samples = blocks.noise_changes[:, :, chosen].reshape(len(blocks.noise), -1)

    def changes(noise: FloatArray) -> FloatArray:
        out: FloatArray = noise[0] - noise
        out[0] = noise[0]
        return out[:, chosen].ravel()

    error = np.tile((made.second_moment_error_estimate / made.second_moments)[chosen], lags)
    noise = blocks.noise[:, :, chosen]
    mean = noise.mean(axis=0)
    correlation = mean / mean[0]
    rest = (noise - correlation * noise[:, :1]) / mean[0]
    return NoiseRun(
        lags=blocks.lags, directions=tuple(int(i) for i in chosen), full=full[:, chosen],
        published=published[:, chosen], correlation=correlation,
        correlation_error=rest.std(axis=0, ddof=1) / np.sqrt(len(noise)),
        against_full=judge(
            changes(full), samples, changes(full) * error, labels=labels, resolution=NOISE_RESOLUTION
        ),
        against_published=compare(
            changes(published), samples, labels=labels, resolution=NOISE_RESOLUTION
        ),
    )


def noise_record(noise: NoiseRun) -> dict[str, Any]:
    """For ``results.json``."""
    return {
        "lags": list(noise.lags), "directions": list(noise.directions),
        "full": noise.full.tolist(), "published": noise.published.tolist(),
        "measured_correlation": noise.correlation.tolist(),
        "correlation_standard_error": noise.correlation_error.tolist(),
        "against_full": comparison_record(noise.against_full),
        "against_published": comparison_record(noise.against_published),
    }

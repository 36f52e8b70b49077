"""A predicted stationary law of SGD, direction by direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from validation.regression import FloatArray

__all__ = ["Prediction", "Theory"]

Theory = Literal["full", "published"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    r"""The stationary law, with noise that depends on the weights, beside the published theory.

    The published theory takes the noise of the minimum everywhere. Arrays have one entry per
    direction, an eigenvector of the Hessian, by descending curvature.

    Attributes
    ----------
    theory
        ``"full"``, or ``"published"`` where only that was asked for.
    method, order
        How the law was found and what it is exact to; see :mod:`validation.laws`.
    curvatures
        Shape (d,). Unit: loss / parameter².
    noise_variances
        c, the variance of one full batch gradient in that direction. Shape (d,).
        Unit: (loss / parameter)².
    variances
        Of the weights about their mean, averaged over the epoch. Shape (d,). Unit: parameter².
    mean_shift
        Stationary mean minus minimum, averaged over the epoch. Shape (d,). Unit: parameter.
    relative_error_estimate, mean_error_estimate
        Of the variances, relative, and of the mean, in units of the parameter: the size of what is
        left out, or three standard errors of what was sampled. Shape (d,).
    published_variances, white_variances
        With the noise of the minimum: under the scheme, and under independent batches of the same
        noise variance. Shape (d,). Unit: parameter². Relative accuracy 1e-15, given the curvatures and
        noise variances.
    noise_autocovariance
        Of the batch noise at the weights, by lag and direction, averaged over the position; what steps of
        different epochs share is left out. Shape (M, d); None where the method does not give it.
        Unit: (loss / parameter)².
    correlation_times
        :math:`2\sigma_\theta^2/\sigma_v^2` in steps. Shape (d,).
    stability_limit
        Learning rate below which the mean of the steepest direction is stable under independent batches,
        and full-batch descent is; infinite if all are. A permutation per epoch moves it.
    mean_square_limit
        Learning rate below which independent batches of this size have a finite second moment, to 1e-3;
        None for the published theory, which has no such limit, and where it would take longer than
        ``seconds``.
    epoch_mean_square_limit, epoch_mean_square_limit_error
        The same of the scheme's own permutation per epoch, from 200 permutations, and its standard error:
        far lower where few, unequal batches make an epoch. None for other schemes, where it would take
        longer than a tenth of ``seconds``, and where flat directions hide it. See
        :func:`validation.epoch_map.mean_square_limit_of_epochs`.
    crossover_curvature
        Curvature below which an epoch is too short for the weights to relax, so that
        anti-correlations lower the variance; None, with ``crossover_note``, where there is none. See
        :func:`crossover_curvature`.
    loss_fluctuation, published_loss_fluctuation
        :math:`\frac12\sum_i\lambda_i\langle\delta_i^2\rangle`, from fluctuations and mean shift.
    excess_loss
        Mean of the objective, weight decay included, above its minimum:
        :math:`\frac12\sum_i(\lambda_i+\rho)\langle\delta_i^2\rangle`. Unit: loss.
    figures
        What the method has to say of itself.
    flat_directions, condition_number, notes
        Directions without curvature, which do not move; largest over smallest curvature of the
        others; and what that loses, in words. See :mod:`validation.conditioning`.
    """

    theory: Theory
    method: str
    order: str

    rule: str
    sampling: str
    hyperparameters: Mapping[str, float]
    samples: int
    batch_size: int
    steps_per_epoch: int
    curvatures: FloatArray
    noise_variances: FloatArray
    variances: FloatArray
    mean_shift: FloatArray
    relative_error_estimate: FloatArray
    mean_error_estimate: FloatArray
    published_variances: FloatArray
    white_variances: FloatArray
    noise_autocovariance: FloatArray | None
    correlation_times: FloatArray
    stability_limit: float
    mean_square_limit: float | None
    epoch_mean_square_limit: float | None
    epoch_mean_square_limit_error: float | None
    crossover_curvature: float | None
    crossover_note: str
    loss_fluctuation: float
    published_loss_fluctuation: float
    excess_loss: float
    figures: Mapping[str, float | int]
    flat_directions: int
    condition_number: float
    notes: tuple[str, ...]

    @property
    def second_moments(self) -> FloatArray:
        """About the minimum. Shape (d,). Unit: parameter²."""
        return self.variances + self.mean_shift**2

    @property
    def second_moment_error_estimate(self) -> FloatArray:
        r"""Of ``second_moments``, to first order in the error estimates of variance and mean, in size.

        .. math:: \Delta\langle\delta^2\rangle
                  = \sigma^2\epsilon + 2\,|\langle\delta\rangle|\,\Delta\langle\delta\rangle,

        with the relative error estimate :math:`\epsilon` of the variance.

        Shape (d,). Unit: parameter².
        """
        return (
            self.variances * self.relative_error_estimate
            + 2 * np.abs(self.mean_shift) * self.mean_error_estimate
        )

    def record(self) -> dict[str, Any]:
        """Strings, numbers and lists, as the command line's JSON documents them."""
        columns = {
            "curvature": self.curvatures, "noise_variance": self.noise_variances,
            "variance": self.variances, "white_variance": self.white_variances,
            "published_variance": self.published_variances, "mean_shift": self.mean_shift,
            "mean_error_estimate": self.mean_error_estimate,
            "relative_error_estimate": self.relative_error_estimate,
            "correlation_time": self.correlation_times,
        }
        limit = self.stability_limit
        return {
            "theory": self.theory,
            "method": self.method,
            "order": self.order,
            "figures": dict(self.figures),
            "rule": self.rule,
            "sampling": self.sampling,
            "hyperparameters": dict(self.hyperparameters),
            "samples": self.samples,
            "batch_size": self.batch_size,
            "steps_per_epoch": self.steps_per_epoch,
            "stability_limit": limit if np.isfinite(limit) else None,
            "mean_square_limit": self.mean_square_limit,
            "epoch_mean_square_limit": self.epoch_mean_square_limit,
            "epoch_mean_square_limit_error": self.epoch_mean_square_limit_error,
            "crossover_curvature": self.crossover_curvature,
            "crossover_note": self.crossover_note,
            "loss_fluctuation": self.loss_fluctuation,
            "published_loss_fluctuation": self.published_loss_fluctuation,
            "excess_loss": self.excess_loss,
            "flat_directions": self.flat_directions,
            "condition_number": self.condition_number,
            "notes": list(self.notes),
            "directions": [
                dict(zip(columns, map(float, row), strict=True))
                for row in zip(*columns.values(), strict=True)
            ],
        }

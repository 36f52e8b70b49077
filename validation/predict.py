"""The stationary law of SGD on a regression, direction by direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from theory.errors import TheoryError, require_known
from theory.numbers import exact_number
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from validation.conditioning import conditioning, quadratics_of
from validation.laws import Run, WeightLaw, full_law
from validation.laws.law import Progress
from validation.published import published_law
from validation.regression import FloatArray, Regression
from validation.sample_arrays import Samples

__all__ = ["Prediction", "Theory", "predict"]

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
    correlation_times
        :math:`2\sigma_\theta^2/\sigma_v^2` in steps. Shape (d,).
    stability_limit
        Learning rate below which the mean of the steepest direction is stable; infinite if all are.
    mean_square_limit
        Learning rate below which independent batches of this size have a finite second moment; None
        for the published theory, which has no such limit.
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
    correlation_times: FloatArray
    stability_limit: float
    mean_square_limit: float | None
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


def predict(
    problem: Samples, rule: LinearRule, scheme: SamplingScheme, *, batch_size: int,
    hyperparameters: Mapping[str, float], theory: Theory = "full", method: str | None = None,
    accuracy: float = 0.01, seconds: float = 12.0, seed: int = 0, progress: Progress | None = None,
) -> Prediction:
    r"""Predict mean and variance of the weights in every direction.

    Parameters
    ----------
    problem
        A regression, or any list of per-sample quadratic losses.
    hyperparameters
        ``learning_rate`` and the rule's parameters; a ``weight_decay`` must be the problem's.
    theory
        ``"full"``: the batch Hessian fluctuates as well as the gradient. ``"published"``: the noise is
        that of the minimum, :math:`\sigma_i^2=\sigma^2(\lambda_i,c_i)` with
        :math:`c_i=\frac c{C_0}[U^\top C_0U]_{ii}`; a direction without curvature and noise does not
        move.
    method
        One of :data:`validation.laws.METHODS`, instead of the choice among them.
    accuracy, seconds
        Relative error asked for, and time that may be spent on it, roughly.
    seed, progress
        For the method that draws permutations.

    Raises
    ------
    TheoryError
        If the batch does not fit the data and scheme, or a hyperparameter is missing, unknown or
        outside its domain.
    UnstableError
        At or beyond the stability limit of the mean; under the full theory of the mean square.
    NoStationaryLawError
        If a direction without curvature has noise that makes it diffuse or drift.
    """
    require_known(theory, ("full", "published"), "theory")
    if not 0 < accuracy < 1 or not seconds > 0:
        raise TheoryError(
            f"accuracy must lie in (0, 1) and seconds be positive; got {accuracy} and {seconds}"
        )
    size = exact_number("batch_size", batch_size)
    if size.denominator != 1:
        raise TheoryError(f"batch_size = {batch_size} is not a whole number: round it")
    batch_size = int(size)
    samples = quadratics_of(problem)
    shape = conditioning(problem if isinstance(problem, Regression) else samples)
    known = published_law(samples, rule, scheme, batch_size, hyperparameters)
    d = samples.dimension
    nothing = np.zeros(d)
    if theory == "published":
        law = WeightLaw(
            method="closed-form", order="noise of the minimum", covariance=np.diag(known.variances),
            mean=nothing, velocity_variances=known.velocities,
            relative_error_estimate=nothing, mean_error_estimate=nothing, figures={},
        )
        limit = None
    else:
        run = Run(
            problem=samples, rule=rule, scheme=scheme, batch_size=batch_size,
            hyperparameters=known.hyperparameters, accuracy=accuracy, seconds=seconds, seed=seed,
            progress=progress,
        )
        limit = run.mean_square_limit
        law = full_law(run, method) if known.variances.any() else _still(d)
    curvatures = samples.curvatures
    velocities = law.velocity_variances
    times = 2 * law.variances / np.where(velocities > 0, velocities, np.inf)
    moments = law.second_moments
    return Prediction(
        theory=theory, method=law.method, order=law.order, rule=rule.name, sampling=scheme.name,
        samples=samples.samples, batch_size=batch_size, hyperparameters=known.hyperparameters,
        steps_per_epoch=known.steps, curvatures=curvatures, noise_variances=known.noise,
        variances=law.variances, mean_shift=law.mean,
        relative_error_estimate=law.relative_error_estimate,
        mean_error_estimate=law.mean_error_estimate, published_variances=known.variances,
        white_variances=known.white, correlation_times=times, stability_limit=known.limit,
        mean_square_limit=limit, crossover_curvature=known.crossover, crossover_note=known.note,
        loss_fluctuation=float(curvatures @ moments) / 2,
        published_loss_fluctuation=float(curvatures @ known.variances) / 2,
        excess_loss=float((curvatures + samples.weight_decay) @ moments) / 2, figures=law.figures,
        flat_directions=shape.flat_directions, condition_number=shape.condition_number,
        notes=shape.notes,
    )


def _still(d: int) -> WeightLaw:
    """The law without noise: the whole data set in one batch."""
    zero = np.zeros(d)
    return WeightLaw(
        method="exact", order="exact: there is no noise", covariance=np.zeros((d, d)), mean=zero,
        velocity_variances=zero, relative_error_estimate=zero, mean_error_estimate=zero, figures={},
    )

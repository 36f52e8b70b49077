"""Predict the stationary law of SGD on a regression, direction by direction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from theory.errors import TheoryError, require_known
from theory.numbers import exact_number
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from validation.conditioning import conditioning, quadratics_of
from validation.laws import Run, WeightLaw, full_law
from validation.laws.law import SECONDS, Progress
from validation.prediction import Prediction, Theory
from validation.published import published_law
from validation.regression import Regression
from validation.sample_arrays import Samples

__all__ = ["Prediction", "Theory", "predict"]


def predict(
    problem: Samples, rule: LinearRule, scheme: SamplingScheme, *, batch_size: int,
    hyperparameters: Mapping[str, float], theory: Theory = "full", method: str | None = None,
    accuracy: float = 0.01, seconds: float = SECONDS, seed: int = 0, progress: Progress | None = None,
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
        Relative error asked for, and nominal time that may be spent on it: operations over the speed of
        one ordinary core, so that the result does not depend on the machine.
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
        if method is not None:
            raise TheoryError(f"method = {method!r} is one of the full theory: leave one out")
        law = WeightLaw(
            method="closed-form", order="noise of the minimum", covariance=np.diag(known.variances),
            mean=nothing, velocity_variances=known.velocities,
            relative_error_estimate=nothing, mean_error_estimate=nothing, figures={},
        )
        limit = own = None
    else:
        run = Run(
            problem=samples, rule=rule, scheme=scheme, batch_size=batch_size,
            hyperparameters=known.hyperparameters, accuracy=accuracy, seconds=seconds, seed=seed,
            progress=progress,
        )
        limit, own = run.mean_square_limit, run.epoch_limit
        beyond = limit is not None and batch_size < samples.samples and run.rate > limit
        law = full_law(run, method) if known.variances.any() or beyond else _still(d)
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
        white_variances=known.white, noise_autocovariance=law.noise_autocovariance,
        correlation_times=times, stability_limit=known.limit,
        mean_square_limit=limit, epoch_mean_square_limit=None if own is None else own.learning_rate,
        epoch_mean_square_limit_error=None if own is None else own.standard_error,
        crossover_curvature=known.crossover, crossover_note=known.note,
        loss_fluctuation=float(curvatures @ moments) / 2,
        published_loss_fluctuation=float(curvatures @ known.variances) / 2,
        excess_loss=float((curvatures + samples.weight_decay) @ moments) / 2, figures=law.figures,
        flat_directions=shape.flat_directions, condition_number=shape.condition_number,
        notes=shape.notes + _whole_data(scheme, samples.samples, batch_size),
    )


def _whole_data(scheme: SamplingScheme, samples: int, batch_size: int) -> tuple[str, ...]:
    """What a batch of everything means."""
    if batch_size < samples or scheme.variance_factor(samples, batch_size) > 0:
        return ()
    return (
        f"batch_size = {batch_size} is not below the {samples} samples: full-batch descent has no noise, and "
        f"stays at the minimum. Give a batch_size of at most {samples // 2}",
    )


def _still(d: int) -> WeightLaw:
    """The law without noise: the whole data set in one batch, or a perfect fit that is stable."""
    zero = np.zeros(d)
    return WeightLaw(
        method="exact", order="exact: there is no noise", covariance=np.zeros((d, d)), mean=zero,
        velocity_variances=zero, relative_error_estimate=zero, mean_error_estimate=zero, figures={},
    )

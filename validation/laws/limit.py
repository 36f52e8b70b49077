"""The mean-square limit of independent batches, for comparison with the learning rate."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.optimize import brentq

from theory.errors import TheoryError, UnstableError
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.quadratics import FloatArray
from theory.optimizers import sgd
from theory.sampling import fresh_batches
from validation.laws.law import Run

__all__ = ["beyond_the_limit", "mean_square_limit_of_batches", "quick_mean_square_limit"]

#: multiplications a second of its products with the samples, a few and many
_SPEED, _MANY_SPEED = 3e9, 1.5e10
#: products with the samples that the limit takes, roughly: in full, and by bounds
_PRODUCTS, _FEW_PRODUCTS = 1600.0, 150.0
#: substitutions in which the bounds must tell on which side of one the feedback is
_MOST_SUBSTITUTIONS = 8
#: factor between two trial learning rates, as in theory.multiplicative.mean_square_limit
_STEP = 1.6


def mean_square_limit_of_batches(run: Run) -> float | None:
    """Learning rate below which independent batches of this size have a finite second moment.

    For schemes with independent steps their own limit, otherwise that of fresh batches: a permutation
    per epoch has a limit of its own, not far from it. To 1e-4; where that would take longer than the run
    may, to 1e-3 (:func:`quick_mean_square_limit`); None where that would as well.
    """
    from theory.multiplicative.mean_square_limit import mean_square_limit

    n, r, d = run.problem.factors.shape
    size = float(n * r * d * d)
    full = _PRODUCTS * size <= _SPEED * run.seconds
    if not full and _FEW_PRODUCTS * size > _MANY_SPEED * run.seconds:
        return None
    scheme = run.scheme if run.scheme.lasting in ("sample", "batch") else fresh_batches()
    steps = IndependentSteps(
        quadratics=run.problem, rule=run.rule, scheme=scheme, batch_size=run.batch_size,
        hyperparameters=run.hyperparameters,
    )
    if full or run.rule is sgd():
        return mean_square_limit(steps, accuracy=1e-4).learning_rate
    return quick_mean_square_limit(steps, accuracy=1e-3)


def quick_mean_square_limit(steps: IndependentSteps, *, accuracy: float) -> float:
    r"""As :func:`theory.multiplicative.mean_square_limit`, with fewer products with the samples.

    The feedback :math:`\mathcal K` keeps the cone of positive matrices, so that any :math:`R\succ0` bounds
    its radius by the eigenvalues of :math:`R^{-1/2}\mathcal K[R]R^{-1/2}` (Collatz, Wielandt): far from
    the limit one or two substitutions tell on which side a learning rate is. Near it, Arnoldi.
    """
    from theory.multiplicative.mean_limit import mean_limit
    from theory.multiplicative.mean_square_limit import feedback

    values, moving = dict(steps.hyperparameters), steps.moving
    most = mean_limit(steps.rule, values, steps.quadratics.curvatures[moving])
    if not 0 < most < np.inf:
        return most

    def at(rate: float) -> IndependentSteps:
        return replace(steps, hyperparameters=values | {"learning_rate": rate})

    def radius(rate: float) -> float:
        return feedback(at(rate), tolerance=accuracy / 10)[0] if rate < most else np.inf

    def stable(rate: float) -> bool:
        low, high = _radius_bounds(at(rate))
        return radius(rate) < 1 if low <= 1 <= high else high < 1

    @cache
    def gap(rate: float) -> float:
        found = radius(rate)
        return rate / found - rate if found > 0 else np.inf

    low = 1e-3 * most
    while not stable(low):
        low /= 4
    high = min(_STEP * low, most)
    while high < most and stable(high):
        low, high = high, min(_STEP * high, most)
    for edge, right in ((low, gap(low) > 0), (high, gap(high) < 0)):
        if not right:  # the limit, to the accuracy; without feedback that of the mean
            return edge
    return float(brentq(gap, low, high, xtol=accuracy * low / 4, rtol=accuracy / 4))


def _radius_bounds(steps: IndependentSteps) -> tuple[float, float]:
    """Of the feedback's spectral radius, from below and above; substituted until one is excluded."""
    from theory.multiplicative.mode_pairs import mode_pairs, seen_response

    q, moving = steps.quadratics, steps.moving
    inside, scale = np.ix_(moving, moving), np.outer(steps.sizes[moving], steps.sizes[moving])
    pairs = mode_pairs(steps.drifts[moving], steps.numeric.inject)
    response = seen_response(pairs, steps.numeric.evaluate_at) * scale

    def action(r: FloatArray) -> FloatArray:
        whole = np.zeros((q.dimension, q.dimension))
        whole[inside] = response * r
        image: FloatArray = steps.fluctuation * q.covariance_action(whole)[inside] / scale
        return (image + image.T) / 2

    low, high, r = 0.0, np.inf, np.eye(len(scale))
    for _ in range(_MOST_SUBSTITUTIONS):
        image = action(r)
        try:
            root = np.linalg.inv(np.linalg.cholesky(r))
        except np.linalg.LinAlgError:  # not positive to rounding: what is known stands
            break
        ratios = np.linalg.eigvalsh(root @ image @ root.T)
        low, high = max(low, float(ratios[0])), min(high, float(ratios[-1]))
        size = float(np.abs(image).max())
        if low > 1 or high < 1 or not size > 0:
            break
        r = image / size
    return low, high


def beyond_the_limit(run: Run, found: TheoryError | None) -> UnstableError:
    """What to raise where a law was sought and not found: the learning rate beside its limits."""
    from theory.multiplicative.mean_limit import mean_limit

    rate = run.hyperparameters["learning_rate"]
    curvatures = run.problem.curvatures
    most = mean_limit(run.rule, run.hyperparameters, curvatures[curvatures != 0])
    limit = run.mean_square_limit
    independent = "" if limit is None else (
        f"; with independent batches the mean-square limit is {limit:.6g}"
    )
    both = "the mean may still converge" if rate < most else "nor does the mean converge"
    return UnstableError(
        f"no stationary variance: learning_rate = {rate:.6g} is beyond, or too near, the mean-square "
        f"stability limit of {run.rule.name} on these samples with {run.scheme.name} batches of "
        f"{run.batch_size}{independent}; {both} (its limit is {most:.6g}). Lower the learning rate or "
        "raise the batch size" + ("" if found is None else f". Found: {found}")
    )

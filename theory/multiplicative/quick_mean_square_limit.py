"""The mean-square limit by bounds, with few products with the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.mean_limit import mean_limit
from theory.multiplicative.mean_square_limit import feedback, first_crossing
from theory.multiplicative.mode_pairs import mode_pairs, seen_response
from theory.multiplicative.quadratics import FloatArray

__all__ = ["quick_mean_square_limit"]

#: substitutions in which the bounds must tell on which side of one the feedback is
_MOST_SUBSTITUTIONS = 8


def quick_mean_square_limit(steps: IndependentSteps, *, accuracy: float) -> float:
    r"""As :func:`theory.multiplicative.mean_square_limit`, with fewer products with the samples.

    The feedback :math:`\mathcal K` keeps the cone of positive matrices, so that any :math:`R\succ0` bounds
    its radius by the eigenvalues of :math:`R^{-1/2}\mathcal K[R]R^{-1/2}` (Collatz, Wielandt): far from
    the limit one or two substitutions tell on which side a learning rate is. Near it, Arnoldi.
    """
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

    return first_crossing(radius, stable, low=1e-3 * most, most=most, accuracy=accuracy)


def _radius_bounds(steps: IndependentSteps) -> tuple[float, float]:
    """Of the feedback's spectral radius, from below and above; substituted until one is excluded."""
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

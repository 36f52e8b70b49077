r"""Whether the second moment converges, and the learning rate at which it ceases to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, eigs

from theory.arnoldi import arnoldi_must_converge
from theory.errors import UnstableError
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.mean_limit import mean_limit
from theory.multiplicative.mode_pairs import mode_pairs, seen_response
from theory.multiplicative.mulayoff2023 import threshold
from theory.multiplicative.noise_equation import feedback_radius
from theory.multiplicative.quadratics import FloatArray
from theory.multiplicative.second_moment_map import dense_map, homogeneous
from theory.optimizers import sgd

__all__ = [
    "MeanSquareLimit", "feedback", "first_crossing", "mean_square_limit", "require_mean_square_stable",
    "second_moment_radius",
]

_DENSE = 5
#: factor between two trial learning rates; two crossings closer than that would be missed
_STEP = 1.6


@dataclass(frozen=True, kw_only=True)
class MeanSquareLimit:
    """Where convergence ends.

    Attributes
    ----------
    learning_rate
        The smallest at which the second moment no longer converges. Unit: parameter² / loss.
    mean_limit
        The same for the mean, which is never smaller; infinite if nothing has curvature.
    evaluations
        Spectral radii computed.
    """

    learning_rate: float
    mean_limit: float
    evaluations: int


def feedback(problem: IndependentSteps, *, tolerance: float = 1e-12) -> tuple[float, int]:
    r"""Spectral radius of :math:`R\mapsto f\mathcal H[\varphi\circ R]`, and operator applications.

    The second-moment map is :math:`T=L+F`, the additive law and the fluctuating curvature, both
    keeping the cone of positive matrices. If the mean is stable, :math:`\rho(T)<1` exactly if
    :math:`\rho((I-L)^{-1}F)<1` (regular splitting), and that is this radius: of a d x d map for any
    rule, and well conditioned however flat a direction is. In a linear model with delocalised
    eigenvectors it is the noise kernel norm of agarwala2024.
    """
    moving = problem.moving
    if not moving.any():
        return 0.0, 0
    q, f = problem.quadratics, problem.fluctuation
    inside = np.ix_(moving, moving)
    pairs = mode_pairs(problem.drifts[moving], problem.numeric.inject)
    response = seen_response(pairs, problem.numeric.evaluate_at)

    def action(r: FloatArray) -> FloatArray:
        whole = np.zeros((q.dimension, q.dimension))
        whole[inside] = response * r
        return f * q.covariance_action(whole)[inside]

    return feedback_radius(action, problem.sizes[moving], tolerance)


def second_moment_radius(problem: IndependentSteps, *, tolerance: float = 1e-12) -> float:
    r"""Spectral radius of the second-moment map, by Arnoldi; the rate of its slowest transient.

    The map keeps a cone, so the radius is its rightmost eigenvalue. Above one exactly beyond the
    mean-square limit. A flat direction brings it to :math:`1-2\eta\lambda_{\min}`, hence convergence
    is judged by :func:`feedback` instead.
    """
    n, d = problem.state_size, problem.quadratics.dimension
    if n * d <= _DENSE:
        return float(np.linalg.eigvals(dense_map(problem)).real.max())

    def apply(flat: FloatArray) -> FloatArray:
        blocks = flat.reshape(n, n, d, d)
        image = homogeneous(problem, (blocks + blocks.transpose(1, 0, 3, 2)) / 2)
        return image.ravel()

    start = np.multiply.outer(np.eye(n), np.eye(d)).ravel()
    operator = LinearOperator((start.size, start.size), matvec=apply, dtype=np.float64)
    with arnoldi_must_converge("the spectral radius of the second moment", start.size, tolerance):
        found = eigs(
            operator, k=1, which="LR", v0=apply(start), tol=tolerance, maxiter=100_000,
            return_eigenvectors=False,
        )
    return float(found[0].real)


def mean_square_limit(problem: IndependentSteps, *, accuracy: float = 1e-10) -> MeanSquareLimit:
    r"""The learning rate at which the second moment ceases to converge, for any rule.

    The learning rate of ``problem`` is not used. For plain SGD it is the eigenvalue of mulayoff2023;
    otherwise the first root of feedback = 1, sought upwards in steps of a factor 1.6.

    Raises
    ------
    NoStationaryLawError
        If a direction has negative curvature, or none but noise.
    """
    problem.quadratics.require_restoring()
    q, values = problem.quadratics, dict(problem.hyperparameters)
    most = mean_limit(problem.rule, values, q.curvatures[problem.moving])
    if not 0 < most < np.inf:
        return MeanSquareLimit(learning_rate=most, mean_limit=most, evaluations=0)
    if problem.rule is sgd():
        return MeanSquareLimit(learning_rate=threshold(problem), mean_limit=most, evaluations=1)
    count = 0

    @cache
    def radius(rate: float) -> float:
        nonlocal count
        count += 1
        if rate >= most:
            return np.inf
        trial = replace(problem, hyperparameters=values | {"learning_rate": rate})
        return feedback(trial, tolerance=accuracy / 10)[0]

    low = 1e-3 * most
    slope = radius(low) / low
    if slope == 0:
        return MeanSquareLimit(learning_rate=most, mean_limit=most, evaluations=count)
    rate = first_crossing(
        radius, lambda rate: radius(rate) < 1, low=min(low, 0.05 / slope), most=most, accuracy=accuracy
    )
    return MeanSquareLimit(learning_rate=rate, mean_limit=most, evaluations=count)


def first_crossing(
    radius: Callable[[float], float], stable: Callable[[float], bool], *, low: float, most: float,
    accuracy: float,
) -> float:
    """The first learning rate with radius 1, sought from ``low`` upwards in steps of a factor 1.6.

    ``stable`` says whether the radius is below 1, perhaps at less cost; ``most`` is not stable.
    """
    while not stable(low):
        low /= 4
    high = min(_STEP * low, most)
    while high < most and stable(high):
        low, high = high, min(_STEP * high, most)

    @cache
    def gap(rate: float) -> float:  # linear for heavy ball in one dimension
        found = radius(rate)
        return rate / found - rate if found > 0 else np.inf

    for edge, right in ((low, gap(low) > 0), (high, gap(high) < 0)):
        if not right:  # the limit, to the accuracy; without feedback that of the mean
            return edge
    return float(brentq(gap, low, high, xtol=accuracy * low / 4, rtol=max(accuracy / 4, 1e-15)))


def require_mean_square_stable(problem: IndependentSteps) -> tuple[float, int]:
    """The feedback and what it cost, if the second moment converges.

    Raises
    ------
    UnstableError
        Otherwise; with both limits, and whether the mean still converges.
    NoStationaryLawError
        If a direction has negative curvature, or none but noise.
    """
    problem.quadratics.require_restoring()
    values = problem.hyperparameters
    most = mean_limit(problem.rule, values, problem.quadratics.curvatures[problem.moving])
    rate = values["learning_rate"]
    count = 0
    if rate < most:
        found, count = feedback(problem, tolerance=1e-6)
        if abs(found - 1) < 1e-3:
            found, more = feedback(problem)
            count += more
        if found < 1:
            return found, count
    if most == 0:
        raise UnstableError(
            f"no stationary law at any learning rate: the other hyperparameters of {problem.rule.name} "
            "are outside its stability region; lower the momentum below 1"
        )
    limit = mean_square_limit(problem, accuracy=1e-6).learning_rate
    both = "the mean still converges" if rate < most else "nor does the mean converge"
    raise UnstableError(
        f"no stationary variance: learning_rate = {rate:.6g} is not below {limit:.6g}, the mean-square "
        f"stability limit of {problem.rule.name} on these samples with batches of {problem.batch_size}; "
        f"{both} (its limit is {most:.6g}). Lower the learning rate or raise the batch size"
    )

r"""The stationary mean, which is not the minimum: to leading order, for any rule and any scheme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative.batch_moments import joint_coefficients, pair_coefficients
from theory.multiplicative.feedback import added_shares, white_points
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics
from theory.multiplicative.responses import Responses, settled
from theory.optimizers import NumericRule
from theory.sampling import SamplingScheme

__all__ = ["MeanShift", "mean_shift", "reshuffled_shift", "shift_size", "third_push"]

_LEADING = "leading (second) order in the fluctuations"


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanShift:
    r"""Mean displacement of the weights from the minimum, in the eigenbasis of H.

    Attributes
    ----------
    values
        :math:`\bar\delta`. Shape (d,). Unit: parameter.
    error_estimate
        Of the values: what the next orders may add. Shape (d,). Unit: parameter.
    order
        In words.
    cost
        Multiplications it took, roughly.
    """

    values: FloatArray
    error_estimate: FloatArray
    order: str
    cost: float


def mean_shift(
    problem: SampleQuadratics, numeric: NumericRule, scheme: SamplingScheme, batch_size: int
) -> MeanShift:
    r"""Mean displacement of the weights from the minimum, averaged over the epoch, to leading order.

    A batch enters the noise at one step and the response to it at a later one, and the batches of a
    pass are not independent:

    .. math:: \bar\delta = [(I-A)^{-1}b]_0\,q, \qquad
              q = \frac1M\sum_l\sum_j \alpha_{lj}\,\frac1N\sum_nH_n\Psi_{l-1-j}\,g_n, \qquad
              \alpha_{lj} = \frac{N}{N-1}\frac{\delta_{lj}}{S_l}-\frac1{N-1} .

    Where every epoch has its own permutation j runs over the earlier steps of the epoch; for heavy
    ball and equal batches this is :math:`H\bar\delta=\frac{1}{M(M-1)}\sum_n(M-1-n)K_n`. Where one
    epoch repeats, j runs over all steps and :math:`\Psi` is the response summed over the earlier
    epochs, :math:`a\cdot A^p(I-A^M)^{-1}b`. Independent steps have no shift, exactly.

    The error estimate is four times the share r that the fluctuations of the Hessian have in the noise of
    independent batches, :math:`\max_i\mathcal H[P]_{ii}/(C+\mathcal H[P])_{ii}`, and for the order in
    between the third itself where every epoch has its own permutation, :math:`\sqrt r` where one repeats. An
    estimate, not a bound.

    Raises
    ------
    UnstableError
        If a pole lies on or outside the unit circle.
    NoStationaryLawError
        If a direction without curvature has noise.
    TheoryError
        If the scheme draws by a function of its own.

    References
    ----------
    New here; for reshuffled epochs the stationary face of the regularizer of ``beneventano2023``.
    """
    sizes = np.array(scheme.batch_sizes(problem.samples, batch_size), dtype=np.float64)
    problem.require_restoring()
    responses = Responses.of(numeric, problem.curvatures, len(sizes))
    n, r, d = problem.factors.shape
    if scheme.lasting in ("sample", "batch"):
        return MeanShift(values=np.zeros(d), error_estimate=np.zeros(d), order="exact", cost=0.0)
    if scheme.lasting == "own":
        raise TheoryError(
            f"scheme {scheme.name!r} draws by its own function: the joint moments of its batches are "
            "not known; use a built-in scheme"
        )
    points = white_points(problem, responses, sizes)
    shares = added_shares(problem, points)
    added = float((shares / (1 + shares)).max(initial=0.0))
    noise = problem.gradient_covariance + problem.covariance_action(points)
    points = white_points(problem, responses, sizes, noise)  # no direction is without noise
    if scheme.lasting == "epoch":
        values = reshuffled_shift(problem, responses)
        between = np.abs(_third_order(problem, responses))
    else:
        own, shared = (float(x) for x in pair_coefficients(problem.samples))
        weight = np.full(len(sizes), shared)
        weight[-1] += own * float(np.mean(1 / sizes))  # the same step, one epoch ago
        values = _shift(problem, responses, weight, _repeated(responses))
        between = np.sqrt(added) * shift_size(values, points)
    return MeanShift(
        values=values, error_estimate=between + 4 * added * shift_size(values, points),
        order=_LEADING, cost=float(n * r * d * (2 * d + 4)),
    )


def reshuffled_shift(problem: SampleQuadratics, responses: Responses) -> FloatArray:
    """The shift where every epoch has its own permutation, whatever the batch sizes. Shape (d,)."""
    m = responses.steps
    weight = float(pair_coefficients(problem.samples)[1]) * (m - 1 - np.arange(m)) / m
    return _shift(problem, responses, weight, responses.point_response)


def _shift(
    problem: SampleQuadratics, responses: Responses, weight: FloatArray, psi: FloatArray
) -> FloatArray:
    total = np.einsum("p,pi->i", weight, psi)
    push = problem.hessian_times(problem.gradients * total).mean(axis=0)
    return settled(responses, push)


def _third_order(problem: SampleQuadratics, responses: Responses) -> FloatArray:
    """The mean that three steps of a pass make. Shape (d,)."""
    m, psi = responses.steps, responses.point_response
    between = max(m - 2, 0)
    reached = np.cumsum(np.cumsum(psi, axis=0), axis=0)  # over q, and over the step in between
    pairs = psi[:between].T @ reached[:between][::-1]
    return settled(responses, third_push(problem, pairs) / m)


def third_push(problem: SampleQuadratics, pairs: FloatArray) -> FloatArray:
    r"""Mean noise :math:`\langle\Delta H_m\Psi_p\Delta H_l\Psi_q\xi_j\rangle` of three batches of a pass.

    Summed over responses by their products ``pairs`` :math:`\sum\Psi_p(c)\Psi_q(e)`, shape (d, d).
    Shape (d,).
    """
    found = joint_coefficients(3, problem.samples)
    apart = float(found[frozenset(frozenset({i}) for i in range(3))])
    g, h = problem.gradients, problem.curvatures
    once = -np.diag(pairs) * h * g
    for q in range(problem.factors.shape[1]):
        f = problem.factors[:, q]
        once += problem.signs[:, q, None] * f * ((f * g) @ pairs.T)
    out: FloatArray = apart * (problem.hessian_times(once).mean(axis=0) - h * once.mean(axis=0))
    return out


def _repeated(responses: Responses) -> FloatArray:
    r""":math:`a\cdot A^p(I-A^M)^{-1}b`, p = 0..M - 1. Shape (M, d)."""
    rest = responses.epoch_drift
    held = np.zeros(rest.shape[:2])
    for i in np.flatnonzero(np.abs(np.linalg.det(rest)) > 0):  # all but directions that nothing moves
        held[i] = np.linalg.solve(rest[i], responses.inject)
    out: FloatArray = np.einsum("n,pinm,im->pi", responses.evaluate_at, responses.powers[:-1], held)
    return out


def shift_size(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Of the mean, or where that is small by chance its typical share of a standard deviation."""
    deviations = np.sqrt(np.diag(covariance))
    moving = deviations > 0
    typical = np.sqrt(np.mean((mean[moving] / deviations[moving]) ** 2)) if moving.any() else 0.0
    out: FloatArray = np.maximum(np.abs(mean), typical * deviations)
    return out

r"""The stationary mean, which is not the minimum: to leading order, for any rule and any scheme."""

from __future__ import annotations

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative.batch_moments import pair_coefficients
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics
from theory.multiplicative.responses import Responses, settled
from theory.optimizers import NumericRule
from theory.sampling import SamplingScheme

__all__ = ["mean_shift", "reshuffled_shift"]


def mean_shift(
    problem: SampleQuadratics, numeric: NumericRule, scheme: SamplingScheme, batch_size: int
) -> FloatArray:
    r"""Mean displacement of the weights from the minimum, averaged over the epoch.

    A batch enters the noise at one step and the response to it at a later one, and the batches of a
    pass are not independent:

    .. math:: \bar\delta = [(I-A)^{-1}b]_0\,q, \qquad
              q = \frac1M\sum_l\sum_j \alpha_{lj}\,\frac1N\sum_nH_n\Psi_{l-1-j}\,g_n, \qquad
              \alpha_{lj} = \frac{N}{N-1}\frac{\delta_{lj}}{S_l}-\frac1{N-1} .

    Where every epoch has its own permutation j runs over the earlier steps of the epoch; for heavy
    ball and equal batches this is :math:`H\bar\delta=\frac{1}{M(M-1)}\sum_n(M-1-n)K_n`. Where one
    epoch repeats, j runs over all steps and :math:`\Psi` is the response summed over the earlier
    epochs, :math:`a\cdot A^p(I-A^M)^{-1}b`. Independent steps have no shift, exactly.

    The error is of relative second order where a direction has third cumulants, see the closure. For one
    direction in symbols see :func:`theory.multiplicative.mean_shift_formula`.

    Returns
    -------
    Shape (d,), in the eigenbasis of H. Unit: parameter.

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
    if scheme.lasting in ("sample", "batch"):
        return np.zeros(problem.dimension)
    if scheme.lasting == "own":
        raise TheoryError(
            f"scheme {scheme.name!r} draws by its own function: the joint moments of its batches are "
            "not known; use a built-in scheme"
        )
    if scheme.lasting == "epoch":
        return reshuffled_shift(problem, responses)
    own, shared = (float(x) for x in pair_coefficients(problem.samples))
    weight = np.full(len(sizes), shared)
    weight[-1] += own * float(np.mean(1 / sizes))  # the same step, one epoch ago
    return _shift(problem, responses, weight, _repeated(responses))


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


def _repeated(responses: Responses) -> FloatArray:
    r""":math:`a\cdot A^p(I-A^M)^{-1}b`, p = 0..M - 1. Shape (M, d)."""
    rest = responses.epoch_drift
    held = np.zeros(rest.shape[:2])
    for i in np.flatnonzero(np.abs(np.linalg.det(rest)) > 0):  # all but directions that nothing moves
        held[i] = np.linalg.solve(rest[i], responses.inject)
    out: FloatArray = np.einsum("n,pinm,im->pi", responses.evaluate_at, responses.powers[:-1], held)
    return out

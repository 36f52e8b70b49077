r"""One step of the second moment and the mean, exactly; and the map as a dense matrix."""

from __future__ import annotations

import numpy as np

from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.quadratics import FloatArray

__all__ = ["advance", "dense_map", "homogeneous", "seen_moment"]


def seen_moment(problem: IndependentSteps, blocks: FloatArray) -> FloatArray:
    """a^T P a, the second moment of the point where the gradient is taken. Shape (d, d)."""
    at = problem.numeric.evaluate_at
    out: FloatArray = np.einsum("p,pqij,q->ij", at, blocks, at)
    return out


def _carried(problem: IndependentSteps, blocks: FloatArray) -> FloatArray:
    """A P A^T, direction by direction: O(n³ d²)."""
    a = problem.transitions
    half = np.einsum("ipr,rqij->pqij", a, blocks)
    out: FloatArray = np.einsum("jqr,prij->pqij", a, half)
    return out


def homogeneous(problem: IndependentSteps, blocks: FloatArray) -> FloatArray:
    r"""The linear part, :math:`P\mapsto APA^\top+bb^\top\otimes f\mathcal H[a^\top Pa]`.

    It keeps the cone of positive semi-definite matrices. Shape (n, n, d, d) to the same.
    """
    b = problem.numeric.inject
    fed = problem.fluctuation * problem.quadratics.covariance_action(seen_moment(problem, blocks))
    return _carried(problem, blocks) + np.multiply.outer(np.outer(b, b), fed)


def advance(
    problem: IndependentSteps, blocks: FloatArray, mean: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Second moment and mean after one step.

    .. math:: P \mapsto APA^\top + bb^\top\otimes R, \qquad \mu \mapsto A\mu,

    with :math:`R` of :meth:`IndependentSteps.noise`. The gradient noise and its Hessian are
    correlated, which matters while the mean is not zero, and only then.

    Parameters
    ----------
    blocks
        Shape (n, n, d, d).
    mean
        Shape (n, d).
    """
    b = problem.numeric.inject
    noise = problem.noise(seen_moment(problem, blocks), problem.numeric.evaluate_at @ mean)
    after = _carried(problem, blocks) + np.multiply.outer(np.outer(b, b), noise)
    return after, np.einsum("ipq,qi->pi", problem.transitions, mean)


def dense_map(problem: IndependentSteps) -> FloatArray:
    r"""The linear part as a matrix: :math:`A\otimes A+f\,(b\otimes b)(a\otimes a)^\top\otimes
    (\overline{H_n\otimes H_n}-H\otimes H)`, from the Kronecker products themselves.

    Shape (n² d², n² d²), on P flattened as (n, d, n, d): for small n d only.
    """
    q, numeric, n = problem.quadratics, problem.numeric, problem.state_size
    d = q.dimension
    drift = np.kron(numeric.keep, np.eye(d)) + np.kron(
        np.outer(numeric.inject, numeric.evaluate_at), np.diag(q.curvatures)
    )
    rank_one = np.outer(numeric.inject, numeric.evaluate_at)
    spread = q.dense_covariance().reshape(d, d, d, d)
    fed = np.einsum("pr,qs,ijkl->piqjrksl", rank_one, rank_one, spread)
    size = (n * d) ** 2
    out: FloatArray = np.kron(drift, drift) + problem.fluctuation * fed.reshape(size, size)
    return out

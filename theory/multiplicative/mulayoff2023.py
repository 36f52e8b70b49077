r"""The exact mean-square threshold of plain SGD, and bounds on it (mulayoff2023)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh

from theory.arnoldi import arnoldi_must_converge
from theory.errors import TheoryError
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.quadratics import FloatArray
from theory.optimizers import sgd

__all__ = ["ThresholdBounds", "dense_threshold", "threshold", "threshold_bounds"]

_DENSE = 6


@dataclass(frozen=True, kw_only=True)
class ThresholdBounds:
    r"""Learning rates that are surely stable, and surely not.

    Attributes
    ----------
    sufficient
        Every :math:`\eta` below is stable in mean square.
    necessary_direction
        None above is: the smallest bound that one eigenvector of H gives.
    necessary_trace
        None above is, either: the bound of the identity matrix.
    """

    sufficient: float
    necessary_direction: float
    necessary_trace: float

    @property
    def necessary(self) -> float:
        """The smaller of the two necessary bounds."""
        return min(self.necessary_direction, self.necessary_trace)


def _require_sgd(problem: IndependentSteps) -> None:
    if problem.rule is not sgd():
        raise TheoryError(
            f"this threshold is that of plain SGD; for {problem.rule.name} use mean_square_limit"
        )


def threshold(problem: IndependentSteps) -> float:
    r""":math:`\eta_*=2/\lambda_{\max}(\mathcal C^\dagger\mathcal D)`, matrix-free.

    .. math:: \mathcal C[X] = \tfrac12(HX+XH), \qquad
              \mathcal D[X] = (1-f)HXH + \frac fN\sum_nH_nXH_n ,

    both self-adjoint, and :math:`\mathcal C` is diagonal in the eigenbasis of H: a symmetric
    eigenproblem of :math:`\mathcal C^{-1/2}\mathcal D\,\mathcal C^{-1/2}`, by Lanczos in
    O(N r d²) per step. The learning rate of ``problem`` is not used.

    Raises
    ------
    TheoryError
        If the rule is not plain SGD.

    References
    ----------
    mulayoff2023 (arXiv 2306.07850), the exact threshold; f for batches without repeats as there,
    and 1/S for independent draws.
    """
    _require_sgd(problem)
    q, f = problem.quadratics, problem.fluctuation
    moving = problem.moving
    if not moving.any():
        return float("inf")
    inside = np.ix_(moving, moving)
    values = q.curvatures[moving]
    size = values.size
    root = np.sqrt((values[:, None] + values) / 2)

    def apply(flat: FloatArray) -> FloatArray:
        whole = np.zeros((q.dimension, q.dimension))
        x = flat.reshape(size, size) / root
        whole[inside] = (x + x.T) / 2
        image = q.curvatures[:, None] * whole * q.curvatures + f * q.covariance_action(whole)
        out: FloatArray = (image[inside] / root).ravel()
        return out

    if size <= _DENSE:
        matrix = np.array([apply(unit) for unit in np.eye(size * size)])
        return 2 / float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])
    operator = LinearOperator((size * size, size * size), matvec=apply, dtype=np.float64)
    start = apply(np.eye(size).ravel())
    with arnoldi_must_converge("the mean-square threshold", size * size, 1e-13):
        found = eigsh(operator, k=1, which="LA", v0=start, tol=1e-13, return_eigenvectors=False)
    return 2 / float(found[0])


def dense_threshold(problem: IndependentSteps) -> float:
    """The same from the d² x d² matrices themselves, on the range of H: for small d."""
    _require_sgd(problem)
    q, f = problem.quadratics, problem.fluctuation
    moving = np.flatnonzero(problem.moving)
    pairs = (moving[:, None] * q.dimension + moving).ravel()
    h = np.diag(q.curvatures)
    eye = np.eye(q.dimension)
    c = ((np.kron(h, eye) + np.kron(eye, h)) / 2)[np.ix_(pairs, pairs)]
    d = (np.kron(h, h) + f * q.dense_covariance())[np.ix_(pairs, pairs)]
    return 2 / float(eigh(d, c, eigvals_only=True)[-1])


def threshold_bounds(problem: IndependentSteps) -> ThresholdBounds:
    r"""Bounds on the threshold that need no eigenproblem of size d².

    *Necessary.* :math:`\lambda_{\max}(\mathcal C^\dagger\mathcal D)` is the maximum of
    :math:`\langle X,\mathcal DX\rangle/\langle X,\mathcal CX\rangle`, so every trial X bounds
    :math:`\eta_*` from above. :math:`X=vv^\top` with an eigenvector of H, and :math:`X=I`:

    .. math:: \eta_* \le \frac{2\lambda}{\lambda^2+f\operatorname{Var}_n(v^\top H_nv)}, \qquad
              \eta_* \le \frac{2\operatorname{tr}H}{\|H\|_F^2+\frac fN\sum_n\|H_n-H\|_F^2} .

    *Sufficient.* :math:`\operatorname{tr}(XH_nXH_n)\le\|H_n\|\operatorname{tr}(X|H_n|X)`, and
    :math:`\langle X,\mathcal CX\rangle=\operatorname{tr}(XHX)`, so

    .. math:: \eta_* \ge \frac2{(1-f)\lambda_{\max}+f\,\lambda_{\max}\big(H^{-1/2}\,\frac1N\sum_n
              \|H_n\||H_n|\,H^{-1/2}\big)} .

    Re-derived here; mulayoff2023 states necessary conditions of the first kind.

    Raises
    ------
    TheoryError
        If the rule is not plain SGD.
    """
    _require_sgd(problem)
    q, f = problem.quadratics, problem.fluctuation
    moving = problem.moving
    lam = q.curvatures[moving]
    along = np.einsum("nqi,nq->ni", q.factors**2, q.signs)[:, moving]
    spread = np.mean((along - lam) ** 2, axis=0)
    gram = q.factors @ q.factors.swapaxes(1, 2)
    inner = gram * q.signs[:, :, None] * q.signs[:, None, :]
    squares = float(np.einsum("nqp,nqp->", gram, inner)) / q.samples - float(lam @ lam)
    norms = _norms(gram, q.signs)
    parts = q.factors[:, :, moving] * np.sqrt(norms[:, None] * np.abs(q.signs))[:, :, None]
    rows = (parts / np.sqrt(lam)).reshape(-1, lam.size)
    heavy = float(np.linalg.eigvalsh(rows.T @ rows)[-1]) / q.samples
    return ThresholdBounds(
        sufficient=2 / ((1 - f) * float(lam.max()) + f * heavy),
        necessary_direction=float((2 * lam / (lam**2 + f * spread)).min()),
        necessary_trace=2 * float(lam.sum()) / (float(lam @ lam) + f * squares),
    )


def _norms(gram: FloatArray, signs: FloatArray) -> FloatArray:
    r"""Bound on :math:`\||H_n|\|`: of :math:`\sum_qf_qf_q^\top`, which for orthogonal factors is it."""
    if gram.shape[1] == 1:
        return np.asarray(gram[:, 0, 0] * np.abs(signs[:, 0]))
    both = np.abs(signs)
    inner: FloatArray = gram * both[:, :, None] * both[:, None, :]
    return np.asarray(np.linalg.eigvalsh(inner)[:, -1], dtype=np.float64)

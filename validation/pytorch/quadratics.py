"""A PyTorch model that is linear in its parameters, as a list of per-sample quadratic losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from validation.pytorch.linearity import PerSample, per_sample
from validation.regression import FloatArray

__all__ = ["from_module"]


def from_module(
    module: Any, data: Any, loss: Any, *, weight_decay: float = 0.0, rank_tolerance: float = 1e-14,
    seed: int = 0,
) -> SampleQuadratics:
    r"""What SGD sees of a model linear in its parameters under a loss quadratic in the outputs.

    With the outputs :math:`f_n(\theta)=f_n(0)+J_n\theta` and the loss :math:`\ell_n` of a batch of
    one, of second derivative :math:`A_n=\sum_q\epsilon_{nq}a_{nq}a_{nq}^\top` and gradient
    :math:`b_n` at :math:`f_n(0)`,

    .. math:: H_n = J_n^\top A_n J_n,\qquad f_{nq} = J_n^\top a_{nq},\qquad
              \nabla\ell_n(0) = J_n^\top b_n .

    ``MSELoss`` averages over the K outputs as well as over the batch: :math:`A_n=\frac2K I`.

    Parameters
    ----------
    module
        ``nn.Linear`` or any module linear in its parameters; it is not changed. Parameters are those
        with ``requires_grad``, flattened in the order of ``module.parameters()``. Everything is
        computed in float64.
    data
        ``(inputs, targets)`` or a data set of such pairs, all samples alike in shape.
    loss
        ``loss(outputs, targets)``, the mean over the batch, as ``nn.MSELoss()`` gives it.
    weight_decay
        Of the optimizer.
    rank_tolerance
        Eigenvalues of the mean Hessian below this times the largest count as zero.
    seed
        Of the random weights and outputs at which linearity is tested.

    Raises
    ------
    TheoryError
        If the outputs are not linear in a parameter (named, with how much its derivative changes), if
        the loss is not quadratic, or no mean over the batch, if samples influence one another's
        outputs, if N < 2, or if the mean loss has no minimum.
    MissingPackageError
        Without PyTorch.
    """
    if not 0 <= weight_decay < np.inf:
        raise TheoryError(f"weight_decay must be finite and >= 0; got {weight_decay}")
    seen = per_sample(module, data, loss, seed)
    rows, signs = _factors(seen)
    samples, rank, d = rows.shape
    slope = np.einsum("nkp,nk->np", seen.jacobians, seen.slopes)
    curvatures, directions = _eigen(rows, signs, rank_tolerance)
    factors = (rows.reshape(-1, d) @ directions).reshape(samples, rank, d)
    own = slope @ directions
    silent = (curvatures == 0) & (signs >= 0).all()
    factors[:, :, silent] = 0.0  # a sum of squares: no sample has curvature or slope there either
    bent, force = curvatures + weight_decay, own.mean(axis=0)
    force[silent] = own[:, silent] = 0.0
    flat = bent == 0
    if (bent < 0).any() or (np.abs(force[flat]) > 1e-9 * np.abs(own).max(initial=0.0)).any():
        raise TheoryError(
            f"the mean loss has no minimum: the smallest eigenvalue of its Hessian, weight decay "
            f"included, is {bent.min():.4g}; it must be positive, or zero without a slope there"
        )
    point = np.where(flat, 0.0, -force / np.where(flat, 1.0, bent))
    inner = np.einsum("nqd,d->nq", factors, point) * signs
    gradients = own + np.einsum("nqd,nq->nd", factors, inner) + weight_decay * point
    return SampleQuadratics(
        factors=factors, signs=signs, gradients=gradients - gradients.mean(axis=0),
        curvatures=curvatures, directions=directions, minimum=directions @ point,
        weight_decay=weight_decay,
    )


def _factors(seen: PerSample) -> tuple[FloatArray, FloatArray]:
    """:math:`f_{nq}` (N, r, d) and their signs (N, r), from the eigenvectors of every A_n."""
    weights, axes = np.linalg.eigh(seen.curvatures)
    size = np.abs(weights).max(initial=0.0)
    weights = np.where(np.abs(weights) > 1e-14 * size, weights, 0.0)
    scaled = axes * np.sqrt(np.abs(weights))[:, None, :]
    rows: FloatArray = np.einsum("nkq,nkp->nqp", scaled, seen.jacobians)
    return rows, np.sign(weights)


def _eigen(rows: FloatArray, signs: FloatArray, tolerance: float) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues, descending, and eigenvectors of H; by singular values where all signs agree.

    Squaring the rows first would lose half the digits of flat directions.
    """
    samples, _, d = rows.shape
    flat = rows.reshape(-1, d)
    if (signs >= 0).all():
        used = flat[signs.ravel() > 0]
        reduced = np.linalg.qr(used, mode="r") if len(used) > d else used
        _, s, vt = np.linalg.svd(reduced, full_matrices=True)
        values = np.zeros(d)
        values[: s.size] = s**2 / samples
    else:
        values, vectors = np.linalg.eigh(flat.T @ (signs.ravel()[:, None] * flat) / samples)
        values, vt = values[::-1].copy(), vectors[:, ::-1].T
    values[np.abs(values) < tolerance * np.abs(values).max()] = 0.0
    if not values.any():
        raise TheoryError(
            "the mean loss has no curvature: it depends on the weights linearly, or not at all"
        )
    largest = vt[np.arange(d), np.abs(vt).argmax(axis=1)]
    return values, (vt * np.sign(largest)[:, None]).T

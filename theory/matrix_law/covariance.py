"""Stationary covariance matrices for a Hessian and a noise covariance that need not commute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.matrix_law.matrices import FloatArray
from theory.matrix_law.spectrum_law import SpectrumLaw
from theory.matrix_law.symmetric_product import symmetric_product
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme

__all__ = ["covariance"]


def covariance(
    rule: LinearRule,
    scheme: SamplingScheme,
    hessian: npt.ArrayLike,
    noise_covariance: npt.ArrayLike,
    values: Mapping[str, Any],
    *,
    quantity: str = "weights",
    lag: int = 0,
    position: int | None = None,
    rank_tolerance: float | None = None,
) -> FloatArray:
    r"""Compute the covariance of :math:`a_{k+\tau}` with :math:`b_k`, each weights or velocity.

    :math:`\Gamma_{ij}(\tau)=\langle a_{i,k+\tau}b_{j,k}\rangle`; in the eigenbasis U of H every
    entry is independent of all others,

    .. math:: \Gamma(\tau) = U\left[\eta^2\,(U^\top CU)\circ g(\eta\lambda_i,\eta\lambda_j)\right]
              U^\top ,

    with g a closed form in both modes. It is evaluated as a quotient of exact sums, so that nothing
    is lost in flat directions, where "white minus bridge" cancels.

    Parameters
    ----------
    rule, scheme
        Any linear rule and any sum of elementary noises.
    hessian
        H. Shape (d, d), symmetric, no negative eigenvalue. Unit: loss / parameter².
    noise_covariance
        C, covariance of the gradient of one full batch. Shape (d, d), positive semi-definite, in
        the same parameters. Unit: (loss / parameter)².
    values
        Numbers by name: ``learning_rate``, the rule's parameters, ``steps_per_epoch``, and where
        the scheme needs them ``samples`` and ``batch_size``.
    quantity
        ``"weights"`` :math:`\langle\delta\delta^\top\rangle`, ``"velocity"``
        :math:`\langle vv^\top\rangle` or ``"weights-velocity"``
        :math:`\langle\delta v^\top\rangle`, with :math:`v_k=\theta_k-\theta_{k-1}`.
    lag
        :math:`\tau\ge0`, in steps; the first index belongs to the later time.
    position
        Position of time k in the epoch, 1..M, counted after the step; by default the average.
    rank_tolerance
        An eigenvalue of H up to this times the largest counts as zero, and so does the noise in an
        eigendirection up to this times the Frobenius norm of C. Default: d times 2^-52. A flat
        direction without noise does not move. With noise its weights stay bounded only under equal
        batches that sum to zero over an epoch; its velocity also where the weights diffuse. Then
        the result is the limit of vanishing curvature.

    Returns
    -------
    Shape (d, d), symmetric unless ``lag`` or ``"weights-velocity"`` make it otherwise.
    Unit: parameter². Every factor g is accurate to about 1e-13 of
    :math:`\sqrt{g_{ii}g_{jj}}`, given the computed eigenvalues.

    Raises
    ------
    TheoryError
        If an input is not finite, has the wrong shape, is not symmetric or not positive
        semi-definite, or lies outside its domain.
    UnknownNameError
        For a name in ``values`` that neither rule nor scheme knows.
    UnstableError
        If a direction is unstable; the message has the limit of the learning rate.
    NoStationaryLawError
        If the weights are asked for and a flat direction with noise diffuses; or if it drifts.

    Notes
    -----
    Cost: one ``eigh`` and four matrix products; the pairs themselves cost less than that. Memory:
    about five d x d matrices.
    """
    law = SpectrumLaw.checked(
        rule, scheme, hessian, noise_covariance, values,
        quantity=quantity, lag=lag, position=position, rank_tolerance=rank_tolerance,
    )
    curvatures, basis = np.linalg.eigh(law.hessian)
    half: FloatArray = law.noise @ basis
    inner = symmetric_product(basis.T, half, out=np.empty_like(half))
    pairs, moving = law.of_modes(curvatures, inner.diagonal().copy())
    if pairs is None:
        return np.zeros_like(inner)
    rate = float(law.hyperparameters.values["learning_rate"])
    for rows, columns, factors in pairs.blocks():
        block = inner[rows, columns]
        block *= rate
        block *= factors
        block *= rate
        if pairs.symmetric:
            inner[columns, rows] = block.T
    inner[~moving] = 0.0
    inner[:, ~moving] = 0.0
    np.matmul(basis, inner, out=half)
    if pairs.symmetric:
        return symmetric_product(half, basis.T, out=inner)
    return np.matmul(half, basis.T, out=inner)

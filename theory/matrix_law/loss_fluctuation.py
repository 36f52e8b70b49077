"""The loss that the noise costs on average."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.matrix_law.spectrum_law import SpectrumLaw
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme

__all__ = ["loss_fluctuation"]


def loss_fluctuation(
    rule: LinearRule,
    scheme: SamplingScheme,
    hessian: npt.ArrayLike,
    noise_covariance: npt.ArrayLike,
    values: Mapping[str, Any],
    *,
    position: int | None = None,
    rank_tolerance: float | None = None,
) -> float:
    r"""Compute :math:`\frac12\operatorname{tr}(H\Sigma)=\frac12\sum_i\lambda_i\sigma_i^2`.

    Only the diagonal in the eigenbasis of H enters, so no pair of modes is evaluated.

    Parameters
    ----------
    rule, scheme, hessian, noise_covariance, values, position, rank_tolerance
        As in :func:`theory.matrix_law.covariance`.

    Returns
    -------
    Mean loss above the minimum. Unit: loss.

    Raises
    ------
    TheoryError
        As :func:`theory.matrix_law.covariance`, with its subclasses.
    """
    law = SpectrumLaw.checked(
        rule, scheme, hessian, noise_covariance, values,
        quantity="weights", lag=0, position=position, rank_tolerance=rank_tolerance,
    )
    curvatures, basis = np.linalg.eigh(law.hessian)
    noise = np.einsum("ij,ij->j", basis, law.noise @ basis)
    pairs, moving = law.of_modes(curvatures, noise)
    if pairs is None:
        return 0.0
    rate = float(law.hyperparameters.values["learning_rate"])
    terms = curvatures * (rate * noise) * pairs.diagonal() * rate
    return float(terms[moving].sum() / 2)

r"""Per-sample quadratics around a saddle or a maximum of their mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.multiplicative.hessians import factorised, mean_eigenbasis, read_hessians

__all__ = ["quadratics_at_stationary_point"]

_ILL = 1e-13


def quadratics_at_stationary_point(hessians: npt.ArrayLike, gradients: npt.ArrayLike) -> SampleQuadratics:
    r""":math:`\ell_n(\theta)=g_n\cdot\theta+\frac12\theta^\top H_n\theta` about :math:`H\theta_*=-\bar g`.

    As :meth:`SampleQuadratics.from_hessians`, but the mean Hessian may have negative eigenvalues: the
    moments of one epoch exist there too, those of a stationary law do not.

    Parameters
    ----------
    hessians, gradients
        Shapes (N, d, d), symmetric, and (N, d), at :math:`\theta=0`.

    Raises
    ------
    TheoryError
        If shapes do not match, a number is not finite, a Hessian is not symmetric, or H is singular to
        rounding (its stationary point is not unique: leave out the flat directions, or use
        ``from_hessians``).
    """
    h, g = read_hessians(hessians, gradients)
    values, vectors = mean_eigenbasis(h)
    sizes = np.abs(values)
    if not sizes.min() > _ILL * sizes.max():
        raise TheoryError(
            f"the mean Hessian is singular: its eigenvalues reach down to {sizes.min():.3g} against "
            f"{sizes.max():.3g}. Leave the flat directions out, or use SampleQuadratics.from_hessians"
        )
    point = -(vectors.T @ g.mean(axis=0)) / values
    at = (g + h @ (vectors @ point)) @ vectors
    factors, signs = factorised(h, vectors)
    return SampleQuadratics(
        factors=factors, signs=signs, gradients=at - at.mean(axis=0), curvatures=values,
        directions=vectors, minimum=vectors @ point,
    )

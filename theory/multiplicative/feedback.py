"""How much of the noise the fluctuations of the batch Hessian make, to leading order."""

from __future__ import annotations

import numpy as np

from theory.multiplicative.batch_moments import pair_coefficients
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics
from theory.multiplicative.responses import Responses, lyapunov_by_modes

__all__ = ["added_shares", "population_factor", "white_points"]


def white_points(
    problem: SampleQuadratics, responses: Responses, sizes: FloatArray, noise: FloatArray | None = None
) -> FloatArray:
    """Covariance of the points under independent batches of these sizes, to leading order. Shape (d, d).

    ``noise`` of a single sample, by default that of the minimum.
    """
    own = float(pair_coefficients(problem.samples)[0]) * float(np.mean(1 / sizes))
    inject, at = responses.inject, responses.evaluate_at
    source = np.einsum(
        "m,n,ij->minj", inject, inject, own * (problem.gradient_covariance if noise is None else noise)
    )
    states = lyapunov_by_modes(responses.drift, source)
    return np.asarray(np.einsum("m,minj,n->ij", at, states, at))


def added_shares(problem: SampleQuadratics, points: FloatArray) -> FloatArray:
    r""":math:`\mathcal H[P]_{ii}/C_{ii}`, zero where the minimum has no noise. Shape (d,)."""
    noise, added = np.diag(problem.gradient_covariance), np.diag(problem.covariance_action(points))
    rounded = np.finfo(np.float64).eps ** 2 * noise.max(initial=0.0)
    return np.divide(added, noise, out=np.zeros_like(noise), where=noise > rounded)


def population_factor(samples: int) -> float:
    r""":math:`\frac{N^3}{(N-1)(N-2)(N-3)}`: by what joint moments of batches exceed those of many samples.

    Each factor of the denominator at least one, so that tiny populations have a number too.
    """
    return float(samples**3 / (max(samples - 1, 1) * max(samples - 2, 1) * max(samples - 3, 1)))

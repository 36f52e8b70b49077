"""Epochs of a fresh permutation, N = M S."""

from __future__ import annotations

from functools import cache

from theory.noise import SharedInEpoch, White
from theory.sampling.scheme import SamplingScheme
from theory.symbols import steps_per_epoch

__all__ = ["reshuffled"]


@cache
def reshuffled() -> SamplingScheme:
    r"""Random reshuffling: :math:`R(0)=c`, :math:`R(h)=-c\frac{M-|h|}{M(M-1)}` for |h| < M.

    Two steps of one epoch have covariance :math:`-\frac{c}{M-1}`; the sum over an epoch is zero.
    """
    m = steps_per_epoch
    return SamplingScheme(
        name="reshuffled",
        noise=((White(), m / (m - 1)), (SharedInEpoch(), -1 / (m - 1))),
        lasting="epoch",
        last_batch="forbidden",
        conditions=(m >= 2,),
        source="kuhn2023 (arXiv 2306.05300)",
    )

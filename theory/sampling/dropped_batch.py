"""Reshuffled epochs whose incomplete last batch is dropped, M S < N."""

from __future__ import annotations

from functools import cache

from theory.noise import SharedInEpoch, White
from theory.sampling.scheme import SamplingScheme
from theory.symbols import batch_size, samples, steps_per_epoch

__all__ = ["dropped_batch"]


@cache
def dropped_batch() -> SamplingScheme:
    r"""``drop_last=True``: :math:`R(h)=C_0\left[\frac{\delta_{h0}}{S}-\frac{M-|h|}{MN}\right]`.

    In units of :math:`c=C_0(\frac1S-\frac1N)` two steps of one epoch have covariance
    :math:`-\frac{S}{N-S}`.
    """
    n, s = samples, batch_size
    return SamplingScheme(
        name="dropped-batch",
        noise=((White(), n / (n - s)), (SharedInEpoch(), -s / (n - s))),
        lasting="epoch",
        last_batch="dropped",
        conditions=(s < n, steps_per_epoch * s <= n),
    )

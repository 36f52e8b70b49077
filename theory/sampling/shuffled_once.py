"""One permutation for the whole run."""

from __future__ import annotations

from functools import cache

from theory.noise import Frozen, Periodic, PeriodicLastStep
from theory.sampling.scheme import SamplingScheme
from theory.symbols import batch_size, samples, steps_per_epoch

__all__ = ["shuffled_once"]


@cache
def shuffled_once(*, unequal_batches: bool = False) -> SamplingScheme:
    r"""Shuffle once, then repeat: :math:`R(h)=c\frac{M\,1[h\equiv0]-1}{M-1}`.

    All covariances are over the choice of the permutation: one run settles on one limit cycle.
    With ``unequal_batches`` the last batch holds the :math:`N-(M-1)S` samples left over.
    """
    m, n, s = steps_per_epoch, samples, batch_size
    if not unequal_batches:
        return SamplingScheme(
            name="shuffled-once",
            noise=((Periodic(), m / (m - 1)), (Frozen(), -1 / (m - 1))),
            lasting="run",
            last_batch="forbidden",
            conditions=(m >= 2,),
        )
    last = n - (m - 1) * s
    return SamplingScheme(
        name="shuffled-once-unequal",
        noise=(
            (Periodic(), n / (n - s)),
            (Frozen(), -s / (n - s)),
            (PeriodicLastStep(), n * (s - last) / (last * (n - s))),
        ),
        lasting="run",
        last_batch="kept",
        conditions=(s < n, (m - 1) * s < n, n <= m * s),
    )

"""Reshuffled epochs whose last batch is smaller and kept."""

from __future__ import annotations

from functools import cache

from theory.noise import LastStep, SharedInEpoch, White
from theory.sampling.scheme import SamplingScheme
from theory.symbols import batch_size, samples, steps_per_epoch

__all__ = ["kept_batch"]


@cache
def kept_batch() -> SamplingScheme:
    r"""``drop_last=False``: the last batch holds :math:`S'=N-(M-1)S` samples.

    As :func:`theory.dropped_batch`, plus the extra variance
    :math:`C_0\left(\frac1{S'}-\frac1S\right)` at position M.
    """
    n, s, last = samples, batch_size, samples - (steps_per_epoch - 1) * batch_size
    return SamplingScheme(
        name="kept-batch",
        noise=(
            (White(), n / (n - s)),
            (SharedInEpoch(), -s / (n - s)),
            (LastStep(), n * (s - last) / (last * (n - s))),
        ),
        lasting="epoch",
        last_batch="kept",
        conditions=(s < n, (steps_per_epoch - 1) * s < n, n <= steps_per_epoch * s),
    )

"""A fresh batch at each step, without repeats inside a batch."""

from __future__ import annotations

from functools import cache

from theory.noise import White
from theory.sampling.scheme import SamplingScheme

__all__ = ["fresh_batches"]


@cache
def fresh_batches() -> SamplingScheme:
    r"""Independent batches: :math:`R(h)=\delta_{h0}\,c`, :math:`c=C_0(\frac1S-\frac1N)`."""
    return SamplingScheme(name="fresh-batches", noise=((White(), 1),), lasting="batch")

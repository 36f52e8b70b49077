"""Samples drawn independently, with replacement."""

from __future__ import annotations

from functools import cache

from theory.noise import White
from theory.sampling.scheme import SamplingScheme

__all__ = ["with_replacement"]


@cache
def with_replacement() -> SamplingScheme:
    r"""Independent draws: :math:`R(h)=\delta_{h0}\,c`, :math:`c=\frac{N-1}{N}\frac{C_0}{S}`."""
    return SamplingScheme(name="with-replacement", noise=((White(), 1),), lasting="sample")

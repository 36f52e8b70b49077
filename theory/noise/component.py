"""What an elementary noise must know: who is correlated with whom, and what a linear rule makes of it."""

from __future__ import annotations

from typing import Protocol

import sympy as sp

from theory.engine.matrix import M
from theory.engine.mode import ModePair

__all__ = ["NoiseComponent"]


class NoiseComponent(Protocol):
    r"""An elementary noise of unit variance; every sampling scheme is a signed sum of these.

    Steps are numbered 1, 2, ...; step k has position :math:`((k-1) \bmod M)+1`. Covariances of the
    state :math:`s_k=As_{k-1}+B\xi_k` are taken between a left mode (first index, later time) and a
    right mode. The named exponents ``"M"``, ``"lag"``, ``"rest"`` (:math:`M-\tau`), ``"excess"``
    (:math:`\tau-M`), ``"folded"`` (:math:`\tau \bmod M`), ``"unfolded"`` (M minus that) and ``"j"``
    are resolved by the modes.
    """

    @property
    def name(self) -> str: ...

    @property
    def line_spectrum(self) -> bool:
        """Whether the power sits on the lines 2 pi m / M instead of a density."""
        ...

    @property
    def memoryless(self) -> bool:
        """Whether it needs no steps per epoch: the same at every step, independent."""
        ...

    @property
    def special_last_position(self) -> bool:
        """Whether the law at position M is none of the law at position j < M."""
        ...

    def correlated(self, k: int, l: int, steps: int) -> bool:
        """Whether steps k and l (with M = ``steps``) share the noise: their covariance is 0 or 1."""
        ...

    def autocovariance_within(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        """Averaged over the position, for lags 1 <= tau <= M - 1."""
        ...

    def variance(self, m: sp.Expr) -> sp.Expr:
        """Averaged over the position, at lag 0."""
        ...

    def autocovariance_beyond(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        """Averaged over the position, for lags >= M (periodic ones: not a multiple of M)."""
        ...

    def spectrum(self, omega: sp.Expr, m: sp.Expr) -> sp.Expr:
        """Power per unit frequency, or on the lines; sum over lags of R(h) exp(-i omega h)."""
        ...

    def mean(self, pair: ModePair[M]) -> M:
        """Covariance of the state averaged over positions 1..M."""
        ...

    def lagged_within(self, pair: ModePair[M]) -> M:
        """Averaged <s_{k+tau} s_k'^T> for 0 <= tau <= M."""
        ...

    def lagged_beyond(self, pair: ModePair[M]) -> M:
        """Averaged <s_{k+tau} s_k'^T> for tau >= M."""
        ...

    def at_position(self, pair: ModePair[M]) -> M:
        """Covariance of the state at position j, 1 <= j <= M - 1."""
        ...

    def at_last_position(self, pair: ModePair[M]) -> M:
        """Covariance of the state at position M."""
        ...

    def lagged_at_position(self, pair: ModePair[M]) -> M:
        """<s_{k+tau} s_k'^T> with k at position j and j + tau <= M - 1."""
        ...

"""Independent noise at every step."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.matrix import M
from theory.engine.mode import ModePair

__all__ = ["White"]


@dataclass(frozen=True)
class White:
    r"""Unit variance, no memory: :math:`\langle\xi_k\xi_l\rangle=\delta_{kl}`."""

    name: str = "white"
    line_spectrum: bool = False
    memoryless: bool = True
    special_last_position: bool = False

    def correlated(self, k: int, l: int, steps: int) -> bool:
        return k == l

    def variance(self, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def autocovariance_within(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def autocovariance_beyond(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def spectrum(self, omega: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def mean(self, pair: ModePair[M]) -> M:
        return pair.white

    at_position = at_last_position = mean

    def lagged_within(self, pair: ModePair[M]) -> M:
        return pair.left.power("lag") @ pair.white

    lagged_at_position = lagged_within

    def lagged_beyond(self, pair: ModePair[M]) -> M:
        return pair.left.power("excess") @ pair.left.power("M") @ pair.white

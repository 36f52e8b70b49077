"""Noise drawn once and never again."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.matrix import M
from theory.engine.mode import ModePair

__all__ = ["Frozen"]


@dataclass(frozen=True)
class Frozen:
    r"""One constant for the whole run: the state is :math:`RB\xi`, with :math:`R=(I-A)^{-1}`."""

    name: str = "frozen"
    line_spectrum: bool = True
    memoryless: bool = False
    special_last_position: bool = False

    def correlated(self, k: int, l: int, steps: int) -> bool:
        return True

    def variance(self, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def autocovariance_within(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def autocovariance_beyond(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def spectrum(self, omega: sp.Expr, m: sp.Expr) -> sp.Expr:
        """On the lines 2 pi n / M: all power at frequency zero, M times the mean line."""
        return m * sp.KroneckerDelta(omega, 0)

    def mean(self, pair: ModePair[M]) -> M:
        return pair.left.resolvent @ pair.bb @ pair.right.resolvent.T

    at_position = at_last_position = lagged_at_position = mean
    lagged_within = lagged_beyond = mean

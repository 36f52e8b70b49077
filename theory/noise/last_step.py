"""Extra noise at the last step of each epoch only."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.matrix import M
from theory.engine.mode import ModePair
from theory.symbols import steps_per_epoch

__all__ = ["LastStep"]


@dataclass(frozen=True)
class LastStep:
    r"""Unit variance at position M, independent between epochs.

    :math:`W=A^MWA^{M\top}+BB^\top` at position M and :math:`A^jWA^{j\top}` at position j < M; their
    sum over the epoch is the white law X.
    """

    name: str = "last-step"
    line_spectrum: bool = False
    memoryless: bool = False
    special_last_position: bool = True

    def correlated(self, k: int, l: int, steps: int) -> bool:
        return k == l and k % steps == 0

    def variance(self, m: sp.Expr) -> sp.Expr:
        return 1 / m

    def autocovariance_within(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def autocovariance_beyond(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def spectrum(self, omega: sp.Expr, m: sp.Expr) -> sp.Expr:
        return 1 / m

    def mean(self, pair: ModePair[M]) -> M:
        return pair.white.scale(1 / steps_per_epoch)

    def lagged_within(self, pair: ModePair[M]) -> M:
        return pair.left.power("lag") @ self.mean(pair)

    def lagged_beyond(self, pair: ModePair[M]) -> M:
        return pair.left.power("excess") @ pair.left.power("M") @ self.mean(pair)

    def at_position(self, pair: ModePair[M]) -> M:
        return pair.left.power("j") @ pair.epoch_white @ pair.right.power("j").T

    def at_last_position(self, pair: ModePair[M]) -> M:
        return pair.epoch_white

    def lagged_at_position(self, pair: ModePair[M]) -> M:
        return pair.left.power("lag") @ self.at_position(pair)

"""Extra noise at the last step of the epoch, the same in every epoch."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.matrix import M
from theory.engine.mode import ModePair
from theory.noise.periodic import Periodic
from theory.symbols import steps_per_epoch

__all__ = ["PeriodicLastStep"]


@dataclass(frozen=True)
class PeriodicLastStep:
    r"""One draw, applied at position M of every epoch: :math:`QA^jB\,\xi` at position j < M."""

    name: str = "periodic-last-step"
    line_spectrum: bool = True
    memoryless: bool = False
    special_last_position: bool = True

    def correlated(self, k: int, l: int, steps: int) -> bool:
        return k % steps == 0 and l % steps == 0

    def variance(self, m: sp.Expr) -> sp.Expr:
        return 1 / m

    def autocovariance_within(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def autocovariance_beyond(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def spectrum(self, omega: sp.Expr, m: sp.Expr) -> sp.Expr:
        return 1 / m

    def mean(self, pair: ModePair[M]) -> M:
        return Periodic().mean(pair).scale(1 / steps_per_epoch)

    def lagged_within(self, pair: ModePair[M]) -> M:
        return Periodic().lagged_within(pair).scale(1 / steps_per_epoch)

    def lagged_beyond(self, pair: ModePair[M]) -> M:
        return Periodic().lagged_beyond(pair).scale(1 / steps_per_epoch)

    def at_position(self, pair: ModePair[M]) -> M:
        left = pair.left.epoch_resolvent @ pair.left.power("j")
        right = pair.right.epoch_resolvent @ pair.right.power("j")
        return left @ pair.bb @ right.T

    def at_last_position(self, pair: ModePair[M]) -> M:
        return pair.left.epoch_resolvent @ pair.bb @ pair.right.epoch_resolvent.T

    def lagged_at_position(self, pair: ModePair[M]) -> M:
        return pair.left.power("lag") @ self.at_position(pair)

"""Noise that is the same at every step of an epoch, and new in the next."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.matrix import M
from theory.engine.mode import ModePair
from theory.noise.fejer import fejer_kernel
from theory.symbols import lag, steps_per_epoch

__all__ = ["SharedInEpoch"]


@dataclass(frozen=True)
class SharedInEpoch:
    r"""Constant within an epoch, independent between epochs.

    With the state :math:`Y` at the start of an epoch,
    :math:`Y_j=A^jYA^{j\top}+S_jBB^\top S_j^\top`, and :math:`Y_M=Y` fixes it.
    """

    name: str = "shared-in-epoch"
    line_spectrum: bool = False
    memoryless: bool = False
    special_last_position: bool = False

    def correlated(self, k: int, l: int, steps: int) -> bool:
        return (k - 1) // steps == (l - 1) // steps

    def variance(self, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def autocovariance_within(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return (m - tau) / m

    def autocovariance_beyond(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def spectrum(self, omega: sp.Expr, m: sp.Expr) -> sp.Expr:
        return fejer_kernel(omega, m)

    def _total(self, pair: ModePair[M]) -> M:
        """Sum of Y_j over j = 1..M.

        Sum of A^j Y A'^jT over one epoch is S X S'^T, because the Lyapunov map commutes with A and
        turns it into S BB'^T S'^T; the rest are geometric sums.
        """
        left, right, bb, white = pair.left, pair.right, pair.bb, pair.white
        s_left, s_right = left.sum("M"), right.sum("M").T
        ramps = (
            bb.scale(steps_per_epoch) - s_left @ bb - bb @ s_right
            + white - left.power("M") @ white @ right.power("M").T
        )
        return s_left @ white @ s_right + left.resolvent @ ramps @ right.resolvent.T

    def mean(self, pair: ModePair[M]) -> M:
        return self._total(pair).scale(1 / steps_per_epoch)

    def lagged_within(self, pair: ModePair[M]) -> M:
        r"""(1/M) [A^tau sum_j Y_j + S_tau BB' (sum_j S_j')^T - sum_{i<=tau} S_i BB' S'_{i+M-tau}^T]."""
        left, right, bb, white = pair.left, pair.right, pair.bb, pair.white
        lag_left, lag_right = left.power("lag"), right.power("lag").T
        rest = right.power("rest").T
        # sum over i = 1..tau of A^i BB' A'^iT, and of A^i and A'^i
        paired = white - bb - lag_left @ (white - bb) @ lag_right
        one_left = left.transition @ left.sum("lag")
        one_right = right.sum("lag").T @ right.transition.T
        crossed = bb.scale(lag) - one_left @ bb - bb @ one_right @ rest + paired @ rest
        ramp_right = (
            right.identity.scale(steps_per_epoch) - right.transition @ right.sum("M")
        ).T @ right.resolvent.T
        total = (
            lag_left @ self._total(pair)
            + left.sum("lag") @ bb @ ramp_right
            - left.resolvent @ crossed @ right.resolvent.T
        )
        return total.scale(1 / steps_per_epoch)

    def lagged_beyond(self, pair: ModePair[M]) -> M:
        r"""A^{tau-M} times the value at lag M, where every pair of steps is one epoch apart."""
        left, right, bb, white = pair.left, pair.right, pair.bb, pair.white
        epoch_left, epoch_right = left.power("M"), right.power("M").T
        paired = white - bb - epoch_left @ (white - bb) @ epoch_right
        one_left = left.transition @ left.sum("M")
        one_right = right.transition @ right.sum("M")
        crossed = bb.scale(steps_per_epoch) - one_left @ bb - bb @ one_right.T + paired
        ramp_right = (right.identity.scale(steps_per_epoch) - one_right).T @ right.resolvent.T
        total = (
            epoch_left @ self._total(pair)
            + left.sum("M") @ bb @ ramp_right
            - left.resolvent @ crossed @ right.resolvent.T
        )
        return left.power("excess") @ total.scale(1 / steps_per_epoch)

    def at_position(self, pair: ModePair[M]) -> M:
        left, right = pair.left, pair.right
        start = left.power("j") @ pair.epoch_start @ right.power("j").T
        return start + left.sum("j") @ pair.bb @ right.sum("j").T

    def at_last_position(self, pair: ModePair[M]) -> M:
        return pair.epoch_start

    def lagged_at_position(self, pair: ModePair[M]) -> M:
        same = pair.left.sum("lag") @ pair.bb @ pair.right.sum("j").T
        return pair.left.power("lag") @ self.at_position(pair) + same


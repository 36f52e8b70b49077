"""Noise that is white within an epoch and repeats in every epoch."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.engine.matrix import M
from theory.engine.mode import ModePair

__all__ = ["Periodic"]


@dataclass(frozen=True)
class Periodic:
    r""":math:`\langle\xi_k\xi_l\rangle=1[k\equiv l \bmod M]`, covariance over the draw of one epoch.

    With :math:`Q=(I-A^M)^{-1}` the state is :math:`\sum_{r<M}QA^rB\,\xi_{k-r}`, hence
    :math:`P=Q(X-A^MXA^{M\top})Q^\top`, the same at every position.
    """

    name: str = "periodic"
    line_spectrum: bool = True
    memoryless: bool = False
    special_last_position: bool = False

    def correlated(self, k: int, l: int, steps: int) -> bool:
        return (k - l) % steps == 0

    def variance(self, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def autocovariance_within(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def autocovariance_beyond(self, tau: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.Zero

    def spectrum(self, omega: sp.Expr, m: sp.Expr) -> sp.Expr:
        return sp.S.One

    def mean(self, pair: ModePair[M]) -> M:
        left, right, white = pair.left, pair.right, pair.white
        bridge = white - left.power("M") @ white @ right.power("M").T
        return left.epoch_resolvent @ bridge @ right.epoch_resolvent.T

    at_position = at_last_position = mean

    def _lagged(self, pair: ModePair[M], lag_name: str, rest_name: str) -> M:
        """The r-sum splits where r + lag passes M; both halves are geometric."""
        left, right, white = pair.left, pair.right, pair.white
        lag, rest = left.power(lag_name), right.power(rest_name).T
        epoch_left, epoch_right = left.power("M"), right.power("M").T
        total = lag @ white - epoch_left @ white @ rest + white @ rest - lag @ white @ epoch_right
        return left.epoch_resolvent @ total @ right.epoch_resolvent.T

    def lagged_within(self, pair: ModePair[M]) -> M:
        return self._lagged(pair, "lag", "rest")

    lagged_at_position = lagged_within

    def lagged_beyond(self, pair: ModePair[M]) -> M:
        return self._lagged(pair, "folded", "unfolded")

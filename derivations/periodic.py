"""Noise that is white within an epoch and repeats in every epoch."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.chapter import Chapter
from derivations.frame import LEFT, RIGHT, Frame
from derivations.powers import gramian_steps
from derivations.step import Step
from theory.engine.law import When
from theory.symbols import lag, steps_per_epoch

__all__ = ["cycle_steps", "lagged", "propagate"]


def propagate(frame: Frame, when: When) -> Chapter:
    r""":math:`Q(X-A^MXA^{M\top})Q^\top` at every position; a lag splits the sum in two."""
    steps = [*cycle_steps(frame), *gramian_steps(frame)]
    if "lag" not in when:
        return Chapter(law=mean(frame), steps=tuple(steps))
    tau = sp.Mod(lag, steps_per_epoch) if when == "lag-beyond" else lag
    steps.append(_split(frame, tau))
    return Chapter(law=lagged(frame, tau), steps=tuple(steps))


def _gramian(frame: Frame, k: Any) -> Any:
    return frame.X() - frame.power(k) * frame.X() * frame.power(k, RIGHT).T


def mean(frame: Frame) -> Any:
    return frame.Q() * _gramian(frame, steps_per_epoch) * frame.Q(RIGHT).T


def lagged(frame: Frame, tau: Any) -> Any:
    r"""Pairs of equal noise: r = r' + tau while that is below M, r = r' + tau - M after."""
    rest = steps_per_epoch - tau
    early = frame.power(tau) * _gramian(frame, rest)
    late = _gramian(frame, tau) * frame.power(rest, RIGHT).T
    return frame.Q() * (early + late) * frame.Q(RIGHT).T


def cycle_steps(frame: Frame) -> list[Step]:
    """The limit cycle of a noise of period M."""
    steps = []
    for side in (LEFT, RIGHT) if frame.cross else (LEFT,):
        q, p, a = frame.Q(side), frame.power(steps_per_epoch, side), frame.A(side)
        steps += [
            frame.step(
                r"Noise of period $M$ drives a state of period $M$, "
                r"$s_k=\sum_{r<M}QA^rB\,\xi_{k-r}$ with $Q=(I-A^M)^{-1}$: in $s_k-As_{k-1}$ the terms with "
                r"$1\le r<M$ cancel since $Q$ commutes with $A$,",
                q * a, a * q,
            ),
            frame.step(
                r"and the rest, $Q$ from $r=0$ and $-AQA^{M-1}$ from $r=M-1$, makes $B\xi_k$.",
                q * (frame.identity - p), frame.identity,
            ),
        ]
    return steps


def _split(frame: Frame, tau: Any) -> Step:
    x, rest = frame.X(), steps_per_epoch - tau
    p, r2 = frame.power(tau), frame.power(rest, RIGHT).T
    m, m2 = frame.power(steps_per_epoch), frame.power(steps_per_epoch, RIGHT).T
    return frame.step(
        r"At lag $\tau$ the noise of $r'$ meets itself at $r=r'+\tau$, or at $r=r'+\tau-M$ once that "
        r"passes $M$: "
        r"two geometric sums, of $M-\tau$ and of $\tau$ terms.",
        p * _gramian(frame, rest) + _gramian(frame, tau) * r2,
        p * x - m * x * r2 + x * r2 - p * x * m2,
    )

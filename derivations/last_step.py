"""Extra noise at the last step of an epoch."""

from __future__ import annotations

from typing import Any

from derivations.chapter import Chapter
from derivations.frame import RIGHT, Frame, n
from derivations.step import Step
from theory.engine.law import When
from theory.symbols import lag, position, steps_per_epoch

__all__ = ["propagate"]


def propagate(frame: Frame, when: When) -> Chapter:
    """:math:`A^jWA^{j\\top}` at position j < M, W at position M, X/M averaged."""
    m = steps_per_epoch
    if when in ("mean", "lag-within", "lag-beyond"):
        mean = frame.X() / m
        if when == "mean":
            return Chapter(law=mean, steps=_mean(frame))
        return Chapter(law=frame.power(lag) * mean, steps=(*_mean(frame), _later(frame)))
    w = frame.W()
    steps = [frame.step(
        r"Unit noise at the last step of each epoch only: over one epoch $W\mapsto A^MWA^{M\top}+BB^\top$, "
        r"and the stationary $W$ at position $M$ is its fixed point.",
        frame.power(m) * w * frame.power(m, RIGHT).T + frame.BB, w,
    )]
    if when == "at-last-position":
        return Chapter(law=w, steps=tuple(steps))
    steps.append(frame.step(
        r"In between nothing is added: $P_{j+1}=AP_jA^\top$, $P_0=W$.",
        frame.power(n + 1) * w * frame.power(n + 1, RIGHT).T,
        frame.A() * (frame.power(n) * w * frame.power(n, RIGHT).T) * frame.A(RIGHT).T,
    ))
    law = frame.power(position) * w * frame.power(position, RIGHT).T
    if when == "at-position":
        return Chapter(law=law, steps=tuple(steps))
    return Chapter(law=frame.power(lag) * law, steps=(*steps, _later(frame)))


def _later(frame: Frame) -> Step:
    return frame.step(
        r"What is added later is independent of the present: one factor $A$ per step of the lag.",
        frame.power(n + 1), frame.A() * frame.power(n),
    )


def _mean(frame: Frame) -> tuple[Step, ...]:
    """The sum over the epoch obeys the equation of the white law."""
    free = frame.free("W")

    def bridge(k: Any) -> Any:
        return free - frame.power(k) * free * frame.power(k, RIGHT).T

    return (frame.step(
        r"Unit noise at the last step only, $\hat W$ at the start of an epoch: $V=\sum_{j<M}A^j\hat "
        r"WA^{j\top}$ has "
        r"$V-AVA^\top=\hat W-A^M\hat WA^{M\top}$, each term adding",
        bridge(n + 1) - bridge(n),
        frame.power(n) * free * frame.power(n, RIGHT).T
        - frame.A() * (frame.power(n) * free * frame.power(n, RIGHT).T) * frame.A(RIGHT).T,
    ), frame.step(
        r"and periodicity says $\hat W-A^M\hat WA^{M\top}=BB^\top$. So $V$ obeys the equation of the "
        r"white law, "
        r"$V=X$.",
        frame.X() - frame.A() * frame.X() * frame.A(RIGHT).T, frame.BB,
    ))

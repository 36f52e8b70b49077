"""One draw, applied at the last step of every epoch."""

from __future__ import annotations

import sympy as sp

from derivations import periodic
from derivations.chapter import Chapter
from derivations.frame import RIGHT, Frame, n
from derivations.powers import gramian_steps
from theory.engine.law import When
from theory.symbols import lag, position, steps_per_epoch

__all__ = ["propagate"]


def propagate(frame: Frame, when: When) -> Chapter:
    """:math:`QA^jB` times the draw at position j; averages are those of periodic noise over M."""
    m = steps_per_epoch
    steps = [
        *periodic.cycle_steps(frame),
        frame.step(
            r"Noise at the last step only: $QB$ at position $M$, and a factor $A$ at every step that "
            r"follows; "
            r"after $M$ of them the noise restores it.",
            frame.power(m) * (frame.Q() * frame.B()) + frame.B(), frame.Q() * frame.B(),
        ),
    ]
    if when in ("mean", "lag-within", "lag-beyond"):
        steps += gramian_steps(frame)
        if when == "mean":
            return Chapter(law=periodic.mean(frame) / m, steps=tuple(steps))
        tau = sp.Mod(lag, m) if when == "lag-beyond" else lag
        return Chapter(law=periodic.lagged(frame, tau) / m, steps=tuple(steps))
    left, right = frame.Q(), frame.Q(RIGHT)
    if when == "at-last-position":
        return Chapter(law=left * frame.BB * right.T, steps=tuple(steps))
    here = left * frame.power(position) * frame.BB * (right * frame.power(position, RIGHT)).T
    if when == "at-position":
        return Chapter(law=here, steps=tuple(steps))
    steps.append(frame.step(
        r"A lag within the epoch is more factors $A$.", frame.power(n + 1), frame.A() * frame.power(n),
    ))
    return Chapter(law=frame.power(lag) * here, steps=tuple(steps))

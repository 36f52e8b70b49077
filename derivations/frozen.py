"""Noise drawn once: the state rests at a fixed point."""

from __future__ import annotations

from derivations.chapter import Chapter
from derivations.frame import LEFT, RIGHT, Frame
from theory.engine.law import When

__all__ = ["propagate"]


def propagate(frame: Frame, when: When) -> Chapter:
    """:math:`RBB^\\top R^\\top` at every position and lag."""
    steps = tuple(
        frame.step(
            r"Noise that never changes, $\xi$: the state rests at $RB\,\xi$, a fixed point of the step.",
            frame.A(side) * (frame.R(side) * frame.B(side)) + frame.B(side),
            frame.R(side) * frame.B(side),
        )
        for side in ((LEFT, RIGHT) if frame.cross else (LEFT,))
    )
    return Chapter(law=frame.R() * frame.BB * frame.R(RIGHT).T, steps=steps)

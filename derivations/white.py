"""White noise: every lag is one more factor A."""

from __future__ import annotations

from derivations.chapter import Chapter
from derivations.frame import Frame, n
from theory.engine.law import When
from theory.symbols import lag

__all__ = ["propagate"]


def propagate(frame: Frame, when: When) -> Chapter:
    """X at every position; :math:`A^\\tau X` at lag tau."""
    if "lag" not in when:
        return Chapter(law=frame.X(), steps=())
    x = frame.X()
    step = frame.step(
        r"Later noise is independent of the state: $\langle s_{k+\tau+1}s_k^\top\rangle="
        r"A\langle s_{k+\tau}s_k^\top\rangle$, hence $A^\tau X$.",
        frame.power(n + 1) * x, frame.A() * (frame.power(n) * x),
    )
    return Chapter(law=frame.power(lag) * x, steps=(step,))

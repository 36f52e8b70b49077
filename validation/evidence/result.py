"""What one rung of the evidence ladder found for one formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from theory.closed_forms import Entry
from theory.formula import Formula

__all__ = ["Figure", "NotApplicable", "Rung", "RungResult", "Verdict", "failed", "judged"]

Verdict = Literal["pass", "fail", "vacuous", "not-applicable"]
Figure = float | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class RungResult:
    """One cell of the table.

    Attributes
    ----------
    slug, rung
        Which formula, which kind of evidence.
    verdict
        ``pass``; ``fail``; ``vacuous``: the check ran and tested no point, which counts as failed;
        ``not-applicable``, with a reason.
    reason
        In words: what was compared with what, or what went wrong and where.
    figures
        Numbers that say how much the verdict is worth, by name: points, bounds, deviations.
    """

    slug: str
    rung: str
    verdict: Verdict
    reason: str
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong: passed, or not applicable."""
        return self.verdict in ("pass", "not-applicable")

    def record(self) -> dict[str, Any]:
        """For JSON: verdict, reason, figures."""
        return {"verdict": self.verdict, "reason": self.reason, "figures": dict(self.figures)}


class Rung(Protocol):
    """A rung: one kind of evidence, for the entry's quantity and the formula that claims to be it."""

    def __call__(self, entry: Entry, formula: Formula) -> RungResult: ...


class NotApplicable(Exception):
    """A rung has nothing to say about this formula; the message says why."""


def failed(slug: str, rung: str, reason: str, **figures: Figure) -> RungResult:
    """A cell that failed."""
    return RungResult(slug=slug, rung=rung, verdict="fail", reason=reason, figures=figures)


def judged(slug: str, rung: str, points: int, reason: str, **figures: Figure) -> RungResult:
    """A cell that passed, unless it tested no point at all."""
    if points == 0:
        return RungResult(
            slug=slug, rung=rung, verdict="vacuous", figures={"points": 0, **figures},
            reason="no point was tested: the condition leaves none to choose from",
        )
    return RungResult(
        slug=slug, rung=rung, verdict="pass", reason=reason, figures={"points": points, **figures}
    )

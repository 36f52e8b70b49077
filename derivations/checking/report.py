"""What a check of a claim found: one verdict, and everything else that holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

__all__ = ["VERDICTS", "ClaimReport", "Finding", "VerdictName"]

VerdictName = Literal[
    "unreadable", "outside", "equivalent", "equivalent-under", "wrong-by-factor",
    "missing-or-extra-term", "equivalent-in-limit", "different", "undecided",
]
#: in the order in which they are looked for; the first that holds is the verdict, except that a
#: claim that declares a limit, or whose ratio tends to 1 as eta -> 0, M -> oo or N -> oo, is
#: ``equivalent-in-limit`` before it is ``wrong-by-factor``
VERDICTS: tuple[VerdictName, ...] = get_args(VerdictName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that holds between the claim and the truth.

    Attributes
    ----------
    verdict
        The verdict it supports.
    summary
        One sentence for a reader.
    evidence
        How it was established: "proved ..." only for what was proved.
    data
        Its figures and expressions, ready for JSON: exact numbers and expressions as strings.
    """

    verdict: VerdictName
    summary: str
    evidence: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict, "summary": self.summary, "evidence": self.evidence,
            "data": dict(self.data),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReport:
    """The answer to "is this formula right?".

    Attributes
    ----------
    claim
        As it was written.
    against
        What it was compared with: a slug, or rule/scheme/quantity.
    verdict
        The first of :data:`VERDICTS` that holds.
    diagnosis
        All that hold, the verdict's own finding first.
    evidence
        How the verdict was established.
    witness
        For a claim that is not equivalent: a point at small rational values, both numbers there and
        the exact value by an independent solver; None where there is none.
    seconds
        How long it took.
    """

    claim: str
    against: str
    verdict: VerdictName
    diagnosis: tuple[Finding, ...]
    evidence: str
    witness: Mapping[str, Any] | None = None
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        return self.diagnosis[0].summary if self.diagnosis else ""

    def to_json(self) -> dict[str, Any]:
        """Keys claim, against, verdict, summary, diagnosis, evidence, witness, seconds."""
        return {
            "claim": self.claim, "against": self.against, "verdict": self.verdict,
            "summary": self.summary, "diagnosis": [f.to_json() for f in self.diagnosis],
            "evidence": self.evidence, "witness": None if self.witness is None else dict(self.witness),
            "seconds": round(self.seconds, 3),
        }

"""Rung 1: the derivation, every step by two polynomial engines."""

from __future__ import annotations

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.result import RungResult, failed, judged

__all__ = ["check"]


def check(entry: Entry, formula: Formula) -> RungResult:
    """Derive ``formula`` in the place of the entry's own; every step must be PROVED."""
    from derivations import derive

    verdicts = derive(entry.slug, formula).check()
    for number, verdict in enumerate(verdicts, start=1):
        if not verdict.proved:
            return failed(
                entry.slug, "proved", f"step {number} of {len(verdicts)} is {verdict}",
                steps=len(verdicts),
            )
    return judged(
        entry.slug, "proved", len(verdicts),
        "every step is the zero polynomial for SymPy's and for python-flint's polynomials",
        steps=len(verdicts),
    )

from __future__ import annotations

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.result import NotApplicable, RungResult

__all__ = ["check"]


def check(entry: Entry, formula: Formula) -> RungResult:
    raise NotApplicable("a limit")

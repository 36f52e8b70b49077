"""Which whole numbers to try: first version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.result import Figure

__all__ = ["Plan", "whole_numbers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    cases: tuple[Mapping[str, int], ...]
    reason: str
    figures: Mapping[str, Figure]


def whole_numbers(entry: Entry, formula: Formula) -> Plan:
    names = {s.name for s in entry.formula.parameters}
    steps = range(2, 11) if "steps_per_epoch" in names else (1,)
    cases: list[dict[str, int]] = []
    for m in steps:
        if "lag" in names:
            if entry.quantity == "noise-autocovariance":
                lags = range(1, m)
            elif entry.quantity.endswith("beyond"):
                lags = range(m, m + 6)
            elif len(steps) == 1:
                lags = range(0, 10)
            else:
                lags = range(0, m + 1)
            cases += [{"steps_per_epoch": m, "lag": t} for t in lags]
        elif "position" in names:
            last = any(c.special_last_position for c, _ in entry.scheme.noise)
            cases += [{"steps_per_epoch": m, "position": j} for j in range(1, m + 1 - last)]
        else:
            cases.append({"steps_per_epoch": m})
    return Plan(cases=tuple(cases), reason="", figures={"M": f"{steps[0]}..{steps[-1]}"})

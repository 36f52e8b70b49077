"""Which whole numbers to try: as many consecutive ones as the recurrence asks, within reason."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.numbers import NotRational
from validation.evidence.recurrence import recurrence_order
from validation.evidence.result import Figure

__all__ = ["Plan", "whole_numbers"]

#: exact arithmetic over an epoch of M steps costs about M cubed: no M above this one
_MOST_STEPS = 36
#: and no more than this many of each of two whole numbers
_MOST_OF_TWO = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Cases to compare, what they amount to in words, and the figures of the rung."""

    cases: tuple[Mapping[str, int], ...]
    reason: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variable:
    """One whole number that runs: its name in words, and where it starts."""

    name: str
    first: int


def whole_numbers(entry: Entry, formula: Formula) -> Plan:
    """The grid for one formula: M; or a lag or position and the rest of the epoch."""
    names = {s.name for s in entry.formula.parameters} | {s.name for s in formula.parameters}
    if not names & {"steps_per_epoch", "lag", "position"}:
        return Plan(cases=({"steps_per_epoch": 1},), reason="no whole number in it", figures={})
    variables, forms = _variables(entry, names)
    needed: dict[str, int] = {}
    try:
        for variable in variables:
            needed[variable.name] = recurrence_order(entry, formula, variable.name, forms)
    except NotRational:
        needed = {}
    most = _MOST_STEPS - 1 if len(variables) == 1 else _MOST_OF_TWO
    ranges = {
        v.name: range(v.first, v.first + min(needed.get(v.name, most), most)) for v in variables
    }
    cases = []
    for chosen in itertools.product(*ranges.values()):
        at = dict(zip(ranges, chosen, strict=True))
        wholes = {name: sum(c * at[v] for v, c in form.items()) for name, form in forms.items()}
        wholes.setdefault("steps_per_epoch", 1)
        if wholes["steps_per_epoch"] >= 1:
            cases.append(wholes)
    done = {n: len(r) for n, r in ranges.items()}
    whole = bool(needed) and all(done[n] >= needed[n] for n in done)
    words = " and ".join(f"{n} = {r[0]}..{r[-1]}" for n, r in ranges.items())
    orders = ", ".join(f"{n}: {k}" for n, k in needed.items()) or "not bounded"
    return Plan(
        cases=tuple(cases),
        reason=f"{words}: " + ("as many as the recurrence asks, so for all" if whole
                               else f"fewer than the order of the recurrence ({orders}) asks"),
        figures={"covered": words, "recurrence_order": orders, "for_all_whole_numbers": str(whole).lower()},
    )


def _variables(
    entry: Entry, names: set[str]
) -> tuple[tuple[_Variable, ...], Mapping[str, Mapping[str, int]]]:
    """The running whole numbers, and the parameters as sums of them."""
    if "steps_per_epoch" not in names:
        return (_Variable(name="lag", first=0),), {"lag": {"lag": 1}}
    if "position" in names:
        last = any(c.special_last_position for c, _ in entry.scheme.noise)
        return (
            (_Variable(name="position", first=1), _Variable(name="M - position", first=int(last))),
            {"steps_per_epoch": {"position": 1, "M - position": 1}, "position": {"position": 1}},
        )
    if entry.quantity.endswith("beyond"):
        return (
            (_Variable(name="M", first=2), _Variable(name="lag - M", first=0)),
            {"steps_per_epoch": {"M": 1}, "lag": {"M": 1, "lag - M": 1}},
        )
    if "lag" in names:
        first = int(entry.quantity == "noise-autocovariance")
        return (
            (_Variable(name="lag", first=first), _Variable(name="M - lag", first=first)),
            {"steps_per_epoch": {"lag": 1, "M - lag": 1}, "lag": {"lag": 1}},
        )
    return (_Variable(name="M", first=2),), {"steps_per_epoch": {"M": 1}}

"""Which whole numbers to try: as many consecutive ones as the recurrence asks, within reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.numbers import NotRational
from validation.evidence.subjects.additive_noise.recurrence import recurrence_order
from validation.evidence.subjects.protocol import Plan

__all__ = ["whole_numbers"]

#: exact arithmetic over an epoch of M steps costs about M cubed: at most so many M where that is all
#: that is asked, and so many where it is a share
_MOST_STEPS, _SHARE_OF_STEPS = 45, 24
#: of each of two whole numbers: where that is all that is asked, and where it is a share
_MOST_OF_TWO, _SHARE_OF_TWO = 16, 8
#: an epoch of one step is full-batch descent
_LEAST_STEPS = 2


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
    try:
        needed = {v.name: recurrence_order(entry, formula, v.name, forms) for v in variables}
    except NotRational:
        needed = {}
    if len(variables) == 1:
        most = _MOST_STEPS if max(needed.values(), default=99) <= _MOST_STEPS else _SHARE_OF_STEPS
    else:
        few = bool(needed) and max(needed.values()) <= _MOST_OF_TWO
        most = _MOST_OF_TWO if few else _SHARE_OF_TWO
    lengths = {v.name: min(needed.get(v.name, most), most) for v in variables}
    whole = bool(needed) and lengths == needed
    cases = _cases(variables, forms, lengths)
    asked = " and ".join(f"{k} of {n}" for n, k in needed.items()) or "an unknown number"
    tried = " and ".join(f"{k} of {n}" for n, k in lengths.items())
    reason = (
        f"tried for {tried}, as many as the recurrence of the difference asks, hence for all" if whole
        else f"tried for {tried}; the recurrence of the difference asks for {asked}"
    )
    largest = max(case["steps_per_epoch"] for case in cases)
    return Plan(cases=cases, reason=reason, figures={
        "largest_M": largest, "recurrence_order": asked, "covered": tried,
        "for_all_whole_numbers": "true" if whole else "false",
    })


def _cases(
    variables: tuple[_Variable, ...], forms: Mapping[str, Mapping[str, int]], lengths: Mapping[str, int]
) -> tuple[Mapping[str, int], ...]:
    """Consecutive values of one whole number for each of consecutive values of the other.

    Where both add up to M the first small M fall away; as many more of the first one make up for it.
    """
    first, *second = variables
    if not second:
        return tuple(
            _wholes(forms, {first.name: first.first + k}) for k in range(lengths[first.name])
        )
    (other,) = second
    both = forms["steps_per_epoch"].keys() >= {first.name, other.name}
    extra = max(0, _LEAST_STEPS - first.first - other.first) if both else 0
    cases: list[Mapping[str, int]] = []
    for value in range(first.first, first.first + lengths[first.name] + extra):
        start = max(other.first, _LEAST_STEPS - value) if both else other.first
        cases += [
            _wholes(forms, {first.name: value, other.name: start + k}) for k in range(lengths[other.name])
        ]
    return tuple(cases)


def _wholes(forms: Mapping[str, Mapping[str, int]], at: Mapping[str, int]) -> dict[str, int]:
    """M, lag and position at values of the variables."""
    wholes = {name: sum(c * at[v] for v, c in form.items()) for name, form in forms.items()}
    return {"steps_per_epoch": 1, **wholes}


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

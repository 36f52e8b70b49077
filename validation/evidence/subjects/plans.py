"""Which whole numbers to try, counted: ready-made plans for subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from theory.formula import Formula
from validation.evidence.numbers import NotRational
from validation.evidence.subjects.protocol import Plan
from validation.evidence.support import Support, count, formula_support

__all__ = ["consecutive", "listed", "without_wholes"]

_MOST = 45


def without_wholes() -> Plan:
    """For a formula in real numbers alone: three points."""
    return Plan(cases=({}, {}, {}), reason="no whole number in it")


def listed(cases: Sequence[Mapping[str, int]], reason: str, covered: str, asked: str) -> Plan:
    """A few cases where a proof for all whole numbers is out of reach: ``covered``, of ``asked``."""
    return Plan(cases=tuple(cases), reason=reason, figures={
        "covered": covered, "recurrence_order": asked, "for_all_whole_numbers": "false",
    })


def consecutive(
    name: str, first: int, formula: Formula, truth: Callable[[], Support] | None, most: int = _MOST,
    others: Mapping[str, int] | None = None,
) -> Plan:
    r"""Consecutive values of one whole number n, as many as the recurrence of the difference asks.

    ``truth`` gives the terms :math:`n^a\rho^n` that the quantity may have
    (:mod:`validation.evidence.support`); None where they are not known.
    """
    try:
        needed = None if truth is None else count((formula_support(formula, {name: 1}) - truth()).top)
    except NotRational:
        needed = None
    length = most if needed is None else min(needed, most)
    cases = tuple({**(others or {}), name: first + k} for k in range(length))
    tried = f"{length} of {name}"
    asked = "an unknown number" if needed is None else f"{needed} of {name}"
    whole = needed is not None and needed <= most
    reason = (
        f"tried for {tried}, as many as the recurrence of the difference asks, hence for all" if whole
        else f"tried for {tried}; the recurrence of the difference asks for {asked}"
    )
    return Plan(cases=cases, reason=reason, figures={
        "recurrence_order": asked, "covered": tried, "for_all_whole_numbers": str(whole).lower(),
    })

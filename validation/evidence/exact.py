r"""Rung 2: equal, as rational numbers, to the exact solver inside the condition; nothing outside.

**Identity.** For every choice of the whole numbers (M, and a lag or position) in a grid, formula and
solver are compared at a random rational point. If they differed for those whole numbers, the
numerator of their difference would be a polynomial of degree d (:mod:`validation.evidence.degree`)
that is not zero; it vanishes at a point of a grid of T values per parameter with probability at most
d/T (Schwartz and Zippel). How far the whole numbers must go is the order of the linear recurrence in
them (:mod:`validation.evidence.subjects.additive_noise.recurrence`).

**Condition.** On both sides of every boundary, at a relative distance of :math:`2^{-40}` and on it,
the formula must claim to hold exactly where the quantity exists.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.boundary import Boundary, compare_conditions
from validation.evidence.claimed import claimed
from validation.evidence.degree import difference_degree
from validation.evidence.numbers import rational_value
from validation.evidence.points import GRID, parameters_of, shown
from validation.evidence.result import Figure, RungResult, failed, judged
from validation.evidence.subjects import subject_of

__all__ = ["check"]


def check(entry: Entry, formula: Formula) -> RungResult:
    """Compare with exact rational numbers, inside the condition and around it."""
    rng = random.Random(f"exact/{entry.slug}")
    names = parameters_of(entry, formula)
    subject = subject_of(entry)
    plan = subject.wholes(entry, formula)
    count, degree = 0, 0
    for wholes in plan.cases:
        point = subject.point(entry, names, wholes, rng)
        own = {s.name: point[s.name] for s in formula.parameters}
        if not claimed(formula, own):
            continue
        truth, value = subject.exact(entry, point), rational_value(formula, own)
        if value != truth:
            return failed(
                entry.slug, "exact", f"{_in_words(value)} instead of {_in_words(truth)} at {shown(own)}",
                points=count,
            )
        degree = max(degree, difference_degree(entry, formula, point))
        count += 1
    if count == 0:
        return judged(entry.slug, "exact", 0, "")
    border = compare_conditions(entry, formula, random.Random(f"border/{entry.slug}"))
    if border.mistake:
        return failed(entry.slug, "exact", border.mistake, points=count)
    return judged(
        entry.slug, "exact", count, f"equal rational numbers; {plan.reason}",
        **_figures(plan.figures, degree, border),
    )


def _figures(plan: Mapping[str, Figure], degree: int, border: Boundary) -> dict[str, Figure]:
    # where fewer whole numbers were tried than the recurrence asks, the bound holds for those alone
    partial = plan.get("for_all_whole_numbers") == "false"
    bound = "survives_at_each_tried" if partial else "false_identity_survives"
    return {
        **plan, "degree": degree, bound: degree / GRID, "inside": border.inside, "outside": border.outside,
    }


def _in_words(value: Any) -> str:
    """A rational number in six digits, for a message."""
    return f"{float(int(value.p) / int(value.q)):.6g}" if int(value.q) else "infinity"

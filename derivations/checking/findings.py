"""What was found, in words and as data: one function per kind of finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from derivations.checking.candidate import Candidate
from derivations.checking.compare import Comparison, plain_text
from derivations.checking.error_map import error_map
from derivations.checking.factors import is_product_of_atoms, is_term, meanings
from derivations.checking.limits import LimitFinding
from derivations.checking.report import Finding
from derivations.checking.target import Target
from theory.errors import TheoryError
from theory.units import unit_of

__all__ = [
    "different", "equivalent", "equivalent_under", "factor_finding", "has_unit", "limit_finding",
    "outside", "perhaps_meant", "ratio_in_limit", "term_finding", "unproved",
]

PROVED = "proved: the difference is the zero polynomial in two independent polynomial engines"
_LONGEST_ERROR = 240


def equivalent(*, everywhere: bool | None) -> Finding:
    """``everywhere``: proved inside the condition; None where no region is claimed."""
    note = {
        None: "",
        True: "; the claimed region lies inside the region where the quantity exists",
        False: "; no point of the claimed region was found where the quantity does not exist",
    }[everywhere]
    return Finding(verdict="equivalent", summary=f"the claim equals the formula{note}", evidence=PROVED)


def outside(point: Mapping[str, Any], why: str, condition: sp.Basic) -> Finding:
    """Right where the quantity exists, but claimed at a point where it does not."""
    where = ", ".join(f"{name} = {value}" for name, value in point.items())
    return Finding(
        verdict="outside",
        summary=f"right where the quantity exists, but claimed on a larger region: at {where} {why}",
        evidence=f"exact rational arithmetic at that point; the formula holds if {condition}",
        data={"point": {k: str(v) for k, v in point.items()}},
    )


def equivalent_under(candidate: Candidate) -> Finding:
    return Finding(
        verdict="equivalent-under", summary=f"right {candidate.summary}",
        evidence=f"{PROVED}, after this {candidate.kind}", data={"kind": candidate.kind},
    )


def perhaps_meant(candidate: Candidate) -> Finding:
    """What a wrong claim was perhaps meant to be: for the diagnosis, never a verdict of its own."""
    return Finding(
        verdict="different", summary=f"perhaps meant: {candidate.summary}",
        evidence=f"{PROVED}, after this change", data={"kind": "explanation"},
    )


def unproved(comparison: Comparison) -> Finding:
    return Finding(
        verdict="undecided",
        summary="claim and formula agree at every point that was tried, but no proof was found: "
        f"{comparison.why_not}",
        evidence="agreement at points proves nothing",
        data={"tried": ["proof in the field of rational functions", "renamings", "conventions"]},
    )


def different(comparison: Comparison) -> Finding:
    if comparison.witness is None:
        return Finding(
            verdict="undecided", summary="no point was found where the two can be compared: the claim is "
            f"undefined wherever the formula holds, or {comparison.why_not}",
            evidence="evaluation at rational points", data={"tried": ["proof", "evaluation"]},
        )
    return Finding(
        verdict="different", summary="a different formula: no convention, factor or single term explains "
        "it, and no limit of the learning rate, of M or of N",
        evidence="exact values at the witness point",
    )


def factor_finding(comparison: Comparison) -> Finding | None:
    """The claim is the formula times a recognisable product."""
    ratio = comparison.ratio
    if ratio is None or not is_product_of_atoms(ratio):
        return None
    usual = meanings(ratio)
    return Finding(
        verdict="wrong-by-factor",
        summary=f"the claim is the formula times {plain_text(ratio.expression)}"
        + (f" ({'; '.join(usual[:2])})" if usual else "") + _unit_text(comparison),
        evidence="proved: the ratio of claim and formula, cancelled and factored exactly",
        data={"factor": str(ratio.expression), "meaning": list(usual)},
    )


def term_finding(comparison: Comparison) -> Finding | None:
    """The claim is the formula plus or minus one recognisable term."""
    gap, claim, truth = comparison.difference, comparison.claim, comparison.target.truth
    if gap is None or not is_term(gap) or claim == 0:
        return None
    if comparison.ratio is not None and is_product_of_atoms(comparison.ratio) and not (
        claim.is_Add or truth.is_Add
    ):
        return None  # two products differ by a factor
    extra = gap.expression
    terms = sp.Add.make_args(claim)
    own = {sp.cancel(t) for t in terms} if len(terms) < 20 else set()
    kind = "extra" if sp.cancel(extra) in own else "missing"
    term = extra if kind == "extra" else -extra
    return Finding(
        verdict="missing-or-extra-term",
        summary=f"the claim has {'an extra' if kind == 'extra' else 'lost the'} term "
        f"{plain_text(term)}" + _unit_text(comparison),
        evidence="proved: the difference of claim and formula, cancelled and factored exactly",
        data={"kind": kind, "term": str(term)},
    )


def has_unit(expression: sp.Expr, target: Target) -> bool:
    """Whether the expression is homogeneous and has the quantity's unit."""
    try:
        return tuple(unit_of(expression, {})) == tuple(target.unit)
    except (TheoryError, KeyError):
        return False


def _unit_text(comparison: Comparison) -> str:
    good = has_unit(comparison.claim, comparison.target)
    return "" if good else "; its unit is not that of the quantity"


def limit_finding(found: LimitFinding, comparison: Comparison) -> Finding:
    """The claim tends to the formula: how fast, and where it is good enough."""
    error = "" if found.leading_error is None else plain_text(found.leading_error)
    summary = f"right in the limit {found.text}"
    if error:
        summary += "; its relative error there is " + (
            error if len(error) <= _LONGEST_ERROR else "long (see leading_relative_error)"
        ) + " to leading order"
    drawn = error_map(comparison.claim, comparison.target, found)
    text = drawn.get("text", "")
    return Finding(
        verdict="equivalent-in-limit", summary=summary + (f" ({text})" if text else ""),
        evidence="derived: exact expansion of the ratio of claim and formula",
        data={
            "limit": found.limit, "order": None if found.order is None else str(found.order),
            "leading_relative_error": None if found.leading_error is None else str(found.leading_error),
            "map": drawn,
        },
    )


def ratio_in_limit(found: LimitFinding) -> Finding:
    """In this limit the claim is wrong by a factor that is not 1."""
    return Finding(
        verdict="different", summary=f"the ratio of claim and formula tends to "
        f"{plain_text(found.ratio)} in the limit {found.text}",
        evidence="derived: exact expansion of the ratio of claim and formula",
        data={"kind": "limit", "limit": found.limit, "ratio": str(found.ratio)},
    )

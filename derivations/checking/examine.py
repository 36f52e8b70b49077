"""The order in which a claim is looked at, and the report that follows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import sympy as sp

from derivations.checking.candidate import Candidate
from derivations.checking.compare import Comparison, plain_text, quick_test
from derivations.checking.conventions import conventions, explanations
from derivations.checking.error_map import error_map
from derivations.checking.factors import is_product_of_atoms, is_term, meanings
from derivations.checking.habits import habits_of, letter_of
from derivations.checking.limits import LimitFinding, find_limits
from derivations.checking.regions import outside_point, why_outside
from derivations.checking.renaming import renamings
from derivations.checking.report import ClaimReport, Finding, VerdictName
from derivations.checking.target import Target
from derivations.checking.within import Progress, SoFar
from derivations.factored import Factored
from theory.errors import TheoryError, UnknownNameError
from theory.units import unit_of

__all__ = ["Case", "examine"]

_PROVED = "proved: the difference is the zero polynomial in two independent polynomial engines"
_MOST_EXPLANATIONS = 4
_MOST_READINGS = 8
_LONGEST_ERROR = 240


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A claim that has been read.

    Attributes
    ----------
    text
        As it was written.
    expression
        In the project's symbols, and those of ``unknown``.
    unknown
        Names that are not declared.
    unknown_message
        What to say if no renaming explains them.
    region
        Where it is claimed to hold; ``true`` where nothing is said.
    limit
        A limit the claim declares; empty for none.
    seconds
        How long it may take.
    """

    text: str
    expression: sp.Expr
    target: Target
    unknown: tuple[sp.Symbol, ...] = ()
    unknown_message: str = ""
    region: sp.Basic = sp.true
    limit: str = ""
    seconds: float = 30.0


def examine(case: Case) -> Iterator[Progress]:
    """What is being tried, in words; then the report.

    Raises
    ------
    UnknownNameError
        If undeclared names remain that no renaming explains.
    """
    started = time.monotonic()
    if case.unknown:
        yield "renaming of undeclared symbols"
        explained = _explained(case.expression, renamings(case.expression, case.unknown, case.target),
                               case.target)
        if not explained:
            yield from _under_best_renaming(case, started)
            return
        yield _report(case, explained, started)
        return
    comparison = Comparison(claim=case.expression, target=case.target)
    yield "proof of equality in the field of rational functions"
    if comparison.proved:
        yield _report(case, _equal(case), started, witness=_outside_witness(case))
        return
    yield from _not_equal(case, comparison, started)


def _equal(case: Case) -> list[Finding]:
    """It is right; is it claimed on too large a region?"""
    equal = Finding(verdict="equivalent", summary="the claim equals the formula", evidence=_PROVED)
    if case.region == sp.true:
        return [equal]
    point = outside_point(case.region, case.target)
    if point is None:
        return [replace(equal, summary="the claim equals the formula; no point of the claimed region was "
                        "found where the quantity does not exist")]
    where = ", ".join(f"{name} = {value}" for name, value in point.items())
    outside = Finding(
        verdict="outside",
        summary="right where the quantity exists, but claimed on a larger region: at "
        f"{where} {why_outside(point, case.target)}",
        evidence="exact rational arithmetic at that point; the formula holds if "
        f"{case.target.formula.valid_if}",
        data={"point": {k: str(v) for k, v in point.items()}},
    )
    return [outside, equal]


def _outside_witness(case: Case) -> dict[str, Any] | None:
    if case.region == sp.true:
        return None
    point = outside_point(case.region, case.target)
    if point is None:
        return None
    return {"point": {k: str(v) for k, v in point.items()}, "claim": None, "formula": None,
            "exact": None, "exact_by": why_outside(point, case.target), "relative_difference": None}


def _explained(
    claim: sp.Expr, candidates: Iterator[Candidate], target: Target
) -> list[Finding]:
    """The rewritings under which the claim is proved right."""
    found: list[Finding] = []
    for candidate in candidates:
        if not quick_test(candidate.expression, target):
            continue
        if not Comparison(claim=candidate.expression, target=target, sides=candidate.proof).proved:
            continue
        found.append(Finding(
            verdict="equivalent-under", summary=f"right {candidate.summary}",
            evidence=f"{_PROVED}, after this {candidate.kind}", data={"kind": candidate.kind},
        ))
        if len(found) == _MOST_EXPLANATIONS:
            break
    return found


def _under_best_renaming(case: Case, started: float) -> Iterator[Progress]:
    """No renaming makes it right: judge it under the most plausible one that has the right unit.

    Only letters that the field uses get such a meaning; other undeclared names are an error.
    """
    if not all(habits_of(letter_of(symbol)) for symbol in case.unknown):
        raise UnknownNameError(case.unknown_message)
    candidates = [
        c for c in islice(renamings(case.expression, case.unknown, case.target), _MOST_READINGS)
        if not c.expression.free_symbols & set(case.unknown) and _has_unit(c.expression, case.target)
    ]
    if not candidates:
        raise UnknownNameError(case.unknown_message)
    best = min(candidates, key=lambda c: _strangeness(c, case.target))
    yield f"the claim read {best.summary}"
    renamed = replace(case, expression=best.expression, unknown=())
    comparison = Comparison(claim=renamed.expression, target=case.target)
    for item in _not_equal(renamed, comparison, started):
        if not isinstance(item, ClaimReport):
            yield item
        elif item.verdict in _EXPLAINED:
            note = Finding(verdict=item.verdict, summary=f"read {best.summary}",
                           evidence="the most plausible renaming of the right unit")
            yield replace(item, diagnosis=(*item.diagnosis, note))
            return
    raise UnknownNameError(case.unknown_message)


def _strangeness(candidate: Candidate, target: Target) -> int:
    """How long the ratio to the formula is under this reading."""
    ratio = Comparison(claim=candidate.expression, target=target).ratio
    return 1000 if ratio is None else sum(abs(e) * len(sp.Add.make_args(f)) for f, e in ratio.factors)


_EXPLAINED: tuple[VerdictName, ...] = (
    "equivalent-under", "wrong-by-factor", "missing-or-extra-term", "equivalent-in-limit",
)


def _has_unit(expression: sp.Expr, target: Target) -> bool:
    try:
        return tuple(unit_of(expression, {})) == tuple(target.unit)
    except (TheoryError, KeyError):
        return False


def _not_equal(case: Case, comparison: Comparison, started: float) -> Iterator[Progress]:
    """All that holds of a claim that is not the formula."""
    target = case.target
    if quick_test(case.expression, target):
        yield _report(case, [_unproved(comparison)], started)
        return
    yield "renamings"
    findings = _explained(case.expression, renamings(case.expression, (), target), target)
    yield "conventions"
    findings += _explained(case.expression, conventions(case.expression, target), target)
    notes = _explained(case.expression, explanations(case.expression, target), target)
    yield "ratio to the formula"
    factor = _factor_finding(comparison.ratio, case)
    yield "difference from the formula"
    term = _term_finding(comparison, case)
    unlike = [f for f in (factor, term) if f is not None]
    if findings or unlike:
        yield SoFar(report=_report(case, [*findings, *unlike], started, witness=comparison.witness))
    yield "limits"
    found = find_limits(case.expression, target, declared=case.limit, seconds=case.seconds / 3)
    declared = _declared(found, case.limit)
    limits = [f for f in found if f.ratio == 1]
    counted = [f for f in limits if f.in_scope or f in declared]
    findings += [_limit_finding(f, case) for f in counted]
    findings += unlike
    if not findings:
        findings.append(_different(comparison))
    findings += notes
    findings += [_limit_finding(f, case) for f in limits if f not in counted]
    findings += [_ratio_in_limit(f) for f in found if f not in limits]
    yield _report(case, findings, started, witness=comparison.witness)


def _declared(found: Sequence[LimitFinding], limit: str) -> tuple[LimitFinding, ...]:
    """``find_limits`` lists the declared limit first."""
    return tuple(found[:1]) if limit.strip() and found else ()


def _unproved(comparison: Comparison) -> Finding:
    return Finding(
        verdict="undecided",
        summary="the claim and the formula agree to 35 digits at two random rational points, but no "
        f"proof was found: {comparison.why_not}",
        evidence="agreement at points proves nothing",
        data={"tried": ["proof in the field of rational functions"]},
    )


def _different(comparison: Comparison) -> Finding:
    if comparison.witness is None:
        return Finding(
            verdict="undecided", summary="no point was found where the two can be compared: the claim is "
            "undefined wherever the formula holds, or " + comparison.why_not,
            evidence="evaluation at rational points", data={"tried": ["proof", "evaluation"]},
        )
    return Finding(
        verdict="different", summary="a different formula: no convention, limit, factor or single term "
        "explains it", evidence="exact values at the witness point",
    )


def _factor_finding(ratio: Factored | None, case: Case) -> Finding | None:
    if ratio is None or not is_product_of_atoms(ratio):
        return None
    usual = meanings(ratio)
    unit = _unit_text(case)
    return Finding(
        verdict="wrong-by-factor",
        summary=f"the claim is the formula times {plain_text(ratio.expression)}"
        + (f" ({'; '.join(usual[:2])})" if usual else "") + unit,
        evidence="proved: the ratio of claim and formula, cancelled and factored exactly",
        data={"factor": str(ratio.expression), "meaning": list(usual)},
    )


def _unit_text(case: Case) -> str:
    return "" if _has_unit(case.expression, case.target) else "; its unit is not that of the quantity"


def _term_finding(comparison: Comparison, case: Case) -> Finding | None:
    gap = comparison.difference
    if gap is None or not is_term(gap):
        return None
    if comparison.ratio is not None and is_product_of_atoms(comparison.ratio) and not (
        case.expression.is_Add or case.target.truth.is_Add
    ):
        return None  # two products differ by a factor
    extra = gap.expression
    own = {sp.cancel(t) for t in sp.Add.make_args(case.expression)} if len(
        sp.Add.make_args(case.expression)) < 20 else set()
    kind = "extra" if sp.cancel(extra) in own else "missing"
    term = extra if kind == "extra" else -extra
    return Finding(
        verdict="missing-or-extra-term",
        summary=f"the claim has {'an extra' if kind == 'extra' else 'lost the'} term "
        f"{plain_text(term)}" + _unit_text(case),
        evidence="proved: the difference of claim and formula, cancelled and factored exactly",
        data={"kind": kind, "term": str(term)},
    )


def _limit_finding(found: LimitFinding, case: Case) -> Finding:
    """The claim tends to the formula: how fast, and where it is good enough."""
    error = "" if found.leading_error is None else plain_text(found.leading_error)
    summary = f"right in the limit {found.limit}"
    if error:
        summary += "; its relative error there is " + (
            error if len(error) <= _LONGEST_ERROR else "long (see leading_relative_error)"
        ) + " to leading order"
    data: dict[str, Any] = {
        "limit": found.limit, "order": None if found.order is None else str(found.order),
        "leading_relative_error": None if found.leading_error is None else str(found.leading_error),
        "map": error_map(case.expression, case.target, found),
    }
    text = data["map"].get("text", "")
    return Finding(
        verdict="equivalent-in-limit", summary=summary + (f" ({text})" if text else ""),
        evidence="derived: exact expansion of the ratio of claim and formula", data=data,
    )


def _ratio_in_limit(found: LimitFinding) -> Finding:
    return Finding(
        verdict="different", summary=f"the ratio of claim and formula tends to "
        f"{plain_text(found.ratio)} in the limit {found.limit}",
        evidence="derived: exact expansion of the ratio of claim and formula",
        data={"limit": found.limit, "ratio": str(found.ratio)},
    )


def _report(
    case: Case, findings: Sequence[Finding], started: float, witness: dict[str, Any] | None = None
) -> ClaimReport:
    return ClaimReport(
        claim=case.text, against=case.target.name, verdict=findings[0].verdict,
        diagnosis=tuple(findings), evidence=findings[0].evidence, witness=witness,
        seconds=time.monotonic() - started,
    )

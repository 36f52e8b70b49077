"""The order in which a claim is looked at, and the report that follows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import sympy as sp

from derivations.checking import findings as found
from derivations.checking.candidate import Candidate
from derivations.checking.compare import Comparison, quick_test
from derivations.checking.conventions import conventions, explanations
from derivations.checking.habits import habits_of, letter_of
from derivations.checking.implication import implied
from derivations.checking.limits import DeclaredLimit, Findings, declared_status, find_limits
from derivations.checking.regions import outside_point, why_outside
from derivations.checking.renaming import renamings
from derivations.checking.report import ClaimReport, Finding, VerdictName
from derivations.checking.target import Target
from derivations.checking.within import Progress, SoFar
from theory.errors import UnknownNameError

__all__ = ["Case", "examine"]

_MOST_EXPLANATIONS = 4
_MOST_READINGS = 8


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
    fixed
        Symbols whose meaning the author stated: never read as anything else.
    region
        Where it is claimed to hold; ``true`` where nothing is said.
    limit
        The limit that the claim declares, if any.
    seconds
        How long it may take.
    """

    text: str
    expression: sp.Expr
    target: Target
    unknown: tuple[sp.Symbol, ...] = ()
    unknown_message: str = ""
    fixed: frozenset[sp.Symbol] = frozenset()
    region: sp.Basic = sp.true
    limit: DeclaredLimit = field(default_factory=lambda: DeclaredLimit(()))
    seconds: float = 30.0


def examine(case: Case) -> Iterator[Progress]:
    """What is being tried, in words; what is known so far; then the report.

    Raises
    ------
    UnknownNameError
        If undeclared names remain that no renaming explains.
    """
    started = time.monotonic()
    if not case.unknown:
        yield from _examined(case, started)
        return
    yield "renaming of undeclared symbols"
    readings = renamings(case.expression, case.unknown, case.target, case.fixed)
    explained = _explained(case, readings)
    if explained:
        yield _report(case, explained, started)
        return
    yield from _under_simplest_reading(case, started)


def _examined(case: Case, started: float) -> Iterator[Progress]:
    """A claim in declared symbols."""
    comparison = Comparison(claim=case.expression, target=case.target, region=case.region)
    yield "proof of equality in the field of rational functions"
    if not comparison.proved:
        yield from _not_equal(case, comparison, started)
        return
    beyond = _beyond(case.region, case.target)
    inside = None if case.region == sp.true else implied(case.target.formula.valid_if, case.region)
    equal = found.equivalent(everywhere=inside)
    yield _report(case, [equal] if beyond is None else [beyond, equal], started)


def _beyond(region: sp.Basic, target: Target) -> Finding | None:
    """Whether a right claim is made where the quantity does not exist."""
    stated = [part for part in sp.And.make_args(region) if not isinstance(part, sp.Eq) and part != sp.true]
    point = outside_point(region, target) if stated else None  # momentum = 0 alone is a special case
    if point is None:
        return None
    return found.outside(point, why_outside(point, target), target.formula.valid_if)


def _explained(case: Case, candidates: Iterator[Candidate]) -> list[Finding]:
    """The rewritings under which the claim is proved right, on the region translated alike."""
    findings: list[Finding] = []
    beyond: Finding | None = None
    for candidate in candidates:
        region = candidate.translated(case.region) if case.region != sp.true else sp.true
        if not quick_test(candidate.expression, case.target, region):
            continue
        comparison = Comparison(
            claim=candidate.expression, target=case.target, region=region, sides=candidate.proof
        )
        if not comparison.proved:
            continue
        if not findings:
            beyond = _beyond(region, case.target)
        findings.append(found.equivalent_under(candidate))
        if len(findings) == _MOST_EXPLANATIONS:
            break
    return findings if beyond is None else [beyond, *findings]


_JUDGED: tuple[VerdictName, ...] = (
    "equivalent-under", "wrong-by-factor", "missing-or-extra-term", "equivalent-in-limit",
)


def _under_simplest_reading(case: Case, started: float) -> Iterator[Progress]:
    """No renaming makes it right: judge it under the simplest one that has the right unit.

    Only letters that the field uses get such a meaning; other undeclared names are an error.
    """
    if not all(habits_of(letter_of(symbol)) for symbol in case.unknown):
        raise UnknownNameError(case.unknown_message)
    readings = renamings(case.expression, case.unknown, case.target, case.fixed)
    candidates = [
        c for c in islice(readings, _MOST_READINGS)
        if not c.expression.free_symbols & set(case.unknown) and found.has_unit(c.expression, case.target)
    ]
    if not candidates:
        raise UnknownNameError(case.unknown_message)
    ordered = sorted(candidates, key=lambda c: _strangeness(c, case.target))
    best = ordered[0]
    for candidate in ordered:  # a convention may explain what no letter alone does
        renamed = _renamed(case, candidate)
        explained = _explained(renamed, conventions(renamed.expression, case.target, case.fixed))
        if explained:
            yield _report(case, [_read_as(candidate, explained[0]), *explained[1:]], started)
            return
    yield f"the claim read {best.summary}"
    renamed = _renamed(case, best)
    comparison = Comparison(claim=renamed.expression, target=case.target, region=renamed.region)
    for item in _not_equal(renamed, comparison, started):
        if not isinstance(item, ClaimReport):
            yield item
        elif item.verdict in _JUDGED:
            first, *rest = item.diagnosis
            yield replace(item, diagnosis=(_read_as(best, first), *rest))
            return
    raise UnknownNameError(case.unknown_message)


def _renamed(case: Case, candidate: Candidate) -> Case:
    region = candidate.translated(case.region) if case.region != sp.true else sp.true
    return replace(case, expression=candidate.expression, unknown=(), region=region)


def _read_as(candidate: Candidate, finding: Finding) -> Finding:
    return replace(
        finding, summary=f"read {candidate.summary}: {finding.summary}",
        data={**finding.data, "read": candidate.summary},
    )


def _strangeness(candidate: Candidate, target: Target) -> int:
    """How long the ratio to the formula is under this reading."""
    ratio = Comparison(claim=candidate.expression, target=target).ratio
    return 1000 if ratio is None else sum(abs(e) * len(sp.Add.make_args(f)) for f, e in ratio.factors)


def _not_equal(case: Case, comparison: Comparison, started: float) -> Iterator[Progress]:
    """All that holds of a claim that is not the formula."""
    target = case.target
    yield "renamings"
    findings = _explained(case, renamings(case.expression, (), target, case.fixed))
    yield "conventions"
    findings += _explained(case, conventions(case.expression, target, case.fixed))
    if not findings and comparison.witness is None and quick_test(case.expression, target, case.region):
        yield _report(case, [found.unproved(comparison)], started)
        return
    notes = _meant(case)
    yield "ratio to the formula"
    factor = found.factor_finding(comparison)
    yield "difference from the formula"
    unlike = [f for f in (factor, found.term_finding(comparison)) if f is not None]
    if findings or unlike:
        yield SoFar(report=_report(case, [*findings, *unlike, *notes], started, comparison.witness))
    yield "limits"
    limits = find_limits(case.expression, target, declared=case.limit, seconds=case.seconds / 3)
    holding = [f for f in limits if f.ratio == 1]
    counted = [f for f in holding if f.in_scope or f.declared]
    findings += [found.limit_finding(f, comparison) for f in counted]
    findings += unlike
    if not findings:
        findings.append(found.different(comparison))
    findings[0] = _with_declared_limit(findings[0], case.limit, limits)
    findings += notes
    findings += [found.limit_finding(f, comparison) for f in holding if f not in counted]
    findings += [found.ratio_in_limit(f) for f in limits if f not in holding]
    yield _report(case, findings, started, comparison.witness)


def _meant(case: Case) -> list[Finding]:
    """What a wrong claim was perhaps meant to be."""
    notes = []
    for candidate in explanations(case.expression, case.target):
        if quick_test(candidate.expression, case.target, case.region) and Comparison(
            claim=candidate.expression, target=case.target, region=case.region, sides=candidate.proof
        ).proved:
            notes.append(found.perhaps_meant(candidate))
    return notes[:_MOST_EXPLANATIONS]


def _with_declared_limit(first: Finding, limit: DeclaredLimit, limits: Findings) -> Finding:
    """A declared limit that fails, or could not be taken, is said first."""
    status = declared_status(limits, limit)
    if status in ("", "holds"):
        return first
    note = f"the declared limit {limit.text} does not make it right ({status})"
    return replace(first, summary=f"{first.summary}; {note}", data={**first.data, "declared_limit": note})


def _report(
    case: Case, findings: Sequence[Finding], started: float, witness: dict[str, Any] | None = None
) -> ClaimReport:
    first = findings[0]
    if first.verdict == "outside":
        witness = {
            "point": first.data["point"], "claim": None, "formula": None, "exact": None,
            "exact_by": first.summary, "relative_difference": None,
        }
    return ClaimReport(
        claim=case.text, against=case.target.name, verdict=first.verdict, diagnosis=tuple(findings),
        evidence=first.evidence, witness=witness, seconds=time.monotonic() - started,
    )

"""Check a claim: read it, prove it, or say what is wrong with it."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from difflib import get_close_matches

import sympy as sp

from derivations.checking.branches import without_branches
from derivations.checking.examine import Case, examine
from derivations.checking.limits import DeclaredLimit, read_limit
from derivations.checking.regions import require_consistent
from derivations.checking.report import ClaimReport, Finding
from derivations.checking.target import Target, target_by_slug
from derivations.checking.within import run_within
from theory.errors import TheoryError, UnknownNameError
from theory.reading import (
    DEFAULT_NOTATION,
    Notation,
    Reading,
    ReadingError,
    left_quantity,
    read_condition,
    read_latex,
    read_text,
    unknown_names_message,
)
from theory.symbols import PARAMETERS, curvature

__all__ = ["check_claim", "require_seconds"]

_MOST_SECONDS = 600.0


def check_claim(
    claim: str, against: str | Target, *, latex: bool = False, notation: Notation = DEFAULT_NOTATION,
    where: str = "", limit: str = "", seconds: float = 30.0,
) -> ClaimReport:
    r"""Is this formula right, where, and if not, what is wrong with it?

    Parameters
    ----------
    claim
        A formula or an equation, in text or LaTeX, with definitions if it needs them:
        ``"eta*c/(2*lambda)"``. Never evaluated as Python.
    against
        A slug of the catalogue, or a :class:`Target` made from any rule, scheme and quantity.
    latex
        The claim is LaTeX.
    notation
        What its letters mean; ``DEFAULT_NOTATION.with_names({"gamma": "learning_rate"})``.
    where
        The region it is claimed on, ``"0 <= beta < 1, eta*lambda < 2*(1+beta)"``; without it, the
        region where the quantity exists.
    limit
        A limit that the claim itself declares, ``"eta -> 0"``.
    seconds
        When to stop, at most 600; what is not decided by then is ``undecided``.

    Returns
    -------
    The verdict, the first that holds of :data:`VERDICTS`, and all that holds. ``equivalent`` is
    only ever said of what two polynomial engines have proved.

    Raises
    ------
    UnknownNameError
        For an unknown slug; for undeclared symbols that no renaming explains.
    TheoryError
        For contradictory assumptions, an unreadable region or limit, or bad ``seconds``.

    Examples
    --------
    >>> from derivations import check_claim
    >>> check_claim("eta*c/(lambda*(2 - eta*lambda))", "white-weight-variance").verdict
    'wrong-by-factor'
    """
    started = time.monotonic()
    require_seconds(seconds)
    target = target_by_slug(against) if isinstance(against, str) else against
    region = read_condition(where, notation) if where.strip() else sp.true
    require_consistent(region)
    declared = read_limit(limit, notation) if limit.strip() else DeclaredLimit(())
    try:
        reading = (read_latex if latex else read_text)(claim, notation)
        case = _case(claim, reading, notation, target, region)
        case = replace(case, limit=declared, seconds=seconds)
    except ReadingError as error:
        return _unreadable(claim, target, error, time.monotonic() - started)
    if target.formula.per_sample:
        return _over_population(claim, target, time.monotonic() - started)
    _require_declared(region, case, notation)
    found = run_within(lambda: examine(case), seconds - (time.monotonic() - started))
    spent = time.monotonic() - started
    if found.report is None and found.so_far is not None:
        late = Finding(verdict="undecided", summary=f"not finished within {seconds:g} s: {found.tried[-1]}",
                       evidence="stopped by the time limit", data={"tried": list(found.tried)})
        return replace(found.so_far, seconds=spent, diagnosis=(*found.so_far.diagnosis, late))
    if found.report is None:
        return _undecided(claim, target, seconds, found.tried, spent)
    return replace(found.report, seconds=spent)


def require_seconds(seconds: float) -> float:
    """Return the time limit.

    Raises
    ------
    TheoryError
        If it is not in (0, 600].
    """
    if not 0 < seconds <= _MOST_SECONDS:
        raise TheoryError(f"seconds = {seconds} must lie in (0, {_MOST_SECONDS:g}]")
    return seconds


def _require_declared(region: sp.Basic, case: Case, notation: Notation) -> None:
    """The region may only speak of declared symbols and of those that the claim leaves undeclared.

    Raises
    ------
    UnknownNameError
        For others; with the nearest declared name.
    """
    declared = {p.symbol for p in PARAMETERS.values()} | set(case.target.parameters) | set(case.unknown)
    strange = sorted(str(s) for s in region.free_symbols - declared)
    if strange:
        near = get_close_matches(strange[0], notation.names, n=1, cutoff=0.5)
        raise UnknownNameError(
            f"the region names {', '.join(strange)}, which neither the notation nor the claim knows"
            + (f": did you mean {near[0]}?" if near else "")
        )


def _case(
    text: str, reading: Reading, notation: Notation, target: Target, region: sp.Basic
) -> Case:
    expression, unknown = reading.expression, reading.unknown
    if reading.equation is not None:
        expression, unknown = _solved(reading, target)
    else:
        _require_same_quantity(left_quantity(reading), reading.left, target)
    inside = sp.And(target.formula.valid_if, region) if region != sp.true else target.formula.valid_if
    return Case(
        text=text, expression=without_branches(expression, inside), target=target, unknown=unknown,
        unknown_message=unknown_names_message(reading, notation) if unknown else "",
        fixed=_stated(text, notation), region=region,
    )


def _stated(text: str, notation: Notation) -> frozenset[sp.Symbol]:
    """Symbols written in full, or declared by the author."""
    full = {p.symbol for n, p in PARAMETERS.items() if re.search(rf"\b{n}\b", text)}
    own = {
        s for name, value in notation.names.items() if DEFAULT_NOTATION.names.get(name) != value
        for s in value.free_symbols
    }
    return frozenset(full | own)


def _require_same_quantity(named: str | None, left: str, target: Target) -> None:
    """A left side that names another quantity than the target's is no proof of anything.

    Raises
    ------
    TheoryError
        If it does.
    """
    base = re.sub(r"-at-(last-)?position$|-beyond$|^flat-|^cross-", "", target.quantity)
    if named is None or named in (target.quantity, base) or (named, base) in _SAME:
        return
    what = "no quantity of a stationary law" if named == "?" else f"the {named.replace('-', ' ')}"
    raise TheoryError(
        f"the left side {left} is {what}, but the claim is checked against {target.name}, the "
        f"{target.quantity.replace('-', ' ')}: choose that quantity with --as or --quantity, or leave out "
        "the left side"
    )


#: averages of squares that may be meant by another name
_SAME = {("weight-variance", "weight-covariance"), ("velocity-variance", "velocity-covariance"),
         ("weight-variance", "weight-autocovariance")}


def _solved(reading: Reading, target: Target) -> tuple[sp.Expr, tuple[sp.Symbol, ...]]:
    """An equation that is linear in one undeclared name of its left side: that is the quantity.

    Raises
    ------
    ReadingError
        If there is no such name.
    TheoryError
        If the name is that of another quantity.
    """
    left, right = reading.equation or (reading.expression, reading.expression)
    for name in (s for s in reading.unknown if left.has(s)):
        gap = left - right
        slope = sp.diff(gap, name)
        if slope != 0 and not slope.has(name):
            rest = tuple(s for s in reading.unknown if s != name)
            quantity = left_quantity(replace(reading, left=name.name, equation=None))
            energy = sp.expand(left - curvature * name / 2) == 0
            if energy and (quantity, target.quantity) == ("weight-variance", "loss-fluctuation"):
                return right, rest
            _require_same_quantity(quantity, name.name, target)
            return -gap.xreplace({name: sp.S.Zero}) / slope, rest
    raise ReadingError(
        f"the left side {reading.left!r} names no quantity that the equation could be solved for",
        text=reading.text, suggestion="write 'V = ...', or the right side alone",
    )


def _unreadable(claim: str, target: Target, error: ReadingError, seconds: float) -> ClaimReport:
    data = {"line": error.line, "column": error.column, "suggestion": error.suggestion}
    finding = Finding(
        verdict="unreadable", summary=str(error), evidence="the reader stopped there", data=data
    )
    return ClaimReport(
        claim=claim, against=target.name, verdict="unreadable", diagnosis=(finding,),
        evidence=finding.evidence, seconds=seconds,
    )


def _over_population(claim: str, target: Target, spent: float) -> ClaimReport:
    """Numbers of single samples have no notation here."""
    names = ", ".join(s.name for s in target.formula.per_sample)
    finding = Finding(
        verdict="undecided", evidence="nothing was compared", data={"tried": []},
        summary=f"{target.name} depends on numbers of every sample ({names}), for which claims have no "
        "notation: evaluate both at a population of your own and compare",
    )
    return ClaimReport(
        claim=claim, against=target.name, verdict="undecided", diagnosis=(finding,),
        evidence=finding.evidence, seconds=spent,
    )


def _undecided(
    claim: str, target: Target, seconds: float, tried: tuple[str, ...], spent: float
) -> ClaimReport:
    summary = f"not decided within {seconds:g} s; tried: {'; '.join(tried) or 'nothing yet'}"
    finding = Finding(verdict="undecided", summary=summary, evidence="stopped by the time limit",
                      data={"tried": list(tried)})
    return ClaimReport(
        claim=claim, against=target.name, verdict="undecided", diagnosis=(finding,),
        evidence=finding.evidence, seconds=spent,
    )

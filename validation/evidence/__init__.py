"""Evidence behind every formula: one row per formula, one column per kind of evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import sympy as sp

from theory.closed_forms import CATALOGUE, Entry
from theory.errors import TheoryError
from theory.evaluate import evaluate
from theory.formula import Formula
from theory.solvers import (
    solve_epoch_lifted,
    solve_lag_sum,
    solve_lyapunov,
    solve_spectral_integral,
)
from theory.units import formula_unit, unit_text
from validation.reference import (
    NotCovered,
    Point,
    Solver,
    reference_spectrum,
    reference_value,
    sample_points,
)

__all__ = ["KINDS", "Cell", "evidence_for", "evidence_table", "exact_value"]

Kind = Literal["proved", "exact", "lyapunov", "lag-sum", "spectral", "evaluated", "unit"]
KINDS: tuple[Kind, ...] = (
    "proved", "exact", "lyapunov", "lag-sum", "spectral", "evaluated", "unit",
)
_FLOATING: tuple[tuple[Kind, Solver], ...] = (
    ("lyapunov", solve_lyapunov),
    ("lag-sum", solve_lag_sum),
    ("spectral", solve_spectral_integral),
)
#: the floating-point solvers lose digits with the condition of the problem; at the moderate points
#: drawn here that leaves at least nine
_FLOAT_TOLERANCE = 1e-9
#: ``evaluate`` promises this
_EVALUATED_TOLERANCE = 1e-15
_LIMIT = "a limit or definition: its derivation states in which sense it is approached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of evidence for one formula.

    Attributes
    ----------
    verdict
        ``pass``, ``fail``, or ``not-applicable`` with a reason.
    points
        How many points (or proof steps) were tested; a check that tested none fails.
    figure
        Worst relative deviation; 0 where equality is exact.
    reason
        In words.
    """

    slug: str
    kind: Kind
    verdict: Literal["pass", "fail", "not-applicable"]
    points: int = 0
    figure: float = 0.0
    reason: str = ""


def evidence_table(
    progress: Callable[[str], None] | None = None, entries: tuple[Entry, ...] = CATALOGUE
) -> tuple[Cell, ...]:
    """All cells of the table, formula by formula."""
    cells: list[Cell] = []
    for entry in entries:
        cells += evidence_for(entry)
        if progress is not None:
            progress(entry.slug)
    return tuple(cells)


def evidence_for(entry: Entry) -> Iterator[Cell]:
    """One row of the table, in the order of :data:`KINDS`."""
    yield _proved(entry)
    yield _compared(entry, "exact", solve_epoch_lifted, 0.0)
    for kind, solver in _FLOATING:
        yield _compared(entry, kind, solver, _FLOAT_TOLERANCE)
    yield _evaluated(entry)
    yield _unit(entry)


def exact_value(formula: Formula, point: Point) -> sp.Expr:
    """The formula at a rational point, exactly; named quantities one by one."""
    table: dict[sp.Symbol, sp.Expr] = {}
    for symbol in formula.parameters:
        value = Fraction(point[symbol.name])
        table[symbol] = sp.Rational(value.numerator, value.denominator)
    for name, value in formula.where:
        table[name] = value.subs(table)
    return formula.compact.subs(table)


def _proved(entry: Entry) -> Cell:
    from derivations import derive

    verdicts = derive(entry.slug, entry.formula).check()
    good = bool(verdicts) and all(verdict.proved for verdict in verdicts)
    return Cell(
        slug=entry.slug, kind="proved", verdict="pass" if good else "fail", points=len(verdicts),
        reason=f"{len(verdicts)} steps, each checked by two polynomial engines",
    )


def _compared(entry: Entry, kind: Kind, solver: Solver, tolerance: float) -> Cell:
    if not entry.exact:
        return Cell(slug=entry.slug, kind=kind, verdict="not-applicable", reason=_LIMIT)
    worst, count = 0.0, 0
    try:
        for point in sample_points(entry):
            if kind == "spectral" and entry.quantity.endswith("spectrum"):
                expected: object = reference_spectrum(entry, point)
            elif kind != "exact" and entry.quantity.startswith("noise"):
                raise NotCovered("exact by enumeration of the epoch; see the column 'exact'")
            else:
                expected = reference_value(entry, point, solver)
            worst = max(worst, _deviation(exact_value(entry.formula, point), expected))
            count += 1
    except NotCovered as missing:
        return Cell(slug=entry.slug, kind=kind, verdict="not-applicable", reason=str(missing))
    return Cell(
        slug=entry.slug, kind=kind, verdict="pass" if count and worst <= tolerance else "fail",
        points=count, figure=worst,
        reason="equal rational numbers" if kind == "exact" else "worst relative deviation",
    )


def _deviation(found: sp.Expr, expected: object) -> float:
    """Relative deviation; exactly 0 for equal rational numbers."""
    if isinstance(expected, Fraction):
        target = sp.Rational(expected.numerator, expected.denominator)
        if found == target:
            return 0.0
    else:
        target = sp.Float(str(expected), 30)
    gap = abs(sp.N(found, 30) - target)
    return float(gap / max(abs(target), sp.Float("1e-300")))


def _evaluated(entry: Entry) -> Cell:
    """``evaluate`` in double precision against SymPy's value at high precision."""
    worst, count = 0.0, 0
    for point in sample_points(entry):
        exact = exact_value(entry.formula, point)
        found = evaluate(entry.formula, point)
        target = sp.N(exact, 40)
        scale = abs(target)
        if entry.formula.scale is not None:
            scale = max(scale, abs(sp.N(exact_value(entry.formula.scale, point), 40)))
        gap = abs(sp.Float(float(found), 40) - target)
        worst = max(worst, float(gap / scale) if scale else float(gap))
        count += 1
    good = count > 0 and worst <= _EVALUATED_TOLERANCE
    return Cell(
        slug=entry.slug, kind="evaluated", verdict="pass" if good else "fail", points=count,
        figure=worst, reason="worst relative error of the double-precision value",
    )


def _unit(entry: Entry) -> Cell:
    try:
        found = formula_unit(entry.formula)
    except TheoryError as error:
        return Cell(slug=entry.slug, kind="unit", verdict="fail", points=1, reason=str(error))
    stated = entry.formula.unit
    good = [int(power) for power in found] == list(stated)
    return Cell(
        slug=entry.slug, kind="unit", verdict="pass" if good else "fail", points=2,
        reason=f"homogeneous in loss and parameter: {unit_text(stated)}",
    )

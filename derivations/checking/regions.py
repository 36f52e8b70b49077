"""The region a claim is made on: is it empty, and does it reach beyond where the quantity exists?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice

import sympy as sp
from sympy.core.relational import Relational

from derivations.checking.fluctuating_value import fluctuating_value
from derivations.checking.implication import empty, implied
from derivations.checking.inequalities import infeasible
from derivations.checking.normal_form import literals
from derivations.checking.points import holds_at
from derivations.checking.region_points import points_where
from derivations.checking.target import Target
from theory.errors import NoStationaryLawError, TheoryError, UnstableError
from theory.solvers.by_name import NotCoveredError, solve_by_name
from theory.symbols import PARAMETERS, lag, position

__all__ = ["implied", "outside_point", "require_consistent", "why_outside"]

#: points looked at before the simplest is taken
_POINTS = 24


def require_consistent(region: sp.Basic) -> None:
    """Refuse assumptions that contradict one another, or what their symbols mean.

    Linear relations are decided exactly, with a product such as eta*lambda as one variable; of others
    only a proved contradiction counts.

    Raises
    ------
    TheoryError
        Naming the parts that exclude one another.
    """
    if region == sp.false:
        raise TheoryError(
            "contradictory assumptions: they hold nowhere, given that learning_rate, curvature and "
            "averaging_rate are positive, momentum and the other hyperparameters not negative, and M, S, N, "
            "lag and position whole numbers. Drop or correct one of them"
        )
    parts = list(sp.And.make_args(region))
    if not empty(parts):
        return
    among_themselves = empty(parts, signs=False)
    for part in list(parts):  # leave out whatever is not needed for the contradiction
        rest = [p for p in parts if p is not part]
        if rest and empty(rest, signs=not among_themselves):
            parts = rest
    shown = " and ".join(_shown(p) for p in parts)
    if among_themselves:
        raise TheoryError(f"contradictory assumptions: {shown} cannot hold together. Drop or correct one")
    symbols = sorted(set().union(*(p.free_symbols for p in parts)), key=str)
    domains = ", ".join(filter(None, map(_domain_text, symbols)))
    raise TheoryError(
        f"contradictory assumptions: {shown} {'contradicts' if len(parts) == 1 else 'contradict'} "
        f"{domains}. Drop or correct one"
    )


def outside_point(region: sp.Basic, target: Target) -> dict[str, Fraction] | None:
    """A point of the claimed region at which the quantity does not exist, or another form holds.

    Every part of the formula's condition that the region does not imply is broken in turn, just outside
    its bound; whether the quantity really does not exist there is asked of the exact solver. A part about
    whole numbers alone (lags, M >= 2) counts only if the region speaks of them: of the lag or position
    in it; else of all its symbols; of M >= 2 in a relation about M alone. So does a bound of the rule's own
    domain, momentum < 1, which authors leave unsaid.

    Returns
    -------
    Values by name of the parameters of the formula and of the region; None if nothing was found.
    """
    symbols = sorted(set(target.parameters) | region.free_symbols, key=str)
    parts = _parts(target)
    for part in sorted(parts, key=_is_whole):
        if (_is_whole(part) or part in target.rule.domain) and not _speaks_of(region, part):
            continue
        if implied(part, region):
            continue
        rest = [p for p in parts if p is not part]
        for others in (rest, [p for p in rest if _is_whole(p)], []):
            found = islice(_points_breaking(part, others, region, symbols), _POINTS)
            for point in sorted(found, key=_height):
                if _excluded(part, point, target):
                    return {s.name: value for s, value in point.items()}
    return None


def _height(point: Mapping[sp.Symbol, Fraction]) -> int:
    """How much there is to write."""
    return sum(abs(v.numerator) + v.denominator for v in point.values())


def why_outside(point: Mapping[str, Fraction], target: Target) -> str:
    """Completes "at ...": why the formula says nothing at a point of :func:`outside_point`."""
    values = {PARAMETERS[n].symbol if n in PARAMETERS else sp.Symbol(n): v for n, v in point.items()}
    values |= {s: point[s.name] for s in target.parameters if s.name in point}
    def order(part: sp.Basic) -> tuple[bool, bool]:
        return _is_whole(part), part in target.rule.domain

    broken = [p for p in sorted(_parts(target), key=order) if not holds_at(p, values)]
    if not broken:
        return "the formula's condition holds"
    part = broken[0]
    if not _is_whole(part):
        return f"no stationary law exists: {_shown(part)} is violated"
    elsewhere = target.formula.elsewhere.format(sibling=target.formula.slug.removesuffix("-beyond"))
    lasting = f" ({elsewhere[0].lower()}{elsewhere[1:]})" if elsewhere and "lag" in str(part) else ""
    return f"this form does not hold: it needs {_shown(part)}{lasting}"


def _parts(target: Target) -> list[sp.Basic]:
    """The parts of ``valid_if``, in the parameters alone."""
    known: dict[sp.Symbol, sp.Expr] = {}
    for name, value in target.formula.where:
        known[name] = value.xreplace(known)
    condition = target.formula.valid_if.xreplace(known)
    return [] if condition == sp.true else list(sp.And.make_args(condition))


def _is_whole(part: sp.Basic) -> bool:
    return all(s.is_integer for s in part.free_symbols)


def _speaks_of(region: sp.Basic, part: sp.Basic) -> bool:
    """Whether a region is about what a part on whole numbers restricts."""
    subjects = part.free_symbols & {lag, position} or part.free_symbols
    if part.free_symbols == subjects and len(subjects) == 1 and not subjects & {lag, position}:
        return any(r.free_symbols == subjects for r in region.atoms(Relational))
    return bool(subjects <= region.free_symbols)


def _points_breaking(
    part: sp.Basic, others: Sequence[sp.Basic], region: sp.Basic, symbols: Sequence[sp.Symbol]
) -> Iterator[dict[sp.Symbol, Fraction]]:
    """Beyond the bound first, then on it."""
    beyond: list[sp.Basic] = []
    if isinstance(part, Relational) and not isinstance(part, (sp.Eq, sp.Ne)):
        rising = isinstance(part, (sp.StrictGreaterThan, sp.GreaterThan))
        beyond = [sp.Lt(part.lhs, part.rhs) if rising else sp.Gt(part.lhs, part.rhs)]
        if isinstance(part, (sp.StrictGreaterThan, sp.StrictLessThan)):
            beyond.append(sp.Eq(part.lhs, part.rhs))
    for broken in beyond or [sp.Not(part)]:
        for branch in literals(sp.And(region, broken, *others)):
            if not infeasible(branch):
                yield from points_where(branch, symbols)


def _excluded(part: sp.Basic, point: Mapping[sp.Symbol, Fraction], target: Target) -> bool:
    """Whether the quantity does not exist at the point, by the exact solver where there is one."""
    if _is_whole(part) or not target.exact or target.model == "one-epoch":
        return True
    if target.model == "multiplicative":
        return _has_no_second_moment(target, point)
    quantity = target.quantity
    if quantity.endswith("weight-spectrum"):
        quantity = "weight-variance"
    wanted = {s.name for s in target.parameters}
    values = {s.name: v for s, v in point.items() if s.name in wanted}
    try:
        solve_by_name(target.rule, target.scheme, quantity, values)
    except (UnstableError, NoStationaryLawError, NotCoveredError):
        return True
    except TheoryError:  # the rule asks for more than a law needs, or the numbers do not fit together
        return False
    return False


def _has_no_second_moment(target: Target, point: Mapping[sp.Symbol, Fraction]) -> bool:
    """Of a threshold, which is no moment, the condition is its own."""
    try:
        fluctuating_value(target, point)
    except (TheoryError, KeyError):
        return True
    return False


def _shown(part: sp.Basic) -> str:
    return str(part)


def _domain_text(symbol: sp.Symbol) -> str:
    """learning_rate > 0, lag a whole number >= 0."""
    if symbol.is_integer:
        return f"{symbol} a whole number >= {1 if symbol.is_positive else 0}"
    if symbol.is_positive:
        return f"{symbol} > 0"
    return f"{symbol} >= 0" if symbol.is_nonnegative else ""

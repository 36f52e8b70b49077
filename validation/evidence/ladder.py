"""The ladder: an explicit tuple of rungs, and how one formula climbs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from theory.closed_forms import Entry
from theory.errors import TheoryError, require_known
from theory.formula import Formula
from validation.evidence import (
    dimension,
    enclosed,
    exact,
    limits_enclosed,
    limits_exact,
    limits_solved,
    proved,
    simulated,
    solved,
)
from validation.evidence.limits import LIMITS
from validation.evidence.poles import DEFINITIONS
from validation.evidence.result import NotApplicable, Rung, RungResult, failed, judged

__all__ = ["RUNGS", "climb", "require_rungs"]


def _by_kind(law: Rung, limit: Rung) -> Rung:
    """One rung for exact laws, another for limits and for definitions by the poles."""

    def check(entry: Entry, formula: Formula) -> RungResult:
        special = entry.slug in LIMITS or entry.slug in DEFINITIONS
        return (limit if special else law)(entry, formula)

    return check


_LADDER: tuple[tuple[str, Rung], ...] = (
    ("proved", proved.check),
    ("exact", _by_kind(exact.check, limits_exact.check)),
    ("enclosed", _by_kind(enclosed.check, limits_enclosed.check)),
    ("solved", _by_kind(solved.check, limits_solved.check)),
    ("simulated", simulated.check),
    ("dimension", dimension.check),
)
#: rungs that look at the formula alone, wherever it is claimed
_ANYWHERE = ("proved", "dimension")
RUNGS: tuple[str, ...] = tuple(name for name, _ in _LADDER)


def require_rungs(rungs: Sequence[str]) -> tuple[str, ...]:
    """The rungs asked for, in the order of the ladder.

    Raises
    ------
    TheoryError
        If none is asked for; UnknownNameError if there is no such rung.
    """
    if not rungs:
        raise TheoryError(f"rungs is empty: name at least one of {', '.join(RUNGS)}")
    for name in rungs:
        require_known(name, RUNGS, "rung")
    return tuple(name for name in RUNGS if name in rungs)


def climb(
    entry: Entry, rungs: Sequence[str] = RUNGS, formula: Formula | None = None
) -> Iterator[RungResult]:
    """The verdict of every rung on one formula, computed afresh, rung by rung.

    Parameters
    ----------
    entry
        The catalogue entry: which quantity of which rule and scheme.
    rungs
        Names from :data:`RUNGS`.
    formula
        Another formula put in the place of the entry's own, e.g. a wrong one: it must fail. The
        points and the values it is compared with depend on the entry alone.

    Raises
    ------
    TheoryError
        As :func:`require_rungs`.
    """
    wanted = require_rungs(rungs)
    target = entry.formula if formula is None else formula
    for name, check in _LADDER:
        if name in wanted and target.valid_if == sp.false and name not in _ANYWHERE:
            yield judged(entry.slug, name, 0, "")  # vacuous: it is claimed nowhere
        elif name in wanted:
            yield _checked(name, check, entry, target)


def _checked(name: str, check: Rung, entry: Entry, target: Formula) -> RungResult:
    """A formula that cannot be computed where it should hold has failed."""
    try:
        return check(entry, target)
    except NotApplicable as reason:
        return RungResult(
            slug=entry.slug, rung=name, verdict="not-applicable", reason=str(reason)
        )
    except (ArithmeticError, ValueError, LookupError, RecursionError) as error:  # TheoryError too
        return failed(entry.slug, name, f"{type(error).__name__}: {error}")

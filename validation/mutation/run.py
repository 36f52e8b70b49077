"""The mutation run: every mutant of every formula, each rung alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from theory.closed_forms import CATALOGUE, Entry, entry_by_slug
from theory.errors import TheoryError
from theory.formula import Formula
from validation.evidence import RungResult, climb
from validation.evidence.ladder import require_rungs
from validation.evidence.verify import workers
from validation.mutation.equivalence import is_equivalent
from validation.mutation.mutants import PLACES, Mutant, count_places, mutants
from validation.mutation.report import LOOKS_AT, MutantResult, MutationReport

__all__ = ["RUNGS", "mutate"]

#: all but the simulation, whose resolution is stated and which takes minutes
RUNGS = ("proved", "exact", "enclosed", "solved", "dimension")

Climb = Callable[[Entry, Sequence[str], Formula], Iterator[RungResult]]


def mutate(
    slugs: Sequence[str] | None = None, rungs: Sequence[str] = RUNGS,
    progress: Callable[[str], None] | None = None, processes: int = 2,
    *, places: int | None = PLACES, climb: Climb = climb,
) -> MutationReport:
    """Alter formulas on purpose and see which rungs of the ladder notice.

    Parameters
    ----------
    slugs
        Formulas of the catalogue; all of them by default.
    rungs
        Names from :data:`validation.evidence.RUNGS`; each is asked about every mutant, alone.
    progress
        Called with each slug as it is finished; an exception raised there ends the run.
    processes
        How many processes share the work; the results do not depend on it.
    places
        At how many places of a formula a local operator is tried, drawn with a fixed seed; None for
        every place.
    climb
        Another ladder, for a test of this one.

    Raises
    ------
    UnknownNameError
        If there is no such formula or rung.
    TheoryError
        If no rung is asked for, or ``places`` or ``processes`` is smaller than 1.
    """
    wanted = require_rungs(rungs)
    chosen = [entry_by_slug(slug) for slug in slugs] if slugs is not None else list(CATALOGUE)
    if not processes >= 1:
        raise TheoryError(f"processes must be at least 1; got {processes}")
    if places is not None and not places >= 1:
        raise TheoryError(f"places must be at least 1, or None for all; got {places}")
    order = list(dict.fromkeys(entry.slug for entry in chosen))
    found: dict[str, tuple[int, tuple[MutantResult, ...]]] = {}
    # the longest formulas first, so that no process is left alone with one of them
    longest = sorted(order, key=lambda slug: -_length(entry_by_slug(slug).formula))
    with workers(processes) as mapped:
        for slug, count, results in mapped(partial(_examined, wanted, places, climb), longest):
            found[slug] = count, results
            if progress is not None:
                progress(slug)
    return MutationReport(
        results=tuple(result for slug in order for result in found[slug][1]), rungs=wanted,
        places=places, all_places=sum(found[slug][0] for slug in order),
    )


def _length(formula: Formula) -> int:
    return len(str(formula.compact)) + sum(len(str(value)) for _, value in formula.where)


def _examined(
    rungs: tuple[str, ...], places: int | None, climb: Climb, slug: str
) -> tuple[str, int, tuple[MutantResult, ...]]:
    """All mutants of one formula."""
    entry = entry_by_slug(slug)
    results = tuple(
        _result(entry, mutant, rungs, climb) for mutant in mutants(entry.formula, places)
    )
    return slug, count_places(entry.formula), results


def _result(entry: Entry, mutant: Mutant, rungs: tuple[str, ...], climb: Climb) -> MutantResult:
    equivalent = is_equivalent(entry, mutant)
    verdicts: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for rung in () if equivalent else rungs:
        verdicts[rung], reasons[rung] = _asked(entry, mutant, rung, climb)
    return MutantResult(
        slug=entry.slug, operator=mutant.operator, place=mutant.place, part=mutant.part,
        equivalent=equivalent, verdicts=verdicts, reasons=reasons,
    )


def _asked(entry: Entry, mutant: Mutant, rung: str, climb: Climb) -> tuple[str, str]:
    """The verdict of one rung alone. A refusal (TheoryError) is caught; anything else is a defect."""
    if mutant.part not in LOOKS_AT[rung]:
        return "not-applicable", f"the rung does not look at the {mutant.part}"
    try:
        (result,) = climb(entry, (rung,), mutant.formula)
    except TheoryError as error:
        return "fail", f"refused: {error}"
    except Exception as error:
        return "crash", f"{type(error).__name__}: {error}"
    return result.verdict, result.reason

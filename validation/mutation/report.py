"""What a mutation run found: scores by rung, and the survivors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validation.mutation.mutants import Part

__all__ = ["CAUGHT", "LOOKS_AT", "MutantResult", "MutationReport", "Score"]

#: verdicts that notice an error; a check that tested nothing counts as failed
CAUGHT = ("fail", "vacuous")
#: the parts of a formula that a rung looks at
LOOKS_AT: Mapping[str, tuple[Part, ...]] = {
    "proved": ("value",),
    "exact": ("value", "condition"),
    "enclosed": ("value",),
    "solved": ("value",),
    "simulated": ("value",),
    "dimension": ("value", "unit"),
}
#: rungs 1 to 3, which together must notice every error in a value or a condition
_FIRST = ("proved", "exact", "enclosed")


@dataclass(frozen=True, slots=True, kw_only=True)
class MutantResult:
    """One mutant: what was altered, and each rung's verdict.

    ``equivalent`` mutants are no errors and climb no ladder. A verdict ``crash`` is a rung that ended
    with an exception that is no refusal: not caught, and a defect of the rung.
    """

    slug: str
    operator: str
    place: str
    part: Part
    equivalent: bool
    verdicts: Mapping[str, str]
    reasons: Mapping[str, str]

    def caught_by(self, rungs: Sequence[str]) -> bool:
        """Whether one of the rungs notices."""
        return any(self.verdicts.get(rung) in CAUGHT for rung in rungs)

    def applies_to(self, rungs: Sequence[str]) -> bool:
        """Whether one of the rungs looks at what was altered, and has something to say on the slug."""
        return any(self.verdicts.get(rung, "not-applicable") != "not-applicable" for rung in rungs)

    def address(self) -> dict[str, str]:
        """Which mutant it is."""
        return {"slug": self.slug, "operator": self.operator, "place": self.place, "part": self.part}

    def record(self) -> dict[str, Any]:
        return {
            **self.address(), "verdicts": dict(self.verdicts), "reasons": dict(self.reasons),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of one rung alone, or of several together."""

    rungs: tuple[str, ...]
    mutants: int
    applicable: int
    caught: int

    @property
    def share(self) -> float:
        """Of all mutants that are not equivalent."""
        return self.caught / self.mutants if self.mutants else 1.0

    @property
    def share_of_applicable(self) -> float:
        """Of those the rungs look at."""
        return self.caught / self.applicable if self.applicable else 1.0

    def record(self) -> dict[str, Any]:
        return {
            "rungs": list(self.rungs), "mutants": self.mutants, "applicable": self.applicable,
            "caught": self.caught, "share": self.share, "share_of_applicable": self.share_of_applicable,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationReport:
    """All mutants of a run, in the order of the catalogue and of the operators.

    Attributes
    ----------
    results
        One per mutant.
    rungs
        Those that were climbed.
    places
        At how many places of a formula a local operator was tried at most; None for all.
    all_places
        How many places there are.
    """

    results: tuple[MutantResult, ...]
    rungs: tuple[str, ...]
    places: int | None
    all_places: int

    @property
    def equivalent(self) -> tuple[MutantResult, ...]:
        return tuple(r for r in self.results if r.equivalent)

    @property
    def errors(self) -> tuple[MutantResult, ...]:
        """The mutants that are not equivalent: errors, which the ladder should notice."""
        return tuple(r for r in self.results if not r.equivalent)

    @property
    def first(self) -> tuple[str, ...]:
        """Rungs 1 to 3, as far as they were climbed."""
        return tuple(rung for rung in _FIRST if rung in self.rungs)

    def score(self, *rungs: str) -> Score:
        """Of the rungs together."""
        errors = self.errors
        return Score(
            rungs=rungs, mutants=len(errors), applicable=sum(r.applies_to(rungs) for r in errors),
            caught=sum(r.caught_by(rungs) for r in errors),
        )

    @property
    def scores(self) -> Mapping[str, Score]:
        """By rung, rungs 1 to 3 together, and the ladder."""
        found = {rung: self.score(rung) for rung in self.rungs}
        if len(self.first) == len(_FIRST):
            found["rungs 1-3"] = self.score(*self.first)
        return found | {"ladder": self.score(*self.rungs)}

    @property
    def survivors(self) -> tuple[MutantResult, ...]:
        """Errors that no rung noticed."""
        return tuple(r for r in self.errors if not r.caught_by(self.rungs))

    @property
    def survivors_of_first(self) -> tuple[MutantResult, ...]:
        """Errors in a value or a condition that rungs 1 to 3 did not notice."""
        return tuple(r for r in self.errors if r.part != "unit" and not r.caught_by(self.first))

    def missed_by(self, rung: str) -> tuple[MutantResult, ...]:
        """Errors that one rung looked at and did not notice."""
        return tuple(r for r in self.errors if r.applies_to((rung,)) and not r.caught_by((rung,)))

    @property
    def crashes(self) -> tuple[MutantResult, ...]:
        """Mutants on which a rung ended with an exception that is no refusal."""
        return tuple(r for r in self.results if "crash" in r.verdicts.values())

    @property
    def good(self) -> bool:
        """Nothing survived the ladder, nor rungs 1 to 3 where all three were climbed; no rung crashed."""
        strict = len(self.first) == len(_FIRST) and bool(self.survivors_of_first)
        return bool(self.results) and not (self.survivors or strict or self.crashes)

    def to_json(self) -> dict[str, Any]:
        """For ``verify --mutate --json``.

        ``mutants``, ``equivalent``: counts; ``places``, ``all_places``; ``scores``: by rung, each with
        ``mutants`` (not equivalent), ``applicable``, ``caught``, ``share`` and ``share_of_applicable``;
        ``by_operator``; ``survivors``, ``survivors_of_rungs_1_to_3``, ``crashes``: lists with the
        verdicts of all rungs; ``missed_by_rung``, ``equivalents``: lists of places; ``passed``.
        """
        return {
            "mutants": len(self.results), "equivalent": len(self.equivalent), "places": self.places,
            "all_places": self.all_places,
            "scores": {name: score.record() for name, score in self.scores.items()},
            "by_operator": self._by_operator(),
            "survivors": [r.record() for r in self.survivors],
            "survivors_of_rungs_1_to_3": [r.record() for r in self.survivors_of_first],
            "missed_by_rung": {
                rung: [r.address() for r in self.missed_by(rung)]
                for rung in self.rungs if rung != "dimension"
            },
            "equivalents": [r.address() for r in self.equivalent],
            "crashes": [r.record() for r in self.crashes], "passed": self.good,
        }

    def _by_operator(self) -> dict[str, dict[str, int]]:
        """Mutants, equivalent ones and those the ladder caught, by operator."""
        counts: dict[str, dict[str, int]] = {}
        for r in self.results:
            own = counts.setdefault(r.operator, {"mutants": 0, "equivalent": 0, "caught": 0})
            own["mutants"] += 1
            own["equivalent"] += r.equivalent
            own["caught"] += r.caught_by(self.rungs) and not r.equivalent
        return counts

    def __str__(self) -> str:
        sampled = "at every place" if self.places is None else f"at most {self.places} places each"
        rows = [f"{'':14}{'CAUGHT':>8}{'OF ALL':>18}{'OF THOSE IT LOOKS AT':>26}"]
        for name, score in self.scores.items():
            rows.append(
                f"{name:14}{score.caught:8}"
                f"{f'{score.mutants}: {_percent(score.share)}':>18}"
                f"{f'{score.applicable}: {_percent(score.share_of_applicable)}':>26}"
            )
        return "\n".join([
            f"{len(self.results)} mutants ({self.all_places} places of local operators, {sampled}), "
            f"{len(self.equivalent)} of them equivalent (proved).", "", *rows,
            *_listed("survivors of the ladder", self.survivors, lambda r: ""),
            *_listed("survivors of rungs 1-3", self.survivors_of_first, lambda r: ""),
            *_listed("missed by solved alone", self.missed_by("solved"), lambda r: ""),
            *_listed("crashes", self.crashes, lambda r: str(dict(r.reasons))),
        ])


def _percent(share: float) -> str:
    """Never rounded up to 100 %."""
    text = f"{100 * share:.2f} %"
    return text if share == 1 or not text.startswith("100") else "> 99.99 %"


def _listed(
    title: str, results: Sequence[MutantResult], more: Callable[[MutantResult], str]
) -> list[str]:
    lines = [f"  {r.slug}: {r.operator}: {r.place} {more(r)}".rstrip() for r in results]
    return ["", f"{title}: {len(results) or 'none'}", *lines]

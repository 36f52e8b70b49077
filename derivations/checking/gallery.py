"""The gallery: published claims, approximate ones and wrong ones, each with the verdict it must get."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from derivations.checking.check_entry import check_entry
from derivations.checking.claim_file import BrokenClaim, ClaimEntry, read_claim_file
from derivations.checking.report import ClaimReport
from theory.errors import TheoryError

__all__ = ["CheckedClaim", "Exhibit", "check_exhibit", "check_gallery", "load_gallery"]

_FOLDER = Path(__file__).parent.parent / "claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One claim of the gallery under the name of its file."""

    name: str
    entry: ClaimEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedClaim:
    """A claim of the gallery with what the check found."""

    name: str
    entry: ClaimEntry
    report: ClaimReport

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the file states."""
        return self.report.verdict == self.entry.expect


def load_gallery() -> tuple[Exhibit, ...]:
    """All claims of the gallery, by name; each file holds one.

    Raises
    ------
    TheoryError
        If a file is broken, or states no verdict or source.
    """
    found = []
    for path in sorted(_FOLDER.glob("*.claim")):
        entries = read_claim_file(path)
        for entry in entries:
            if isinstance(entry, BrokenClaim):
                raise TheoryError(f"{path.name}, {entry}")
            if not entry.expect or not entry.source or len(entries) != 1:
                raise TheoryError(f"{path.name}: one claim a file, with 'source' and 'expect'")
            found.append(Exhibit(name=path.stem, entry=entry))
    return tuple(found)


def check_exhibit(exhibit: Exhibit, seconds: float = 30.0) -> CheckedClaim:
    """Check one claim; errors as :func:`derivations.checking.check_entry.check_entry`."""
    report = check_entry(exhibit.entry, seconds=seconds)
    return CheckedClaim(name=exhibit.name, entry=exhibit.entry, report=report)


def check_gallery(
    progress: Callable[[str], None] | None = None, *, seconds: float = 30.0, processes: int = 2,
    exhibits: Sequence[Exhibit] | None = None,
) -> tuple[CheckedClaim, ...]:
    """Check the whole gallery, ``processes`` claims at a time; the order is that of the names.

    ``progress`` is called with each name when its check is done.
    """
    chosen = load_gallery() if exhibits is None else tuple(exhibits)
    found: list[CheckedClaim] = []
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(max_workers=processes, mp_context=context) as pool:
        for checked in pool.map(partial(check_exhibit, seconds=seconds), chosen):
            found.append(checked)
            if progress is not None:
                progress(checked.name)
    return tuple(found)

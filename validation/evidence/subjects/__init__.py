"""Where the rungs get the truth from: one subject per family of quantities, by slug.

A new formula whose model is not "stationary" is one line in :data:`SUBJECTS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from theory.closed_forms import Entry
from theory.errors import TheoryError
from validation.evidence.subjects.protocol import Plan, Point, Replicas, Subject

__all__ = ["SUBJECTS", "Plan", "Point", "Replicas", "Subject", "subject_of"]

SUBJECTS: Mapping[str, Subject] = {}


def subject_of(entry: Entry) -> Subject:
    """The subject of an entry.

    Raises
    ------
    TheoryError
        If the entry's slug has none.
    """
    if entry.slug in SUBJECTS:
        return SUBJECTS[entry.slug]
    raise TheoryError(
        f"{entry.slug} ({entry.model}) has no subject: add it to SUBJECTS in validation.evidence.subjects"
    )

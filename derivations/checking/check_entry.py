"""Checking one claim of a file: its own notation, region, limit and opponent."""

from __future__ import annotations

import re

from derivations.checking.claim_file import ClaimEntry
from derivations.checking.report import ClaimReport
from derivations.checking.target import Target, target_by_slug, target_of_pair
from theory.errors import TheoryError, require_known
from theory.optimizers import rule_by_name
from theory.quantities import QUANTITIES
from theory.sampling import scheme_by_name

__all__ = ["check_entry", "find_target"]


def find_target(name: str) -> Target:
    """What a claim is held against: a slug, or ``rule / scheme / quantity``.

    Raises
    ------
    UnknownNameError
        If there is no such formula, rule, scheme or quantity; the message names the nearest.
    TheoryError
        If the pair does not have the quantity, or nothing is named.
    """
    parts = [part.strip() for part in name.split("/")]
    if len(parts) == 1 and parts[0]:
        return target_by_slug(parts[0])
    if len(parts) != 3 or not all(parts):
        raise TheoryError(
            f"{name!r} names no formula: give a slug, such as white-weight-variance, or "
            "'rule / scheme / quantity', such as 'heavy-ball / reshuffled / weight-variance'"
        )
    rule, scheme = rule_by_name(parts[0]), scheme_by_name(parts[1])
    return target_of_pair(rule, scheme, require_known(parts[2], QUANTITIES, "quantity"))


def check_entry(entry: ClaimEntry, *, against: str = "", seconds: float = 30.0) -> ClaimReport:
    """Check one claim of a file; ``against`` stands in where the file names no formula.

    Raises
    ------
    TheoryError
        As :func:`derivations.checking.check.check_claim` and :func:`find_target`; also if neither
        the file nor the call names a formula, or if the notation cannot be read.
    """
    from derivations.checking.check import check_claim
    from theory.reading import DEFAULT_NOTATION

    name = entry.against or against
    if not name:
        raise TheoryError(
            f"the claim {_short(entry.claim)} names no formula: add a line 'against: SLUG', or give one "
            "for the whole file"
        )
    return check_claim(
        entry.claim, find_target(name), latex=entry.latex,
        notation=DEFAULT_NOTATION.with_names(entry.notation), where=entry.where, limit=entry.limit,
        seconds=seconds,
    )


def _short(text: str) -> str:
    one_line = re.sub(r"\s+", " ", text)
    return repr(one_line if len(one_line) <= 40 else one_line[:37] + "...")

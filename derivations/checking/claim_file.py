"""Claim files: plain text with one or several claims, their notation, and what they are held against.

.. code-block:: text

    # a comment
    source: mandt2017, stationary covariance in one direction
    notation:
        gamma = learning_rate
        sigma2 = noise_variance
    claim: gamma*sigma2/(2*lambda)
    against: white-weight-variance        (or rule / scheme / quantity)
    where: 0 <= beta < 1                  (optional: the region it is claimed on)
    limit: learning_rate -> 0             (optional: a limit that the claim itself declares)
    format: latex                         (optional: the claim is LaTeX)
    expect: equivalent-in-limit           (optional: the verdict)
    note: anything                        (optional)

A line ``---`` separates claims. A first block without ``claim:`` gives what all the others share. A value
goes on in indented lines. A broken line spoils the claim that it stands in and no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from derivations.checking.claim_blocks import (
    KEYS,
    Block,
    Broken,
    BrokenClaim,
    Lines,
    Value,
    one_of,
    read_blocks,
    read_names,
    read_values,
)
from derivations.checking.report import VerdictName
from theory.errors import TheoryError

__all__ = [
    "KEYS", "BrokenClaim", "ClaimEntry", "parse_claims", "read_claim_file", "read_notation",
]

_LARGEST_FILE = 200_000
_MOST_CLAIMS = 200
_CLAIM = re.compile(r"claim[ \t]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEntry:
    """One claim as it stands in a file.

    Attributes
    ----------
    claim
        The formula or equation, line ends kept.
    places
        Line and column (from 1) in the file of the beginning of each line of the claim.
    against
        A slug, or ``rule / scheme / quantity``; empty if the file does not say.
    notation
        The claim's own names: ``{"gamma": "learning_rate"}``.
    where, limit
        The region it is claimed on, and the limit it declares; "" for none.
    latex
        Whether the claim is LaTeX.
    expect
        The verdict that the file expects, "" if it does not say.
    """

    claim: str
    places: tuple[tuple[int, int], ...] = ((1, 1),)
    against: str = ""
    source: str = ""
    notation: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    limit: str = ""
    latex: bool = False
    expect: str = ""
    note: str = ""

    def place(self, line: int = 1, column: int = 1) -> tuple[int, int]:
        """Line and column in the file of a place in the claim."""
        first, start = self.places[min(max(line, 1), len(self.places)) - 1]
        return first, start + column - 1


def read_claim_file(path: str | Path) -> tuple[ClaimEntry | BrokenClaim, ...]:
    """Read a claim file; see :func:`parse_claims`.

    Raises
    ------
    TheoryError
        If the file cannot be read, is no UTF-8 text or is too large.
    """
    try:
        with Path(path).open("rb") as stream:
            raw = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise TheoryError(f"cannot read {str(path)!r}: {error.strerror}; name a claim file") from None
    if len(raw) > _LARGEST_FILE:
        raise TheoryError(
            f"{str(path)!r} is longer than {_LARGEST_FILE} bytes; split it into several claim files"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TheoryError(
            f"{str(path)!r}, line {line}: byte {error.start} is no UTF-8; save the file as UTF-8 text"
        ) from None
    return parse_claims(text)


def parse_claims(text: str) -> tuple[ClaimEntry | BrokenClaim, ...]:
    """The claims of a file in order, each either read or with the place where it is broken.

    Raises
    ------
    TheoryError
        If the text is larger than 200 000 characters or holds more than 200 claims.
    """
    if len(text) > _LARGEST_FILE:
        raise TheoryError(f"{len(text)} characters of claims; at most {_LARGEST_FILE}: split the file")
    blocks = list(read_blocks(text))
    if len(blocks) > _MOST_CLAIMS:
        raise TheoryError(f"{len(blocks)} claims in one file; at most {_MOST_CLAIMS}: split the file")
    found: list[ClaimEntry | BrokenClaim] = []
    shared: ClaimEntry | None = None
    for count, lines in enumerate(blocks):
        if count == 0 and len(blocks) > 1 and not any(_CLAIM.match(line) for _, line in lines):
            shared, mistakes = _shared(lines)
            found += mistakes
            continue
        try:
            found.append(_claim(read_values(lines), lines, shared))
        except Broken as broken:
            found.append(broken.found)
    if not found:
        found.append(BrokenClaim(line=1, column=1, message="no claim here; write 'claim: FORMULA'"))
    return tuple(found)


def _shared(lines: Lines) -> tuple[ClaimEntry, list[BrokenClaim]]:
    """What all claims share, without the lines that are broken."""
    mistakes: list[BrokenClaim] = []
    while True:
        try:
            return _entry(read_values(lines), None), mistakes
        except Broken as broken:
            bad = broken.found
        mistakes.append(replace(bad, message=f"{bad.message}; the claims below are read without this line"))
        place = [number for number, _ in lines].index(bad.line)
        end = place + 1
        while not lines[place][1].startswith((" ", "\t")) and end < len(lines) and lines[end][1].startswith(
            (" ", "\t")
        ):
            end += 1  # a key goes with the lines that continue it
        lines = lines[:place] + lines[end:]


def read_notation(text: str) -> dict[str, str]:
    """Read ``gamma=learning_rate, sigma2=batch_size*noise_variance``.

    Raises
    ------
    TheoryError
        If an item is no ``name = meaning``, or a name comes twice.
    """
    try:
        return read_names(Value("notation", 1, [(1, 1, text)])) if text.strip() else {}
    except Broken as broken:
        raise TheoryError(f"notation, column {broken.found.column}: {broken.found.message}") from None


def _claim(values: Block, lines: Lines, shared: ClaimEntry | None) -> ClaimEntry:
    if "claim" not in values:
        raise Broken(lines[0][0], 1, "this block has no 'claim: FORMULA'; only the first block of "
                      "several may leave it out, to give what the others share")
    return _entry(values, shared)


def _entry(values: Block, shared: ClaimEntry | None) -> ClaimEntry:
    base = shared or ClaimEntry(claim="")

    def text(key: str, default: str) -> str:
        return values[key].text if key in values else default

    form = one_of(values, "format", ("text", "latex"), "latex" if base.latex else "text")
    own = read_names(values["notation"]) if "notation" in values else {}
    claim = values.get("claim")
    return ClaimEntry(
        claim=text("claim", ""),
        places=tuple((row, column) for row, column, _ in claim.lines) if claim else ((1, 1),),
        against=text("against", base.against), source=text("source", base.source),
        notation={**base.notation, **own}, where=text("where", base.where),
        limit=text("limit", base.limit), latex=form == "latex",
        expect=one_of(values, "expect", get_args(VerdictName), base.expect),
        note=text("note", base.note),
    )

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

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from derivations.checking.report import VerdictName
from theory.errors import TheoryError

__all__ = [
    "KEYS", "BrokenClaim", "ClaimEntry", "parse_claims", "read_claim_file", "read_notation",
]

#: keys of a block, in the order in which they are usually written
KEYS = ("source", "notation", "claim", "against", "where", "limit", "format", "expect", "note")
#: a claim written over several lines keeps its lines: the reader's positions are then right
_KEEPS_LINES = ("claim",)
_LARGEST_FILE = 200_000
_LONGEST_LINE = 5_000
_MOST_CLAIMS = 200
_KEY = re.compile(r"([A-Za-z][A-Za-z _-]{0,30}?)[ \t]*:(.*)", re.DOTALL)
_RULE = re.compile(r"-{3,}[ \t]*")
_NAME = re.compile(r"\\?[^\W\d]\w*(\{\w+\})?'?")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenClaim:
    """A line that cannot be read; the message says what was expected."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class _Broken(Exception):
    """Carries a :class:`BrokenClaim` out of a block."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.found = BrokenClaim(line=line, column=column, message=message)


@dataclass(slots=True)
class _Value:
    """A value with the place where it begins; ``lines`` are (number, column, text)."""

    key: str
    key_line: int
    lines: list[tuple[int, int, str]]

    @property
    def place(self) -> tuple[int, int]:
        return (self.lines[0][0], self.lines[0][1]) if self.lines else (self.key_line, 1)

    @property
    def text(self) -> str:
        return ("\n" if self.key in _KEEPS_LINES else " ").join(part for _, _, part in self.lines)


_Block = dict[str, _Value]


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
    try:
        text = raw[:_LARGEST_FILE].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        if len(raw) <= _LARGEST_FILE:
            raise TheoryError(
                f"{str(path)!r}, line {line}: byte {error.start} is no UTF-8; save the file as UTF-8 text"
            ) from None
        text = ""
    if len(raw) > _LARGEST_FILE:
        raise TheoryError(
            f"{str(path)!r} is longer than {_LARGEST_FILE} bytes; split it into several claim files"
        )
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
    blocks = list(_blocks(text))
    if len(blocks) > _MOST_CLAIMS:
        raise TheoryError(f"{len(blocks)} claims in one file; at most {_MOST_CLAIMS}: split the file")
    found: list[ClaimEntry | BrokenClaim] = []
    shared: ClaimEntry | None = None
    for count, lines in enumerate(blocks):
        first = count == 0 and len(blocks) > 1
        try:
            values = _values(lines)
            if first and "claim" not in values:
                shared = _entry(values, None)
            else:
                found.append(_claim(values, lines, shared))
        except _Broken as broken:
            found.append(broken.found)
    if not found:
        found.append(BrokenClaim(line=1, column=1, message="no claim here; write 'claim: FORMULA'"))
    return tuple(found)


def read_notation(text: str) -> dict[str, str]:
    """Read ``gamma=learning_rate, sigma2=batch_size*noise_variance``.

    Raises
    ------
    TheoryError
        If an item is no ``name = meaning``, or a name comes twice.
    """
    try:
        return _notation(_Value("notation", 1, [(1, 1, text)])) if text.strip() else {}
    except _Broken as broken:
        raise TheoryError(f"notation, column {broken.found.column}: {broken.found.message}") from None


def _blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    """Numbered lines of each block, without comments and blank lines; empty blocks are dropped."""
    block: list[tuple[int, str]] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip()
        if _RULE.fullmatch(line):
            if block:
                yield block
            block = []
        elif line and not line.lstrip().startswith("#"):
            block.append((number, line))
    if block:
        yield block


def _values(lines: list[tuple[int, str]]) -> _Block:
    """The values of a block by key."""
    found: _Block = {}
    current: _Value | None = None
    for number, line in lines:
        _require_plain(number, line)
        body = line.lstrip(" \t")
        indent = len(line) - len(body)
        if indent:
            if current is None:
                raise _Broken(number, 1, "an indented line continues a value, and there is none yet; "
                              f"begin it with a key: {', '.join(KEYS)}")
            current.lines.append((number, indent + 1, body))
            continue
        match = _KEY.fullmatch(line)
        if match is None:
            raise _Broken(number, _after_word(line), f"expected 'key: value', found {_short(line)}; "
                          "indent a line that continues the value above")
        key = match.group(1).lower()
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise _Broken(number, 1, f"unknown key {key!r}: {hint}known are {', '.join(KEYS)}")
        if key in found:
            raise _Broken(number, 1, f"{key!r} stands in line {found[key].key_line} already; keep one, "
                          "and separate claims by a line ---")
        rest = match.group(2)
        value = rest.lstrip(" \t")
        current = _Value(key, number, [])
        if value:
            current.lines.append((number, len(line) - len(value) + 1, value))
        found[key] = current
    for value_ in found.values():
        if not value_.lines:
            raise _Broken(value_.key_line, len(value_.key) + 2, f"{value_.key!r} has no value")
    return found


def _require_plain(number: int, line: str) -> None:
    if len(line) > _LONGEST_LINE:
        raise _Broken(number, _LONGEST_LINE + 1, f"{len(line)} characters in one line; at most "
                      f"{_LONGEST_LINE}: continue in indented lines")
    for column, character in enumerate(line, start=1):
        if not character.isprintable() and character != "\t":
            raise _Broken(number, column, f"character U+{ord(character):04X} does not print; remove it")


def _claim(values: _Block, lines: list[tuple[int, str]], shared: ClaimEntry | None) -> ClaimEntry:
    if "claim" not in values:
        raise _Broken(lines[0][0], 1, "this block has no 'claim: FORMULA'; only the first block of "
                      "several may leave it out, to give what the others share")
    return _entry(values, shared)


def _entry(values: _Block, shared: ClaimEntry | None) -> ClaimEntry:
    base = shared or ClaimEntry(claim="")

    def text(key: str, default: str) -> str:
        return values[key].text if key in values else default

    form = _one_of(values, "format", ("text", "latex"), "latex" if base.latex else "text")
    own = _notation(values["notation"]) if "notation" in values else {}
    claim = values.get("claim")
    return ClaimEntry(
        claim=text("claim", ""),
        places=tuple((row, column) for row, column, _ in claim.lines) if claim else ((1, 1),),
        against=text("against", base.against), source=text("source", base.source),
        notation={**base.notation, **own}, where=text("where", base.where),
        limit=text("limit", base.limit), latex=form == "latex",
        expect=_one_of(values, "expect", get_args(VerdictName), base.expect),
        note=text("note", base.note),
    )


def _one_of(values: _Block, key: str, known: tuple[str, ...], default: str) -> str:
    if key not in values:
        return default
    word = values[key].text
    if word not in known:
        near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        line, column = values[key].place
        raise _Broken(line, column, f"{key} {_short(word)} is unknown: {hint}known are {', '.join(known)}")
    return word


def _notation(value: _Value) -> dict[str, str]:
    """``name = meaning``, one a line or separated by commas outside brackets."""
    found: dict[str, str] = {}
    for number, start, text in value.lines:
        for offset, item in _items(text):
            column = start + offset
            name, sign, meaning = (part.strip() for part in item.partition("="))
            if not sign or not name or not meaning:
                raise _Broken(number, column, f"expected 'name = meaning', found {_short(item)}; "
                              "write for example 'gamma = learning_rate'")
            if _NAME.fullmatch(name) is None:
                raise _Broken(number, column, f"{_short(name)} is no name; letters, digits and _ are")
            if name in found:
                raise _Broken(number, column, f"{name!r} means {found[name]!r} already; keep one")
            found[name] = meaning
    return found


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Split at commas outside brackets; (offset, stripped item)."""
    depth, begin = 0, 0
    for place, character in enumerate(text + ","):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and (depth <= 0 or place == len(text)):
            item = text[begin:place]
            if item.strip() or place < len(text):
                yield begin + len(item) - len(item.lstrip()), item.strip()
            begin = place + 1


def _after_word(line: str) -> int:
    """The column at which a colon was expected."""
    word = re.match(r"[\w-]*", line)
    return (word.end() if word else 0) + 1


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")

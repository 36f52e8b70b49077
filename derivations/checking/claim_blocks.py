"""The lines of a claim file: blocks, keys and values, each with its place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "KEYS", "Block", "Broken", "BrokenClaim", "Lines", "Value", "one_of", "read_blocks", "read_names",
    "read_values", "short",
]

#: keys of a block, in the order in which they are usually written
KEYS = ("source", "notation", "claim", "against", "where", "limit", "format", "expect", "note")
#: a claim written over several lines keeps its lines: the reader's positions are then right
_KEEPS_LINES = ("claim",)
_LONGEST_LINE = 5_000
_KEY = re.compile(r"([A-Za-z][A-Za-z _-]{0,30}?)[ \t]*:(.*)", re.DOTALL)
_RULE = re.compile(r"-{3,}[ \t]*")
_NAME = re.compile(r"\\?[^\W\d]\w*(\{\w+\})?'?")

#: numbered lines
Lines = list[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenClaim:
    """A line that cannot be read; the message says what was expected."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class Broken(Exception):
    """Carries a :class:`BrokenClaim` out of a block."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.found = BrokenClaim(line=line, column=column, message=message)


@dataclass(slots=True)
class Value:
    """A value with the place where it begins; ``lines`` are (number, column, text)."""

    key: str
    key_line: int  # where the key stands; the value may begin below
    lines: list[tuple[int, int, str]]

    @property
    def place(self) -> tuple[int, int]:
        return (self.lines[0][0], self.lines[0][1]) if self.lines else (self.key_line, 1)

    @property
    def text(self) -> str:
        return ("\n" if self.key in _KEEPS_LINES else " ").join(part for _, _, part in self.lines)


#: the values of a block by key
Block = dict[str, Value]


def read_blocks(text: str) -> Iterator[Lines]:
    """Numbered lines of each block, without comments and blank lines; empty blocks are dropped."""
    block: Lines = []
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


def read_values(lines: Lines) -> Block:
    """The values of a block by key."""
    found: Block = {}
    current: Value | None = None
    for number, line in lines:
        _require_plain(number, line)
        body = line.lstrip(" \t")
        indent = len(line) - len(body)
        if indent:
            if current is None:
                raise Broken(number, 1, "an indented line continues a value, and there is none yet; "
                              f"begin it with a key: {', '.join(KEYS)}")
            current.lines.append((number, indent + 1, body))
            continue
        match = _KEY.fullmatch(line)
        if match is None:
            raise Broken(number, _after_word(line), f"expected 'key: value', found {short(line)}; "
                          "indent a line that continues the value above")
        key = match.group(1).lower()
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise Broken(number, 1, f"unknown key {key!r}: {hint}known are {', '.join(KEYS)}")
        if key in found:
            raise Broken(number, 1, f"{key!r} stands in line {found[key].key_line} already; keep one, "
                          "and separate claims by a line ---")
        rest = match.group(2)
        value = rest.lstrip(" \t")
        current = Value(key, number, [])
        if value:
            current.lines.append((number, len(line) - len(value) + 1, value))
        found[key] = current
    for value_ in found.values():
        if not value_.lines:
            raise Broken(value_.key_line, len(value_.key) + 2, f"{value_.key!r} has no value")
    return found


def _require_plain(number: int, line: str) -> None:
    if len(line) > _LONGEST_LINE:
        raise Broken(number, _LONGEST_LINE + 1, f"{len(line)} characters in one line; at most "
                      f"{_LONGEST_LINE}: continue in indented lines")
    for column, character in enumerate(line, start=1):
        if not character.isprintable() and character != "\t":
            raise Broken(number, column, f"character U+{ord(character):04X} does not print; remove it")


def one_of(values: Block, key: str, known: tuple[str, ...], default: str) -> str:
    """A word of a fixed list, or the default where the block does not say."""
    if key not in values:
        return default
    word = values[key].text
    if word not in known:
        near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        line, column = values[key].place
        raise Broken(line, column, f"{key} {short(word)} is unknown: {hint}known are {', '.join(known)}")
    return word


def read_names(value: Value) -> dict[str, str]:
    """``name = meaning``, one a line or separated by commas outside brackets."""
    found: dict[str, str] = {}
    for number, start, text in value.lines:
        for offset, item in _items(text):
            column = start + offset
            name, sign, meaning = (part.strip() for part in item.partition("="))
            if not sign or not name or not meaning:
                raise Broken(number, column, f"expected 'name = meaning', found {short(item)}; "
                              "write for example 'gamma = learning_rate'")
            if _NAME.fullmatch(name) is None:
                raise Broken(number, column, f"{short(name)} is no name; letters, digits and _ are")
            if name in found:
                raise Broken(number, column, f"{name!r} means {found[name]!r} already; keep one")
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


def short(text: str) -> str:
    """Quoted, and cut where it is long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")

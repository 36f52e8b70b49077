"""What is wrong with a text, where, and what to write instead."""

from __future__ import annotations

from theory.errors import TheoryError

__all__ = ["ReadingError", "place_in"]

_WINDOW = 72


class ReadingError(TheoryError):
    """A formula that cannot be read.

    Attributes
    ----------
    message
        What was found.
    line, column
        Where, counted from 1.
    suggestion
        What to write instead; may be empty.
    """

    def __init__(self, message: str, *, text: str = "", place: int = 0, suggestion: str = "") -> None:
        self.message = message
        self.line, self.column = place_in(text, place)
        self.suggestion = suggestion
        super().__init__("\n".join(_lines(self, text, place)))


def place_in(text: str, place: int) -> tuple[int, int]:
    """Line and column, from 1, of a character of the text."""
    place = min(max(place, 0), len(text))
    return text.count("\n", 0, place) + 1, place - (text.rfind("\n", 0, place) + 1) + 1


def _lines(error: ReadingError, text: str, place: int) -> list[str]:
    """The message, the part of the line around the character, a caret under it, the suggestion."""
    lines = [f"line {error.line}, column {error.column}: {error.message}"]
    if text:
        place = min(max(place, 0), len(text))
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        begin = max(start, place - _WINDOW // 2)
        shown = text[begin : min(len(text) if end < 0 else end, begin + _WINDOW)]
        lines += ["    " + _printable(shown), "    " + " " * (place - begin) + "^"]
    return [*lines, error.suggestion] if error.suggestion else lines


def _printable(text: str) -> str:
    """One column for each character; what does not print becomes a replacement character."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in text)

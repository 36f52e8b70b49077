"""Text as tokens: characters are judged here, before anything is parsed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from theory.reading.bounds import CHARACTERS, DIGITS, LONG_DIGITS, NODES
from theory.reading.error import ReadingError
from theory.reading.spelling import GREEK, is_plain, look_alike, plain

__all__ = ["KEYWORDS", "Token", "require_short", "stranger", "tokenize"]

_GREEK = "".join(GREEK)
_PATTERN = re.compile(
    rf"""
    (?P<space>[ \t\r]+|\#[^\n]*)
  | (?P<newline>\n)
  | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>(?:[A-Za-z_][A-Za-z0-9_]*|[{_GREEK}](?:[0-9_][A-Za-z0-9_]*)?)(?:(?<=_)[{_GREEK}])?'*)
  | (?P<operator>\*\*|<=|>=|==|!=|:=|->|//|<<|>>|[-+*/^=<>(),;|&\[\]{{}}])
    """,
    re.VERBOSE,
)
#: signs of the printed page, and what they are in text
_SIGNS = {
    "·": "*", "×": "*", "⋅": "*", "∗": "*", "−": "-", "÷": "/", "∕": "/", "⁄": "/", "≤": "<=", "≥": ">=",
    "⩽": "<=", "⩾": ">=", "≠": "!=", "∧": "&", "√": "sqrt", "⟨": "<", "⟩": ">", "〈": "<", "〉": ">",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "′": "'",
}
_POWERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
_HINTS = {
    "∞": "limits are given apart from the claim, as in learning_rate -> 0",
    "→": "limits are given apart from the claim, as in learning_rate -> 0",
    "±": "write two claims, one with + and one with -",
    "∑": "write Sum(term, (h, 1, M - 1))", "∂": "write the derivative out",
    "½": "write 1/2", "¼": "write 1/4", "¾": "write 3/4", "…": "write all terms, or Sum(term, (h, 1, M))",
    "@": "write the name out", "!": "write the factorial out as a product",
    ".": "a name has no parts; write it without the dot",
    '"': "text in quotes is not read; write the formula without them",
    "'": "text in quotes is not read; write the formula without them",
    "`": "write the formula without it", "\\": "LaTeX is read with --latex (read_latex)",
    "$": "LaTeX is read with --latex (read_latex)", ":": "a definition is 'name = formula'",
    "%": "write the remainder as Mod(a, b)", "~": "write the formula without it", "?": "",
}
#: words of the language that carries the formula, none of which a formula needs
KEYWORDS = frozenset((
    "None", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "nonlocal", "not", "pass",
    "raise", "return", "try", "while", "yield", "exec", "eval",
))


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is number, name, operator, average or newline; ``place``, ``end``: offsets in the text."""

    kind: str
    text: str
    place: int
    end: int

    def is_(self, *texts: str) -> bool:
        """Whether it is one of these operators."""
        return self.kind == "operator" and self.text in texts


def require_short(text: str) -> None:
    """Refuse a text that is too long, or no text, at once."""
    if not isinstance(text, str):
        raise ReadingError(f"a formula is a string; got {type(text).__name__}")
    if len(text) > CHARACTERS:
        raise ReadingError(
            f"{len(text)} characters; at most {CHARACTERS} are read", text=text[: CHARACTERS + 1],
            place=CHARACTERS, suggestion="name parts of the formula: a = ...; then use a",
        )


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, comments and blanks left out.

    Raises
    ------
    ReadingError
        For characters that are not read, names that begin with an underscore, numbers that are too long.
    """
    require_short(text)
    tokens: list[Token] = []
    place, long_digits = 0, 0
    while place < len(text):
        if text[place] in _SIGNS or text[place] in _POWERS:
            place = _sign(text, place, tokens)
        else:
            match = _PATTERN.match(text, place)
            if match is None:
                raise stranger(text, place)
            kind, word = str(match.lastgroup), match[0]
            if kind == "number":
                long_digits += _digits(text, place, word)
                if long_digits > LONG_DIGITS:
                    raise ReadingError(f"long numbers of more than {LONG_DIGITS} digits together", text=text,
                                       place=place, suggestion="write letters for the numbers")
            if kind == "name":
                word = _name(text, place, word)
            if kind == "operator" and word == "<" and _before_operand(tokens):
                place = _average(text, place, place + 1, ">⟩〉", tokens)
                continue
            if kind != "space" and not (kind == "newline" and tokens and tokens[-1].kind == "newline"):
                tokens.append(Token(kind, "**" if word == "^" else word, place, match.end()))
            place = match.end()
        if len(tokens) > NODES:
            raise ReadingError(f"more than {NODES} numbers, names and operators", text=text, place=place,
                               suggestion="name parts of the formula: a = ...; then use a")
    return tokens


def _sign(text: str, place: int, tokens: list[Token]) -> int:
    """One sign of the printed page; returns the place behind it."""
    character = text[place]
    if character in _POWERS:
        tokens.append(Token("operator", "**", place, place + 1))
        tokens.append(Token("number", _POWERS[character], place, place + 1))
        if text[place + 1 : place + 2] in _POWERS and place + 1 < len(text):
            raise ReadingError("more than one raised digit", text=text, place=place + 1,
                               suggestion="write the power as **12")
        return place + 1
    word = _SIGNS[character]
    if character in "⟨〈":
        return _average(text, place, place + 1, "⟩〉", tokens)
    if word == "sqrt":
        tokens.append(Token("name", "sqrt", place, place + 1))
    elif word == "'":
        raise ReadingError("a prime stands behind no name", text=text, place=place,
                           suggestion="write lambda' or second_curvature")
    elif word != " ":
        tokens.append(Token("operator", word, place, place + 1))
    return place + 1


def _before_operand(tokens: list[Token]) -> bool:
    """Whether an operand must come next, so that ``<`` opens an average and no relation."""
    last = tokens[-1] if tokens else None
    return last is None or (last.kind in ("operator", "newline") and not last.is_(")", "]", "|", "}"))


def _average(text: str, place: int, start: int, closing: str, tokens: list[Token]) -> int:
    """``<theta^2>``: one name for the quantity."""
    end = next((i for i in range(start, min(start + 60, len(text))) if text[i] in closing), -1)
    inside = text[start:end] if end > 0 else ""
    if not inside.strip() or any(c in "\n=<;#\"\\" for c in inside):
        raise ReadingError("an average that does not end", text=text, place=place,
                           suggestion="write <theta^2>, or a relation with something on its left")
    for offset, c in enumerate(inside):
        if not (c.isascii() and c.isprintable()) and c not in GREEK and c not in _SIGNS and c not in _POWERS:
            raise stranger(text, start + offset)
    tokens.append(Token("average", "<" + inside.replace(" ", "") + ">", place, end + 1))
    return end + 1


def _name(text: str, place: int, word: str) -> str:
    bare = word.rstrip("'")
    after = text[place + len(word) : place + len(word) + 1]
    closed = len(word) > len(bare) + 1 or "'" in text[place + len(word) : place + len(word) + 500]
    quoted = word != bare and closed and bare.lower() in ("f", "r", "b", "u", "rb", "br", "fr", "rf", "t")
    if quoted or after == '"':
        raise ReadingError(f"a string in quotes ({bare}-string)", text=text, place=place,
                           suggestion="text in quotes is not read; write the formula without them")
    spelled = plain(word)
    if not is_plain(spelled):
        raise ReadingError(
            f"the name {_short(word)} is not read", text=text, place=place,
            suggestion="a name begins with a letter and has single underscores",
        )
    if len(spelled) > 60:
        raise ReadingError("a name of more than 60 characters", text=text, place=place,
                           suggestion="write a shorter one")
    if spelled in KEYWORDS:
        raise ReadingError(
            f"{spelled!r} is a word of a programming language, and no code is read", text=text, place=place,
            suggestion="write a formula, or another name",
        )
    return spelled


def _digits(text: str, place: int, word: str) -> int:
    """How many digits count towards the bound on long numbers."""
    mantissa, _, exponent = word.lower().partition("e")
    digits = sum(c.isdigit() for c in mantissa)
    power = len(exponent.lstrip("+-0"))
    if digits > DIGITS or power > 2 or (power and abs(int(exponent)) > DIGITS):
        raise ReadingError(
            f"the number {_short(word)} has more than {DIGITS} digits", text=text, place=place,
            suggestion="write a shorter number, or a letter for it",
        )
    return digits + (abs(int(exponent)) if power else 0) if digits > 3 or power else 0


def stranger(text: str, place: int) -> ReadingError:
    """The error for a character that no formula contains."""
    c = text[place]
    code = f"U+{ord(c):04X}"
    if 0xD800 <= ord(c) <= 0xDFFF:
        return ReadingError(f"half of a character ({code})", text=text, place=place,
                            suggestion="save the text as UTF-8 again")
    name = unicodedata.name(c, "a control character" if ord(c) < 32 else "no character")
    twin = look_alike(c)
    if c.isascii() and c.isprintable():
        return ReadingError(f"the character {c!r} is not read", text=text, place=place,
                            suggestion=_HINTS.get(c, "write the formula without it"))
    shown = f"{c!r} ({name}, {code})" if c.isprintable() else f"{code} ({name})"
    if c in _HINTS:
        return ReadingError(f"the character {shown} is not read", text=text, place=place,
                            suggestion=_HINTS[c])
    if c in "₀₁₂₃₄₅₆₇₈₉":
        return ReadingError(f"the character {shown} is not read", text=text, place=place,
                            suggestion=f"write the index as _{twin}")
    if twin:
        return ReadingError(f"the character {shown} only looks like {twin!r}", text=text, place=place,
                            suggestion=f"write {twin!r} from the keyboard")
    return ReadingError(f"the character {shown} is not read", text=text, place=place,
                        suggestion="letters are ASCII or Greek; write names out, as in learning_rate")


def _short(word: str) -> str:
    return repr(word if len(word) <= 24 else word[:21] + "...")



"""Tokens of one formula are checked in a row, so that the message can point at the token itself."""

from __future__ import annotations

from collections.abc import Sequence

from theory.reading.bounds import CHAIN, DEEPEST
from theory.reading.error import ReadingError
from theory.reading.functions import (
    FUNCTIONS,
    INFINITE,
    INFINITE_SUM,
    LIMITS_APART,
    SPECIAL_FORMS,
    UNREAD_FUNCTIONS,
)
from theory.reading.text_tokens import Token

__all__ = ["CALLABLE", "WORDS", "check_row"]

CALLABLE = frozenset((*FUNCTIONS, *SPECIAL_FORMS))
#: names that stand for no quantity
WORDS = frozenset(("and", "or", "True", "False"))
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=", "=")
_BINARY = ("+", "-", "*", "/", "**", *_RELATIONS)
_REFUSED = {
    ":=": "a definition is 'name = formula'", "->": "limits are given apart from the claim",
    "//": "write a/b", "<<": "write a product or a power", ">>": "write a quotient",
    "[": "write round brackets", "]": "write round brackets", "{": "write round brackets",
    "}": "write round brackets", ";": "write one formula at a time", "&": "write 'and' between conditions",
}


def check_row(text: str, tokens: Sequence[Token], end: int, *, conditions: bool) -> None:
    """Refuse what is no formula: brackets, operators and operands out of order, depth, length.

    ``end`` is the offset in the text at which something is missing if the row just ends. Relations are read
    if ``conditions``, and inside ``Piecewise`` anyway.

    Raises
    ------
    ReadingError
        At the first token that cannot stand where it stands.
    """
    _brackets(text, tokens)
    _depth(text, tokens)
    cases: list[bool] = []  # for each open bracket, whether it belongs to a Piecewise or stands in one
    sums: list[bool] = []  # the same for a Sum
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        if token.is_("("):
            cases.append(any(cases[-1:]) or (before is not None and before.text == "Piecewise"))
            sums.append(any(sums[-1:]) or (before is not None and before.text == "Sum"))
        elif token.is_(")"):
            cases.pop()
            sums.pop()
        elif token.kind == "name" and token.text in INFINITE:
            raise _infinite(text, token, in_sum=any(sums[-1:]))
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        _neighbours(text, tokens, place, before, token)
        if token.is_(*_RELATIONS) and not conditions and not any(cases[-1:]):
            raise _relation(text, token)
        if token.kind == "name" and token.text in CALLABLE and (after is None or not after.is_("(")):
            raise ReadingError(f"{token.text} is a function", text=text, place=token.place,
                               suggestion=f"write {token.text}(...), or give your letter another name")
        if after is None and not _ends(token):
            raise ReadingError("the formula ends here, and something is missing", text=text, place=end,
                               suggestion=f"write a number, a name or a bracket behind {token.text!r}")


def _infinite(text: str, token: Token, *, in_sum: bool) -> ReadingError:
    message = "an infinite sum" if in_sum else f"{token.text!r} stands in a formula"
    return ReadingError(message, text=text, place=token.place,
                        suggestion=INFINITE_SUM if in_sum else LIMITS_APART)


def _relation(text: str, token: Token) -> ReadingError:
    if token.text == "==":
        return ReadingError("'==' compares", text=text, place=token.place, suggestion="write one '='")
    if token.text == "=":
        return ReadingError("a second '='", text=text, place=token.place,
                            suggestion="write 'left = right' with one '='; each definition has its own line")
    return ReadingError(f"the relation {token.text!r} stands in a formula", text=text, place=token.place,
                        suggestion="write the claim alone; conditions are given apart from it")


def _ends(token: Token) -> bool:
    """Whether an operand ends with this token."""
    if token.kind == "name":
        return token.text not in ("and", "or")
    return token.kind in ("number", "average") or token.is_(")")


def _neighbours(text: str, tokens: Sequence[Token], place: int, before: Token | None, token: Token) -> None:
    """Two operands need an operator between them, and two operators an operand."""
    if token.kind == "operator" and token.text in _REFUSED:
        raise ReadingError(f"{token.text!r} is not read here", text=text, place=token.place,
                           suggestion=_REFUSED[token.text])
    operand = before is not None and _ends(before)
    word = token.kind == "name" and token.text in ("and", "or")
    if token.is_("+", "-"):
        return
    if token.is_("("):
        if operand and not (before is not None and before.kind == "name" and before.text in CALLABLE):
            raise _missing_operator(text, tokens, place)
        return
    needs_operand = word or token.is_(*_BINARY, ",") or (
        token.is_(")") and not (before is not None and before.is_(",")))
    if needs_operand and not operand:
        shown = "the end" if before is None else repr(before.text)
        raise ReadingError(
            f"{token.text!r} stands where a number, a name or a bracket is expected", text=text,
            place=token.place,
            suggestion="begin with a number, a name or a bracket" if before is None
            else f"write something between {shown} and {token.text!r}",
        )
    if not needs_operand and not token.is_(")") and operand:
        raise _missing_operator(text, tokens, place)


def _missing_operator(text: str, tokens: Sequence[Token], place: int) -> ReadingError:
    """``2 eta`` and ``M(M - 1)``: the product is not written."""
    before, token = tokens[place - 1], tokens[place]
    left = text[before.place : before.end] if not before.is_(")") else "(...)"
    right = text[token.place : token.end]
    if token.is_("("):
        close = _closing(tokens, place)
        inside = text[token.place : tokens[close].place + 1]
        right = inside if len(inside) <= 40 and "\n" not in inside else "(...)"
    suggestion = f"did you mean {left}*{right}?"
    if token.is_("(") and before.kind == "name":
        if before.text in UNREAD_FUNCTIONS:
            return ReadingError(f"the function {before.text} is not read", text=text, place=before.place,
                                suggestion=_instead(before.text))
        return ReadingError(f"{left!r} is not a function", text=text, place=token.place,
                            suggestion=f"{suggestion} Functions are {', '.join(sorted(CALLABLE))}")
    return ReadingError(f"no operator between {left!r} and {right!r}", text=text, place=token.place,
                        suggestion=suggestion)


def _instead(name: str) -> str:
    """What to do about a function that is not read."""
    words = UNREAD_FUNCTIONS[name]
    return words if words.startswith(("drop", "formulas")) else f"write {words}"


def _brackets(text: str, tokens: Sequence[Token]) -> None:
    open_: list[Token] = []
    for token in tokens:
        if token.is_("("):
            open_.append(token)
        elif token.is_(")"):
            if not open_:
                raise ReadingError("this bracket was never opened", text=text, place=token.place,
                                   suggestion="remove it, or open one before")
            open_.pop()
    if open_:
        raise ReadingError("this bracket is never closed", text=text, place=open_[-1].place,
                           suggestion="write ')' where it ends")


def _depth(text: str, tokens: Sequence[Token]) -> None:
    """Bound the depth of the syntax tree before anything recursive sees the tokens."""
    levels = [0]
    deepest = [0]
    run = 0
    for place, token in enumerate(tokens):
        if token.is_("("):
            levels.append(0)
            deepest.append(0)
            if len(levels) > DEEPEST:
                raise ReadingError(f"brackets more than {DEEPEST} deep", text=text, place=token.place,
                                   suggestion="name a part of the formula: a = ...; then use a")
        elif token.is_(")"):
            inside = levels.pop() + deepest.pop()
            deepest[-1] = max(deepest[-1], inside)
        elif token.kind == "operator":
            levels[-1] += 1
        sign = token.is_("+", "-", "**") and (place == 0 or not _ends(tokens[place - 1]) or token.is_("**"))
        if sign:
            run += 1
        elif token.is_("+", "-", "*", "/", ",", "(") or token.is_(*_RELATIONS):
            run = 0
        if run > DEEPEST // 4:
            raise ReadingError(f"more than {DEEPEST // 4} signs or powers in a row", text=text,
                               place=token.place, suggestion="use brackets, and name parts of the formula")
    if levels[0] + deepest[0] > CHAIN:
        raise ReadingError(f"more than {CHAIN} operators in a row", text=text, place=tokens[0].place,
                           suggestion="name parts of the formula: a = ...; then use a")


def _closing(tokens: Sequence[Token], place: int) -> int:
    depth = 0
    for i in range(place, len(tokens)):
        depth += tokens[i].is_("(") - tokens[i].is_(")")
        if depth == 0:
            return i
    return len(tokens) - 1

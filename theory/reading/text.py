"""SymPy-like text: ``eta*c/(lambda*(2 - eta*lambda))``, ``V = ...``, with definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from theory.reading.build import Builder
from theory.reading.error import ReadingError
from theory.reading.notation import DEFAULT_NOTATION, Notation
from theory.reading.reading import Reading
from theory.reading.spelling import plain
from theory.reading.statements import Statement, assemble
from theory.reading.text_check import CALLABLE
from theory.reading.text_tokens import Token, tokenize
from theory.reading.text_tree import formula_tree
from theory.reading.tree import Junction

__all__ = ["read_condition", "read_text"]

_LEADING = ("*", "/", "**", ")", ",", "=", "^")
_NAME = r"[^\W\d]\w*'*"
_SQUARE = r"(?:\s*(?:\^|\*\*)\s*2|²)?"
_SIGMA = rf"(?:sigma|Sigma|[σΣ])\w*'*(?:_\{{[^{{}}=]*\}})?{_SQUARE}"
#: R(tau), Var(theta), E[v^2], sigma_theta^2, S_theta(omega), theta_{k+tau}: names of a quantity; any other
#: square is an expression
_QUANTITY = re.compile(
    rf"(?:(?:{_SIGMA}|{_NAME})\s*\(\s*{_NAME}\s*\)|{_NAME}\s*\[[^\[\]=]*\]|(?:Var|Cov|E)\s*\([^=]*\)"
    rf"|{_NAME}_\{{[^{{}}=]*\}}(?:\s*\(\s*{_NAME}\s*\))?|{_SIGMA})"
)


def read_text(text: str, notation: Notation = DEFAULT_NOTATION) -> Reading:
    """Read a formula or an equation, with its definitions, from SymPy-like text.

    Operators are ``+ - * / **`` (or ``^``), round brackets, ``|x|``, and the functions of
    :data:`theory.reading.functions.FUNCTIONS`, ``Sum(term, (h, a, b))``, ``Piecewise((x, condition), ...)``.
    Decimals are exact. Definitions ``name = formula`` stand in lines of their own, or between semicolons,
    before the claim, or behind the word "where" after it; ``#`` begins a comment.

    Raises
    ------
    ReadingError
        If it cannot be read: says where, and what to write instead. Names that are not declared are no
        error here; they are the ``unknown`` of the reading.
    """
    statements = [_statement(text, part) for part in _split(text, tokenize(text))]
    return assemble(text, statements, notation)


def read_condition(text: str, notation: Notation = DEFAULT_NOTATION) -> sp.Basic:
    """Read relations joined by commas, ``and``, ``or``: ``0 <= momentum < 1, eta*lambda < 2*(1 + beta)``.

    Returns an ``And`` or ``Or`` of relations with both sides as written, one relation, or ``true`` for a
    text without any. Names that are not declared become symbols without assumptions.

    Raises
    ------
    ReadingError
        As :func:`read_text`.
    """
    tokens = tokenize(text)
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.is_("(") - token.is_(")")
        if depth == 0 and (token.is_(",", ";") or token.kind == "newline"):
            parts.append([])
        else:
            parts[-1].append(token)
    nodes = [
        formula_tree(text, part, part[-1].end, conditions=True)
        for part in parts if any(t.kind != "newline" for t in part)
    ]
    if len(nodes) == 1:
        return Builder(text, notation.names).condition(nodes[0])
    return Builder(text, notation.names).condition(Junction(0, "and", tuple(nodes)))


@dataclass(slots=True)
class _Part:
    """Tokens of one statement; ``equals`` counts them up to the sign ``=`` if there is one."""

    tokens: list[Token]
    end: int
    behind_where: bool = False
    equals: int = -1


def _split(text: str, tokens: Sequence[Token]) -> Iterator[_Part]:
    """Statements: cut at ``;``, at line ends that end a formula, at "where", and at commas behind it."""
    part = _Part([], 0)
    depth, where = 0, False
    for i, token in enumerate(tokens):
        depth = max(0, depth + token.is_("(", "[", "{") - token.is_(")", "]", "}"))
        word = token.kind == "name" and token.text in ("where", "with") and depth == 0
        cut = token.is_(";") or word or (where and depth == 0 and token.is_(","))
        cut = cut or (where and depth == 0 and token.kind == "name" and token.text == "and")
        if token.kind == "newline" and not cut:
            cut = _line_ends(text, part, tokens[i + 1 : i + 2], where, depth)
        if cut:
            while part.tokens and part.tokens[-1].is_(",") and word:
                part.tokens.pop()
            if part.tokens:
                part.end = part.tokens[-1].end
                yield part
            where = where or word
            part = _Part([], 0, behind_where=where)
        elif token.kind != "newline":
            if token.is_("=") and depth == 0 and part.equals < 0:
                part.equals = len(part.tokens)
            part.tokens.append(token)
    if part.tokens:
        part.end = part.tokens[-1].end
        yield part


def _line_ends(text: str, part: _Part, rest: Sequence[Token], where: bool, depth: int) -> bool:
    """Whether a line end ends the statement: not inside brackets, nor beside an operator."""
    if depth > 0 or not part.tokens or not rest:
        return depth == 0
    following = rest[0]  # never a second line end
    last = part.tokens[-1]
    if (last.kind == "operator" and not last.is_(")", "]", "}", "|")) or following.is_(*_LEADING):
        return False
    if not following.is_("+", "-"):
        return True
    if part.equals == 1 and part.tokens[0].kind == "name" and not where:
        raise ReadingError(
            "this line may go on the definition above or begin a formula", text=text, place=following.place,
            suggestion="put ';' before it to begin a formula, or the sign at the end of the line above",
        )
    return False


def _statement(text: str, part: _Part) -> Statement:
    place = part.tokens[0].place
    if part.equals < 0:
        return Statement(place=place, right=formula_tree(text, part.tokens, part.end),
                         behind_where=part.behind_where)
    sign = part.tokens[part.equals]
    raw = text[place : sign.place].strip()
    before = part.tokens[: part.equals]
    if not before:
        raise ReadingError("nothing stands left of '='", text=text, place=sign.place,
                           suggestion="write the name of the quantity there, or the formula alone")
    right = formula_tree(text, part.tokens[part.equals + 1 :], part.end)
    left = " ".join(raw.split())
    if len(before) == 1 and before[0].kind in ("name", "average") and before[0].text not in CALLABLE:
        return Statement(place=place, left=left, name=plain(before[0].text) if before[0].kind == "name" else
                         before[0].text, right=right, behind_where=part.behind_where)
    quantity = _QUANTITY.fullmatch(left) and left.split("(")[0].strip() not in CALLABLE
    equation = None if quantity else formula_tree(text, before, sign.place)
    return Statement(place=place, left=left, equation=equation, right=right, behind_where=part.behind_where)

r"""LaTeX of a formula, as the project prints it and papers write it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from theory.reading.bounds import STATEMENTS
from theory.reading.error import ReadingError
from theory.reading.latex_parser import Family, LatexParser
from theory.reading.latex_sequences import sequence_families
from theory.reading.latex_tokens import LatexToken, tokenize_latex
from theory.reading.notation import DEFAULT_NOTATION, Notation
from theory.reading.reading import Reading
from theory.reading.spelling import plain
from theory.reading.statements import Statement, assemble
from theory.reading.tree import Name

__all__ = ["read_latex"]

_OPENING = ("(", "[", r"\{", "{", "lvert", "langle", "begin")
_CLOSING = (")", "]", r"\}", "}", "rvert", "rangle", "end")
_WHERE = ("where", "with", "and", "for", "here", "in which", "where we set", "and where", "using")
#: operators whose brackets hold a random quantity: left sides only
_MOMENTS = ("Var", "Cov", "E", "V", "var", "cov", "Tr", "tr")


def read_latex(text: str, notation: Notation = DEFAULT_NOTATION) -> Reading:
    r"""Read a formula or an equation, with the definitions behind it, from LaTeX.

    Read are fractions, roots, powers, subscripts as parts of names, Greek letters, sums with their limits,
    absolute values, cases, functions, brackets of every size, products side by side, and display
    environments. Rows or commas separate definitions ``a = ...``; sequences are defined by their recursion,
    as :func:`theory.typeset.formula_latex` prints them.

    Raises
    ------
    ReadingError
        If it cannot be read: says where, and what to write instead. Names that are not declared are no
        error here; they are the ``unknown`` of the reading.
    """
    segments = [s for s in _segments(text, tokenize_latex(text)) if s.right]
    if len(segments) > STATEMENTS:
        raise ReadingError(
            f"{len(segments)} statements; at most {STATEMENTS} are read", text=text,
            place=segments[STATEMENTS].right[0].place, suggestion="write one claim at a time",
        )
    declared = frozenset(notation.names)
    rows = [(_closed(text, s.left), _closed(text, s.right)) for s in segments]
    families, used = sequence_families(text, rows, declared)
    statements = [
        _statement(text, segment, row, families, declared)
        for number, (segment, row) in enumerate(zip(segments, rows, strict=True)) if number not in used
    ]
    return assemble(text, statements, notation, claim_first=True)


@dataclass(slots=True)
class _Segment:
    """One statement: tokens left and right of ``=``; ``behind``: behind the word "where"."""

    left: list[LatexToken] = field(default_factory=list)
    right: list[LatexToken] = field(default_factory=list)
    equals: LatexToken | None = None
    behind: bool = False


def _segments(text: str, tokens: Sequence[LatexToken]) -> Iterator[_Segment]:
    """Statements: cut outside brackets at commas, at words like "where", and at rows that have a ``=``."""
    current = _Segment()
    depth, cases = 0, 0
    where = False
    for i, token in enumerate(tokens):
        if token.is_(*_OPENING):
            depth, cases = depth + 1, cases + token.is_("begin")
        elif token.is_(*_CLOSING):
            depth, cases = depth - 1, cases - token.is_("end")
        outside = depth <= 0
        if token.kind == "end":
            break
        if token.is_("&", "\\\\") and cases <= 0 and not (token.is_("\\\\") and outside):
            continue  # alignment, and rows inside brackets, only lay the formula out
        word = token.kind == "word" and outside and token.text.lower() in _WHERE
        row = token.is_("\\\\") and outside and _row_has_sign(tokens, i + 1)
        if outside and (word or row or token.is_(",", ";")):
            if current.right:
                yield current
            where = where or (word and token.text.lower() != "and")
            current = _Segment(behind=where)
        elif token.is_(".", ":") and outside and _only_layout(tokens, i + 1):
            continue
        elif token.is_("=") and outside and current.equals is None:
            current.left, current.right, current.equals = current.right, [], token
            if not current.left:
                raise ReadingError("nothing stands left of '='", text=text, place=token.place,
                                   suggestion="write the quantity there, or the formula alone")
        elif token.is_("\\\\") and outside:
            _require_joined(text, tokens[max(0, i - 1)], tokens[i + 1])
        else:
            current.right.append(token)
    if current.equals is not None and not current.right:
        raise ReadingError("nothing stands right of '='", text=text, place=current.equals.end,
                           suggestion="write the formula there")
    if current.right:
        yield current


def _require_joined(text: str, before: LatexToken, after: LatexToken) -> None:
    """A formula goes on in another row beside an operator only."""
    operand = before.kind in ("letter", "number", "word") or before.is_(*_CLOSING)
    if operand and (after.kind in ("letter", "number", "word") or after.is_(*_OPENING)):
        raise ReadingError(
            "a second formula begins here", text=text, place=after.place,
            suggestion="write one claim at a time; a row that goes on begins or ends with an operator",
        )


def _row_has_sign(tokens: Sequence[LatexToken], start: int) -> bool:
    """Whether a row that begins here has an ``=`` of its own, outside brackets, before it ends."""
    depth = 0
    for token in tokens[start : start + 4000]:
        depth += token.is_(*_OPENING) - token.is_(*_CLOSING)
        if depth <= 0 and token.is_("="):
            return True
        if token.kind == "end" or (depth <= 0 and token.is_("\\\\")):
            return False
    return False


def _only_layout(tokens: Sequence[LatexToken], start: int) -> bool:
    """Whether nothing follows but line ends: then a full stop ends the sentence, not the formula."""
    return all(token.is_("\\\\", "&") or token.kind == "end" for token in tokens[start : start + 50])


def _closed(text: str, tokens: Sequence[LatexToken]) -> list[LatexToken]:
    """The tokens with an ``end`` behind them."""
    place = tokens[-1].end if tokens else len(text)
    return [*tokens, LatexToken("end", "the end", place, place)]


def _statement(
    text: str, segment: _Segment, row: tuple[Sequence[LatexToken], Sequence[LatexToken]],
    families: Mapping[str, Family], declared: frozenset[str],
) -> Statement:
    left_tokens, right_tokens = row
    right = LatexParser(text, right_tokens, families, declared).formula()
    if not segment.left:
        return Statement(place=right_tokens[0].place, right=right, behind_where=segment.behind)
    place = segment.left[0].place
    left = " ".join(text[place : segment.left[-1].end].replace("&", " ").split())
    if _is_quantity(segment.left):
        return Statement(place=place, left=left, right=right, behind_where=segment.behind,
                         name=_bracketed_name(text, segment.left, right_tokens))
    node = LatexParser(text, left_tokens, families, declared).formula()
    if isinstance(node, Name):
        return Statement(place=place, left=left, name=node.name, right=right, behind_where=segment.behind)
    return Statement(place=place, left=left, equation=node, right=right, behind_where=segment.behind)


def _bracketed_name(
    text: str, left: Sequence[LatexToken], right: Sequence[LatexToken]
) -> str:
    r"""An average that is used again on the right names an unknown; all other quantities are only named."""
    if not (left[0].is_("langle") and left[-1].is_("rangle") and sum(t.is_("langle") for t in left) == 1):
        return ""
    node = LatexParser(text, _closed(text, left), {}, frozenset()).formula()
    again = isinstance(node, Name) and any(t.is_("langle") for t in right)
    return node.name if again and isinstance(node, Name) else ""


def _is_quantity(tokens: Sequence[LatexToken]) -> bool:
    r"""Whether a left side is just a name: ``\langle\theta^2\rangle``, ``R(\tau)``, ``\sigma_v^2``."""
    if tokens[0].is_("lim"):
        return True
    if tokens[0].is_("langle"):
        if not any(t.is_("rangle") for t in tokens):
            return False
        return [t.is_("rangle") for t in tokens].index(True) == len(tokens) - 1
    if len(tokens) > 200:
        return False
    rest = list(tokens)
    font = rest[0].is_("mathbb", "mathbf", "mathrm", "mathcal", "boldsymbol")
    while len(rest) > 1 and (rest[0].kind == "command" or rest[0].is_("{")):
        rest.pop(0)
    if not rest or rest[0].kind not in ("letter", "word"):
        return False
    head = rest.pop(0)
    while rest and rest[0].is_("}"):
        rest.pop(0)
    scripted = False
    while rest and rest[0].is_("_", "^", "'"):
        squared = rest[0].is_("^")
        size = 1 if rest[0].is_("'") else _script(rest)
        if squared and (
            "".join(t.text for t in rest[1:size]) not in ("2", "{2}") or head.text.lower() != "sigma"
        ):
            return False  # V^2 = ... is an equation, \sigma_v^2 a name
        scripted = scripted or squared
        del rest[:size]
    if not rest:
        return scripted
    if not rest[0].is_("(", "["):
        return False
    inside = rest[1:-1]
    if rest[-1].is_(")", "]") and (plain(head.text) in _MOMENTS and (font or head.kind == "word" or
                                                                   rest[0].is_("["))):
        return True
    return rest[-1].is_(")", "]") and len(inside) == 1 and inside[0].kind == "letter"


def _script(tokens: Sequence[LatexToken]) -> int:
    """How many tokens a subscript or power takes, its sign included."""
    if len(tokens) > 1 and tokens[1].is_("{"):
        depth = 0
        for i, token in enumerate(tokens[1:], start=1):
            depth += token.is_("{") - token.is_("}")
            if depth == 0:
                return i + 1
    return min(2, len(tokens))

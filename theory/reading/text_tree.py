"""One formula of text, as checked tokens, through Python's ``ast`` to a tree.

Python's parser sees one identifier for each number and name, ``t0 * t1 ** t2``: no keyword, no literal,
no string and no foreign character reaches it. Of the syntax tree only the node types below are read.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NoReturn

from theory.reading import tree
from theory.reading.error import ReadingError
from theory.reading.functions import FUNCTIONS
from theory.reading.text_check import CALLABLE, WORDS, check_row
from theory.reading.text_tokens import Token

__all__ = ["formula_tree"]

_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=", ast.NotEq: "!="}
#: what takes ranges: its node, its noun, an example
_RANGED: Mapping[str, tuple[type[tree.Series | tree.Area], str, str]] = {
    "Sum": (tree.Series, "a sum", "Sum(term, (h, 1, M - 1))"),
    "Integral": (tree.Area, "an integral", "Integral(term, (t, 0, 1))"),
}
_SPELLED = {"=": "==", "&": "and"}


def formula_tree(text: str, tokens: Sequence[Token], end: int, *, conditions: bool = False) -> tree.Node:
    """The tree of a row of tokens; relations are read if ``conditions``.

    Raises
    ------
    ReadingError
        If the row is no formula, at the token where it stops being one.
    """
    row = [t for t in _bars(text, tokens, conditions) if t.kind != "newline"]
    if not row:
        raise ReadingError("a formula is expected here", text=text, place=min(end, len(text)),
                           suggestion="write one, such as eta*c/2")
    check_row(text, row, end, conditions=conditions)
    code, starts = _code(row)
    try:
        parsed = ast.parse(code, mode="eval").body
    except (SyntaxError, MemoryError, RecursionError, ValueError) as error:
        column = getattr(error, "offset", None) or 1
        raise ReadingError("this is no formula", text=text, place=_token_at(row, starts, column - 1).place,
                           suggestion="write it with + - * / ** and round brackets") from None
    return _Walk(text, row, starts).node(parsed)


def _code(row: Sequence[Token]) -> tuple[str, list[int]]:
    """Python source of one line in which token i begins at column ``starts[i]``."""
    parts, starts, column = [], [], 0
    for i, token in enumerate(row):
        if token.kind == "operator":
            word = _SPELLED.get(token.text, token.text)
        elif token.kind == "name" and token.text in ("and", "or"):
            word = token.text
        else:
            word = f"t{i}"
        parts.append(word)
        starts.append(column)
        column += len(word) + 1
    return " ".join(parts), starts


def _token_at(row: Sequence[Token], starts: Sequence[int], column: int) -> Token:
    return row[max(0, bisect_right(starts, column) - 1)]


def _bars(text: str, tokens: Sequence[Token], conditions: bool) -> list[Token]:
    """``|x|`` as ``Abs(x)``; in conditions ``|`` between two of them is "or" and ``&`` is "and"."""
    row: list[Token] = []
    open_: list[list[int]] = [[]]
    for token in tokens:
        operand = bool(row) and (row[-1].kind != "operator" or row[-1].is_(")", "]"))
        operand = operand and row[-1].text not in ("and", "or")
        if token.is_("&") and conditions:
            row.append(Token("name", "and", token.place, token.end))
        elif token.is_("|") and operand and open_[-1]:
            open_[-1].pop()
            row.append(Token("operator", ")", token.place, token.end))
        elif token.is_("|") and operand and conditions:
            row.append(Token("name", "or", token.place, token.end))
        elif token.is_("|") and operand:
            raise ReadingError(
                "'|' stands behind an operand, and no '|' is open", text=text, place=token.place,
                suggestion="write the absolute value as Abs(x), and a product with *",
            )
        elif token.is_("|"):
            open_[-1].append(token.place)
            row.append(Token("name", "Abs", token.place, token.end))
            row.append(Token("operator", "(", token.place, token.end))
        else:
            if token.is_("("):
                open_.append([])
            elif token.is_(")"):
                if open_[-1]:
                    break
                if len(open_) > 1:
                    open_.pop()
            row.append(token)
    for level in open_:
        if level:
            raise ReadingError("this '|' is never closed", text=text, place=level[-1],
                               suggestion="write the absolute value as Abs(x)")
    return row


class _Walk:
    """Reads the whitelisted node types of one syntax tree."""

    def __init__(self, text: str, row: Sequence[Token], starts: Sequence[int]) -> None:
        self.text = text
        self.tokens = {f"t{i}": token for i, token in enumerate(row)}
        self.row, self.starts = row, starts

    def place(self, node: ast.expr) -> int:
        return _token_at(self.row, self.starts, node.col_offset).place

    def node(self, node: ast.expr) -> tree.Node:
        match node:
            case ast.Name(id=key):
                return self.leaf(self.tokens[key])
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self.total(node)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self.product(node)
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return tree.Power(self.place(base), self.node(base), self.node(exponent))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                place = self.place(node)
                minus = tree.Number(place, Fraction(-1))
                return tree.Product(place, ((minus, False), (self.node(operand), False)))
            case ast.Call(func=ast.Name(id=key), args=arguments, keywords=[]):
                return self.call(self.tokens[key], arguments)
            case ast.Compare(left=left, ops=ops, comparators=rest):
                return self.relations(left, ops, rest)
            case ast.BoolOp(op=op, values=values):
                word = "and" if isinstance(op, ast.And) else "or"
                return tree.Junction(self.place(node), word, tuple(self.node(v) for v in values))
        return self.refuse(node)

    def refuse(self, node: ast.expr) -> NoReturn:
        place = self.place(node)
        if isinstance(node, ast.Tuple):
            raise ReadingError(
                "a list with commas stands where one formula is expected", text=self.text, place=place,
                suggestion="write one formula; conditions are given apart from it",
            )
        raise ReadingError("this is not part of a formula", text=self.text, place=place,
                           suggestion="write it with + - * / ** and round brackets")

    def leaf(self, token: Token) -> tree.Node:
        if token.kind == "number":
            return tree.Number(token.place, Fraction(token.text))
        if token.text in WORDS:
            return tree.Truth(token.place, token.text == "True")
        return tree.Name(token.place, token.text)

    def total(self, node: ast.expr) -> tree.Node:
        """A left-leaning chain of + and -, walked without recursion."""
        terms: list[tree.Node] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            term = self.node(node.right)
            if isinstance(node.op, ast.Sub):
                minus = tree.Number(term.place, Fraction(-1))
                term = tree.Product(term.place, ((minus, False), (term, False)))
            terms.append(term)
            node = node.left
        terms.append(self.node(node))
        return tree.Total(terms[-1].place, tuple(reversed(terms)))

    def product(self, node: ast.expr) -> tree.Node:
        factors: list[tuple[tree.Node, bool]] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
            factors.append((self.node(node.right), isinstance(node.op, ast.Div)))
            node = node.left
        factors.append((self.node(node), False))
        return tree.Product(factors[-1][0].place, tuple(reversed(factors)))

    def relations(self, left: ast.expr, ops: Sequence[ast.cmpop], rest: Sequence[ast.expr]) -> tree.Node:
        found: list[tree.Node] = []
        before = self.node(left)
        for op, side in zip(ops, rest, strict=True):
            if type(op) not in _SIGNS:
                return self.refuse(side)
            after = self.node(side)
            found.append(tree.Relation(before.place, _SIGNS[type(op)], before, after))
            before = after
        return found[0] if len(found) == 1 else tree.Junction(found[0].place, "and", tuple(found))

    def call(self, function: Token, arguments: Sequence[ast.expr]) -> tree.Node:
        name, place = function.text, function.place
        if name not in CALLABLE:
            raise ReadingError(f"{name!r} is not a function", text=self.text, place=place,
                               suggestion=f"did you mean {name}*(...)?")
        if name in _RANGED:
            return self.series(name, place, arguments)
        if name == "Piecewise":
            return tree.Cases(place, tuple(self.piece(place, a) for a in arguments))
        wanted = FUNCTIONS[name]
        if not arguments or (wanted is not None and len(arguments) != wanted) or (
            name == "LucasSequence" and len(arguments) < 3
        ):
            form = {"LucasSequence": "(k, n, e1, ..., ed)", "Mod": "(a, b)"}.get(
                name, "(x)" if wanted == 1 else "(x, y)")
            raise ReadingError(f"{name} with {len(arguments)} arguments", text=self.text, place=place,
                               suggestion=f"write {name}{form}")
        return tree.Call(place, name, tuple(self.node(a) for a in arguments))

    def series(self, name: str, place: int, arguments: Sequence[ast.expr]) -> tree.Node:
        """``Sum(term, (h, a, b), ...)``, ``Integral(f, (t, 0, 1), ...)``; the first index is innermost."""
        kind, noun, example = _RANGED[name]
        if len(arguments) < 2:
            raise ReadingError(f"{noun} needs its index and range", text=self.text, place=place,
                               suggestion=f"write {example}")
        body = self.node(arguments[0])
        for limits in arguments[1:]:
            match limits:
                case ast.Tuple(elts=[ast.Name(id=key), low, high]) if self.tokens[key].kind == "name" and (
                    self.tokens[key].text not in WORDS
                ):
                    body = kind(place, body, self.tokens[key].text, self.node(low), self.node(high))
                case _:
                    form = example.partition(", ")[2][:-1]
                    raise ReadingError(f"this is no range of {noun}", text=self.text,
                                       place=self.place(limits), suggestion=f"write {form}")
        return body

    def piece(self, place: int, node: ast.expr) -> tuple[tree.Node, tree.Node]:
        match node:
            case ast.Tuple(elts=[value, condition]):
                return self.node(value), self.node(condition)
        raise ReadingError("this is no case", text=self.text, place=self.place(node),
                           suggestion="write Piecewise((value, condition), (value, True))")

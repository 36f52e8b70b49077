"""Several statements of one text: which is the claim, which are definitions, in which order they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from theory.reading.bounds import NESTED_FUNCTIONS, STATEMENTS, WEIGHT
from theory.reading.build import Builder
from theory.reading.error import ReadingError, place_in
from theory.reading.imaginary import with_imaginary_unit
from theory.reading.notation import Notation
from theory.reading.reading import Reading
from theory.reading.tree import (
    Junction,
    Name,
    Node,
    Number,
    Power,
    Product,
    Relation,
    Total,
    children,
    free_names,
)
from theory.symbols import frequency

__all__ = ["Statement", "assemble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """``left = right``, or ``right`` alone.

    Attributes
    ----------
    left
        As written, '' if there is none.
    name
        The left side in plain spelling if it is one name, else ''.
    equation
        The left side's tree if it is an expression.
    behind_where
        Whether it stands behind the word "where": then it is a definition.
    """

    place: int
    left: str = ""
    name: str = ""
    equation: Node | None = None
    right: Node
    behind_where: bool = False


def assemble(
    text: str, statements: Sequence[Statement], notation: Notation, *, claim_first: bool = False
) -> Reading:
    """The reading of a text.

    The claim is the statement without a name on the left; else the one whose name no other uses; else the
    last one before "where", or the first if ``claim_first``.

    Raises
    ------
    ReadingError
        If there is no claim or more than one, a name is defined twice or through itself, or the formula
        is beyond the bounds.
    """
    if not statements:
        raise ReadingError("there is no formula here", text=text, suggestion="write one, such as eta*c/2")
    if len(statements) > STATEMENTS:
        raise ReadingError(
            f"{len(statements)} statements; at most {STATEMENTS} are read", text=text,
            place=statements[STATEMENTS].place, suggestion="write one claim at a time",
        )
    known = {*notation.names, *(s.name for s in statements)}
    waves = {name for name, value in notation.names.items() if value.has(frequency)}
    statements = [
        replace(
            s, right=with_imaginary_unit(s.right, known, waves),
            equation=None if s.equation is None else with_imaginary_unit(s.equation, known, waves),
        ) for s in statements
    ]
    claim = _claim(text, statements, claim_first)
    table = _definitions(text, [s for s in statements if s is not claim])
    order = _order(text, claim, table)
    _require_light(text, claim, table, order)
    return _reading(text, claim, [table[name] for name in order], notation)


def _claim(text: str, statements: Sequence[Statement], claim_first: bool) -> Statement:
    free = [s for s in statements if not s.behind_where]
    unnamed = [s for s in free if not s.name]
    if len(unnamed) > 1:
        raise ReadingError(
            "a second formula begins here", text=text, place=unnamed[1].place,
            suggestion="write one claim at a time; a definition is 'name = formula', and a line that goes "
            "on begins or ends with an operator",
        )
    if unnamed:
        return unnamed[0]
    used = {s.name: {n.name for n in free_names(s.right)} for s in free}
    roots = [s for s in free if not any(s.name in names for other, names in used.items() if other != s.name)]
    if len(roots) == 1:
        return roots[0]
    if not free:
        raise ReadingError("there are definitions, but no formula before 'where'", text=text,
                           place=statements[0].place)
    return free[0] if claim_first else free[-1]


def _definitions(text: str, statements: Sequence[Statement]) -> dict[str, Statement]:
    table: dict[str, Statement] = {}
    for s in statements:
        if not s.name:
            raise ReadingError(
                "a definition is expected here" if s.left else "this formula is no definition",
                text=text, place=s.place, suggestion="write 'name = formula' with one name on the left",
            )
        if s.name in table:
            raise ReadingError(f"{s.name!r} is defined twice", text=text, place=s.place,
                               suggestion="use two names, or drop one of the definitions")
        table[s.name] = s
    return table


def _order(text: str, claim: Statement, table: Mapping[str, Statement]) -> list[str]:
    """The definitions that the claim needs, each after those that it uses itself."""
    done: list[str] = []
    open_: list[str] = []

    def visit(node: Node) -> None:
        for name in dict.fromkeys(n.name for n in free_names(node)):
            if name not in table or name in done:
                continue
            if name in open_:
                raise ReadingError(
                    f"{name!r} is defined through itself", text=text, place=table[name].place,
                    suggestion="use another name on the left; a line that begins with + or - goes on the "
                    "line above",
                )
            if len(open_) > 100:
                raise ReadingError("more than 100 definitions use each other in a chain", text=text,
                                   place=table[name].place, suggestion="put some of them in")
            open_.append(name)
            visit(table[name].right)
            open_.pop()
            done.append(name)

    visit(claim.right)
    if claim.equation is not None:
        visit(claim.equation)
    return done


def _require_light(
    text: str, claim: Statement, table: Mapping[str, Statement], order: Sequence[str]
) -> None:
    """Bound the size of the formula with its definitions put in: it may grow exponentially."""
    weights: dict[str, int] = {}
    depths: dict[str, int] = {}

    def depth(node: Node) -> int:
        """Functions, roots and powers with letters inside each other."""
        if isinstance(node, Name):
            return depths.get(node.name, 0)
        inside = max((depth(child) for child in children(node)), default=0)
        plain = isinstance(node, Number | Total | Product | Relation | Junction) or (
            isinstance(node, Power) and _is_whole(node.exponent))
        if not plain and inside >= NESTED_FUNCTIONS:
            raise ReadingError(
                f"functions, roots and powers are nested more than {NESTED_FUNCTIONS} deep", text=text,
                place=node.place, suggestion="check a part of the formula at a time",
            )
        return inside if plain else inside + 1

    def weight(node: Node) -> int:
        if isinstance(node, Name):
            return weights.get(node.name, 1)
        return 1 + sum(weight(child) for child in children(node))

    for name in order:
        weights[name] = weight(table[name].right)
        depths[name] = depth(table[name].right)
    for side in (claim.right, *(() if claim.equation is None else (claim.equation,))):
        depth(side)
    total = weight(claim.right) + (0 if claim.equation is None else weight(claim.equation))
    if max([total, *weights.values()]) > WEIGHT:
        raise ReadingError(
            f"with its definitions put in, the formula has {total} parts; at most {WEIGHT} are read",
            text=text, place=claim.place, suggestion="check a part of it at a time",
        )


def _is_whole(node: Node) -> bool:
    """A whole number, perhaps with a sign."""
    if isinstance(node, Product):
        return all(_is_whole(factor) and not below for factor, below in node.factors)
    return isinstance(node, Number) and node.value.denominator == 1


def _reading(
    text: str, claim: Statement, definitions: Sequence[Statement], notation: Notation
) -> Reading:
    full: dict[str, sp.Expr] = dict(notation.names)
    short: dict[str, sp.Expr] = dict(notation.names)
    builder, brief = Builder(text, full), Builder(text, short)
    where = []
    for s in definitions:
        symbol = sp.Symbol(s.name)
        where.append((symbol, brief.expression(s.right)))
        full[s.name] = builder.expression(s.right)
        short[s.name] = symbol
    right = builder.expression(claim.right)
    equation = None
    sides: list[Node] = [claim.right]
    if claim.equation is not None:
        sides.append(claim.equation)
        equation = builder.expression(claim.equation), right
    elif claim.name and any(n.name == claim.name for n in free_names(claim.right)):
        equation = full.get(claim.name, sp.Symbol(claim.name)), right
    names = [n for node in (*sides, *(s.right for s in definitions)) for n in free_names(node)]
    first: dict[str, int] = {}
    for n in names:
        if n.name not in full:
            first[n.name] = min(n.place, first.get(n.name, n.place))
    unknown = sorted(first, key=lambda name: first[name])
    return Reading(
        text=text, left=claim.left, where=tuple(where),
        compact=brief.expression(claim.right) if where else right,
        expression=right, equation=equation,
        unknown=tuple(sp.Symbol(name) for name in unknown),
        places={name: place_in(text, first[name]) for name in unknown},
    )

"""All mutants of a formula: the operators at every place, or at a seeded sample of the places."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import sympy as sp
from sympy.core.relational import Relational

from theory.errors import TheoryError
from theory.formula import Formula
from theory.sequences import LucasSequence
from validation.mutation.operators import (
    CONDITION_OPERATORS,
    LOCAL_OPERATORS,
    SUBSTITUTIONS,
    UNIT_CHANGES,
)

__all__ = ["PLACES", "Mutant", "Part", "count_places", "mutants"]

Part = Literal["value", "condition", "unit"]
#: a local operator is tried at this many places of a formula, drawn without replacement
PLACES = 3


def _symbols(change: Mapping[sp.Symbol, sp.Expr]) -> frozenset[sp.Symbol]:
    """All symbols of a substitution: it applies where the formula has them."""
    return frozenset(change).union(*(value.free_symbols for value in change.values()))


_NEEDS = {f"{name}, once": _symbols(change) for name, change in SUBSTITUTIONS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One altered formula.

    Attributes
    ----------
    operator, place
        What was done, and where, for a reader.
    part
        Which part of the formula differs.
    formula
        The altered formula, under the slug of the original.
    """

    operator: str
    place: str
    part: Part
    formula: Formula


@dataclass(frozen=True, slots=True)
class _Place:
    """A node: in which expression (the index in ``where``, or -1), on which path, and its new value."""

    line: int
    path: tuple[int, ...]
    old: sp.Basic
    new: sp.Basic


def mutants(formula: Formula, places: int | None = PLACES) -> tuple[Mutant, ...]:
    """Every different mutant, in a fixed order.

    Parameters
    ----------
    places
        At how many places at most a local operator is tried; None for all of them. Operators on the
        whole formula, on its condition and on its unit are always all tried.

    Raises
    ------
    TheoryError
        If ``places`` is smaller than 1.
    """
    if places is not None and not places >= 1:
        raise TheoryError(f"places must be at least 1, or None for all; got {places}")
    found: list[Mutant] = []
    seen = {_key(formula)}
    for mutant in _all(formula, places):
        key = _key(mutant.formula)
        if key not in seen and not _undefined(mutant.formula):
            seen.add(key)
            found.append(mutant)
    return tuple(found)


def count_places(formula: Formula) -> int:
    """How many places the local operators have, sampled or not."""
    return sum(len(_places(formula, operator)) for operator in LOCAL_OPERATORS)


def _key(formula: Formula) -> tuple[object, ...]:
    return formula.compact, formula.where, formula.valid_if, formula.unit


def _undefined(formula: Formula) -> bool:
    """An infinity or a lost condition is no formula."""
    values = (formula.compact, *(value for _, value in formula.where))
    return any(value.has(sp.zoo, sp.nan, sp.oo) for value in values) or formula.valid_if == sp.false


def _all(formula: Formula, places: int | None) -> Iterator[Mutant]:
    for name in LOCAL_OPERATORS:
        found = _places(formula, name)
        if places is not None and len(found) > places:
            rng = random.Random(f"{formula.slug}/{name}")
            found = [found[k] for k in sorted(rng.sample(range(len(found)), places))]
        for place in found:
            try:
                altered = _with_value(formula, place)
            except ValueError:  # a sequence at a negative index is no formula
                continue
            yield Mutant(
                operator=name, place=_text(formula, place), part="value", formula=altered,
            )
    for name, change in SUBSTITUTIONS.items():
        if _symbols(change) <= set(formula.parameters):
            where = tuple((s, value.xreplace(dict(change))) for s, value in formula.where)
            altered = replace(formula, compact=formula.compact.xreplace(dict(change)), where=where)
            yield Mutant(operator=name, place="everywhere", part="value", formula=altered)
    yield from _conditions(formula)
    for name, (loss, parameter) in UNIT_CHANGES.items():
        unit = (formula.unit[0] + loss, formula.unit[1] + parameter)
        yield Mutant(operator=name, place="unit", part="unit", formula=replace(formula, unit=unit))


def _places(formula: Formula, operator: str) -> list[_Place]:
    """Where a local operator changes something."""
    alter = LOCAL_OPERATORS[operator]
    needed = _NEEDS.get(operator, frozenset())
    if not needed <= set(formula.parameters):
        return []
    lines = [*enumerate(value for _, value in formula.where), (-1, formula.compact)]
    return [
        _Place(line, path, node, new)
        for line, value in lines for path, node in _nodes(value) for new in alter(node) if new != node
    ]


def _nodes(expression: sp.Expr, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], sp.Expr]]:
    """Every node with its path; an exponent that is a number belongs to its power."""
    yield path, expression
    for place, part in enumerate(expression.args):
        exponent = expression.is_Pow and place == 1 and part.is_Rational
        label = isinstance(expression, LucasSequence) and place == 0
        if not (exponent or label):
            yield from _nodes(part, (*path, place))


def _put(expression: sp.Basic, path: tuple[int, ...], new: sp.Basic) -> sp.Basic:
    """The expression with another node at ``path``."""
    if not path:
        return new
    args = list(expression.args)
    args[path[0]] = _put(args[path[0]], path[1:], new)
    return expression.func(*args)


def _with_value(formula: Formula, place: _Place) -> Formula:
    if place.line < 0:
        return replace(formula, compact=_put(formula.compact, place.path, place.new))
    where = list(formula.where)
    name, value = where[place.line]
    where[place.line] = (name, _put(value, place.path, place.new))
    return replace(formula, where=tuple(where))


def _conditions(formula: Formula) -> Iterator[Mutant]:
    """One relation of the condition at a time, inside an Or as well."""
    places = [
        (path, node) for path, node in _relations(formula.valid_if) if isinstance(node, Relational)
    ]
    for name, alter in CONDITION_OPERATORS.items():
        for path, node in places:
            for new in alter(node):
                altered = replace(formula, valid_if=_put(formula.valid_if, path, new))
                yield Mutant(
                    operator=name, place=f"{node} -> {new}", part="condition", formula=altered
                )


def _relations(
    condition: sp.Basic, path: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], sp.Basic]]:
    if isinstance(condition, (sp.And, sp.Or)):
        for place, part in enumerate(condition.args):
            yield from _relations(part, (*path, place))
    else:
        yield path, condition


def _text(formula: Formula, place: _Place) -> str:
    line = "formula" if place.line < 0 else str(formula.where[place.line][0])
    path = ".".join(map(str, place.path)) or "top"
    return f"{line} at {path}: {_short(place.old)} -> {_short(place.new)}"


def _short(node: sp.Basic) -> str:
    text = str(node)
    return text if len(text) <= 60 else text[:57] + "..."

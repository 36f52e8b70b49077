"""A formula that has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

__all__ = ["Reading"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a text says, in the project's symbols.

    Attributes
    ----------
    text
        As it was given.
    left
        What stands left of ``=``, as written; '' for a bare formula.
    compact
        The right side, which is the claim, through the names of ``where``.
    where
        Definitions that came with it, in an order in which each uses earlier names only.
    expression
        The claim with the definitions put in.
    equation
        Both sides, definitions put in, if the left side is an expression, as in
        ``2*lambda*V = eta*c``; None if it only names the quantity. An average such as
        ``<theta^2>`` in it is an unknown of that name.
    unknown
        Names that are not declared, as symbols without assumptions, in the order of their places.
    places
        Line and column, from 1, where each of them stands first.
    """

    text: str
    left: str
    compact: sp.Expr
    where: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    expression: sp.Expr
    equation: tuple[sp.Expr, sp.Expr] | None = None
    unknown: tuple[sp.Symbol, ...] = ()
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)

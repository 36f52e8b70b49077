"""Simultaneous replacement in a large expression: every shared part is rebuilt once."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

__all__ = ["replaced", "symbols_after"]


def replaced(expression: sp.Basic, table: Mapping[sp.Symbol, sp.Expr]) -> sp.Basic:
    """As ``expression.xreplace(table)``, which walks a shared part as often as it occurs."""
    known: dict[sp.Basic, sp.Basic] = dict(table)

    def of(node: sp.Basic) -> sp.Basic:
        if node in known:
            return known[node]
        new = node
        if node.args:
            args = [of(a) for a in node.args]
            if any(a is not b for a, b in zip(args, node.args, strict=True)):
                new = node.func(*args)
        known[node] = new
        return new

    return of(expression)


def symbols_after(used: set[sp.Symbol], table: Mapping[sp.Symbol, sp.Expr]) -> set[sp.Symbol]:
    """The symbols of an expression with symbols ``used`` after the replacement, if nothing cancels."""
    out = {s for s in used if s not in table}
    for s in used & table.keys():
        out |= table[s].free_symbols
    return out

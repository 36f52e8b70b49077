"""Cases, absolute values, minima: the branch that the condition proves."""

from __future__ import annotations

import sympy as sp

from derivations.checking.regions import implied

__all__ = ["without_branches"]


def without_branches(expression: sp.Expr, region: sp.Basic) -> sp.Expr:
    """Replace every case distinction whose branch follows from ``region``; leave the others.

    A case is taken only if its condition is implied and all earlier ones are excluded, by proof.
    """
    table: dict[sp.Expr, sp.Expr] = {}
    for node in expression.atoms(sp.Piecewise, sp.Abs, sp.Min, sp.Max):
        chosen = _chosen(node, region)
        if chosen is not None:
            table[node] = without_branches(chosen, region) if chosen.has(
                sp.Piecewise, sp.Abs, sp.Min, sp.Max
            ) else chosen
    return expression.xreplace(table) if table else expression


def _chosen(node: sp.Expr, region: sp.Basic) -> sp.Expr | None:
    if isinstance(node, sp.Abs):
        inside = node.args[0]
        if implied(inside >= 0, region):
            return inside
        return -inside if implied(inside <= 0, region) else None
    if isinstance(node, (sp.Min, sp.Max)):
        for candidate in node.args:
            others = [a for a in node.args if a is not candidate]
            wins = [a >= candidate if isinstance(node, sp.Min) else a <= candidate for a in others]
            if all(implied(w, region) for w in wins):
                return candidate
        return None
    for value, condition in node.args:
        if condition == sp.true or implied(condition, region):
            return value
        if not implied(sp.Not(condition), region):
            return None
    return None

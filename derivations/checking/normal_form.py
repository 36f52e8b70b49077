"""Conditions as lists of relations, one of which holds in full."""

from __future__ import annotations

from itertools import product

import sympy as sp
from sympy.core.relational import Relational

__all__ = ["literals"]

_MOST_BRANCHES = 128


def literals(region: sp.Basic) -> list[list[sp.Basic]]:
    """Disjunctive normal form: lists of relations, one of which holds in full.

    What is no relation is left out (the lists then say less); beyond 128 lists nothing is said.
    """
    if region == sp.true:
        return [[]]
    if region == sp.false:
        return []
    if isinstance(region, sp.Or):
        found = [branch for part in region.args for branch in literals(part)]
        return found if len(found) <= _MOST_BRANCHES else [[]]
    if isinstance(region, sp.And):
        lists = [literals(part) for part in region.args]
        count = 1
        for one in lists:
            count *= len(one)
        if count > _MOST_BRANCHES:
            return [[r for one in lists if len(one) == 1 for r in one[0]]]
        return [[r for one in choice for r in one] for choice in product(*lists)]
    if isinstance(region, sp.Not):
        return literals(_negated(region.args[0]))
    if isinstance(region, sp.Ne):
        return [[sp.Lt(*region.args, evaluate=False)], [sp.Gt(*region.args, evaluate=False)]]
    return [[region]] if isinstance(region, Relational) else [[]]


def _negated(condition: sp.Basic) -> sp.Basic:
    """By De Morgan; SymPy leaves ``Not`` in front of ``And`` and ``Or``. Unknown: true, says nothing."""
    if isinstance(condition, (sp.And, sp.Or)):
        other = sp.Or if isinstance(condition, sp.And) else sp.And
        return other(*(_negated(part) for part in condition.args))
    if isinstance(condition, sp.Not):
        return condition.args[0]
    return sp.Not(condition) if isinstance(condition, Relational) else sp.true

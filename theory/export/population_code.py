"""What every language needs of a formula over a population: its parameters, and a rule that is exact."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from theory.population import MarkedProduct

__all__ = ["count_text", "degree_per_sample", "nested_limits"]


def degree_per_sample(expressions: Iterable[sp.Expr]) -> tuple[int, int]:
    """Numbers a, b such that no integrand has a degree above a N + b in any arrival time."""
    bounds = [
        _degree(integral.function, variable)
        for e in expressions for integral in e.atoms(sp.Integral) for variable in integral.variables
    ]
    return max((a for a, _ in bounds), default=0), max((b for _, b in bounds), default=0)


def count_text(slope: int, size: str, rest: int) -> str:
    """``slope*size + rest`` as one would write it."""
    front = size if slope == 1 else f"{slope}*{size}"
    return f"{front} + {rest}" if rest else front


def nested_limits(integral: sp.Integral) -> list[tuple[sp.Symbol, sp.Expr, sp.Expr]]:
    """Variable, low and high of each integral, outermost first."""
    return [tuple(limit) for limit in reversed(integral.limits)]


def _degree(node: sp.Expr, variable: sp.Symbol) -> tuple[int, int]:
    if isinstance(node, MarkedProduct):
        factor, *weights = (int(sp.degree(part, variable)) if part != 0 else 0 for part in node.args)
        return factor, sum(max(0, w - factor) for w in weights)
    if node == variable:
        return 0, 1
    parts = [_degree(part, variable) for part in node.args]
    if node.is_Mul:
        return sum(a for a, _ in parts), sum(b for _, b in parts)
    if node.is_Pow and node.exp.is_Integer and node.exp > 0:
        return parts[0][0] * int(node.exp), parts[0][1] * int(node.exp)
    return max((a for a, _ in parts), default=0), max((b for _, b in parts), default=0)

"""Degrees of the matrices of a rule, of which every bound on a degree is made."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from theory.optimizers import LinearRule
from theory.symbols import curvature, learning_rate

__all__ = ["rule_degrees"]


@lru_cache(maxsize=64)
def rule_degrees(rule: LinearRule) -> tuple[int, int]:
    """Largest total degree of an entry of A, and of B; a common denominator counts for both."""
    letters = (learning_rate, curvature, *rule.parameters)
    degrees = []
    for matrix in (rule.transition, rule.injection):
        pairs = [sp.fraction(sp.together(e)) for e in matrix]
        over = [sp.Poly(sp.expand(p), *letters).total_degree() if p != 0 else 0 for p, _ in pairs]
        under = [sp.Poly(sp.expand(q), *letters).total_degree() for _, q in pairs]
        degrees.append(max(over) + sum(under))
    return degrees[0], degrees[1]

"""Upper bounds on the degrees of the stationary law in its real parameters, as the exact solver forms it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.closed_forms import Entry
from theory.symbols import batch_size, samples, steps_per_epoch
from validation.evidence.subjects.rule_degrees import rule_degrees

__all__ = ["truth_degree"]


@lru_cache(maxsize=64)
def _weight_degrees(entry: Entry) -> tuple[int, int]:
    """Degrees of the scheme's weights in N and S, over a common denominator."""
    top, bottom = 0, 0
    for _, weight in entry.scheme.noise:
        p, q = sp.fraction(sp.together(sp.sympify(weight, strict=True)))
        up, down = (sp.Poly(x.subs(steps_per_epoch, 3), samples, batch_size).total_degree() for x in (p, q))
        top, bottom = max(top + down, up + bottom), bottom + down
    return int(top), int(bottom)


def _moment_degree(entry: Entry, steps: int, lag: int) -> tuple[int, int]:
    r"""Of a moment as :func:`theory.solvers.solve_epoch_lifted` forms it, by Cramer's rule.

    Entries of :math:`A^M` have degree M a; the epoch is closed by a linear system of :math:`n^2`
    unknowns for noise drawn afresh, of n unknowns on either side for noise that persists (n
    counts the velocity as an entry of the state; 4na more for the border of a flat direction).
    """
    a, b = rule_degrees(entry.rule)
    n = entry.rule.state_size + 1
    row = 2 * steps * a + 4 * n * a
    fresh_top = (n * n - 1) * row + 2 * (steps * a + b) + 2 * steps * a + lag * a
    fresh_bottom = n * n * row
    side = 2 * steps * a + (4 * n + 1) * a
    held_top = 2 * ((n - 1) * side + 3 * steps * a + (2 * n + 1) * a + b)
    held_bottom = 2 * n * side
    top = max(fresh_top + held_bottom, held_top + fresh_bottom)
    return top, fresh_bottom + held_bottom


def truth_degree(entry: Entry, point: Mapping[str, Any]) -> tuple[int, int]:
    """Bounds on the degrees of numerator and denominator at the whole numbers of ``point``."""
    steps, lag = int(point.get("steps_per_epoch", 1)), int(point.get("lag", 0))
    up, down = _weight_degrees(entry)
    name = entry.quantity
    if name == "noise-autocovariance":
        return up + 1, down
    if name.endswith("spectrum"):
        top, bottom = up + 1 + 4 * steps, down + 4 * steps
        if name == "weight-spectrum":
            a, b = rule_degrees(entry.rule)
            size = 2 * entry.rule.state_size
            top += 2 * ((size - 1) * (a + 4) + b + 4)
            bottom += 2 * size * (a + 4)
        return top, bottom
    top, bottom = _moment_degree(entry, steps, lag)
    if name.endswith("correlation-time"):
        return top + bottom, top + bottom
    return top + up + 2, bottom + down

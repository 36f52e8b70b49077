"""Where regimes meet: statements about the two poles of heavy ball, from its matrix A alone.

The discriminant of the poles is (trace A)² - 4 det A; a pole reaches -1 where det(I + A) = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["DEFINITIONS", "determinant_at_minus_one", "discriminant"]

#: what each definition says, for the reason in the table
DEFINITIONS: Mapping[str, str] = {
    "stability-limit": "a pole reaches -1 there: a law just below, none at it or above",
    "critical-damping-curvature": "the discriminant of the poles changes there from plus to minus",
    "damping-discriminant": "equal to the discriminant of the matrix A of one step",
}


def discriminant(a: Any) -> Any:
    """(trace)² - 4 det of a 2 x 2 matrix of any numbers."""
    trace = a[0, 0] + a[1, 1]
    return trace * trace - 4 * (a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0])


def determinant_at_minus_one(a: Any) -> Any:
    """det(I + A), of a 2 x 2 matrix of any numbers."""
    return (1 + a[0, 0]) * (1 + a[1, 1]) - a[0, 1] * a[1, 0]

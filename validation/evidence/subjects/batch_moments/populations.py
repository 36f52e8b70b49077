r"""Small populations whose batches give the coefficients of a moment, and the library's own coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flint import fmpq

from theory.closed_forms import Entry
from theory.multiplicative.batch_moments import coefficients

__all__ = ["by_partitions", "coefficient", "order_of", "populations", "powers"]

_THIRD, _JOINT = "batch-third-cumulant", "batch-fourth-moment-joint"


def order_of(entry: Entry) -> int:
    """Of the moment."""
    return 3 if entry.slug == _THIRD else 4


def populations(size: int) -> tuple[list[fmpq], ...]:
    """Two of mean zero, with other ratios of their powers."""
    raw = ([fmpq(k * k) for k in range(size)], [fmpq(int(k == 0)) for k in range(size)])
    return tuple([x - sum(values, fmpq(0)) / size for x in values] for values in raw)


def powers(population: Sequence[fmpq], power: int) -> tuple[Any, Any]:
    """m_power and m_2 squared."""
    size = len(population)
    first = sum((x**power for x in population), fmpq(0)) / size
    return first, (sum((x * x for x in population), fmpq(0)) / size) ** 2


def coefficient(entry: Entry, rows: Sequence[tuple[Any, Any, Any]]) -> Any:
    """From (m_power, m_2 squared, moment) of two populations."""
    (a, b, c), (d, e, f) = rows
    if order_of(entry) == 3:
        if isinstance(c, fmpq) and c * d != f * a:
            raise ArithmeticError("the third moment is not linear in that of the population")
        return c / a
    found = c * e - f * b if entry.slug == _JOINT else a * f - d * c
    return found / (a * e - d * b)


def by_partitions(entry: Entry, n: int, s: int, *, joint: bool | None = None) -> float:
    """The library's coefficients, all factors in one batch."""
    power = order_of(entry)
    joint = entry.slug != "batch-fourth-moment-pairs" if joint is None else joint
    wanted = (tuple(range(power)),) if joint else ((0, 1), (2, 3))
    found = coefficients(power, n, wanted)
    total = sum(c * Fraction(s) ** (len(pi) - power) for pi, c in found.items())
    return float(total if joint else 3 * total)

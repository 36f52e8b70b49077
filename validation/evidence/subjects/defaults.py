"""What every subject may use: points, a condition estimate, seeds, shifted replica numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any
from zlib import crc32

import numpy as np
from flint import fmpq

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.formula import Formula
from validation.evidence.claimed import claimed
from validation.evidence.points import parameters_of, uniform
from validation.evidence.subjects.protocol import FloatArray, Point, Replicas, Subject

__all__ = [
    "drawn_point", "drawn_points", "generator", "sensitivity", "shifted", "short_points", "stretched_points",
]

_POINTS, _BASES, _WIDE_POINTS = 4, 3, 12
_SHORT = 64
#: relative change of one input
_CHANGE = Fraction(1, 10**6)


def generator(entry: Entry, salt: int = 0) -> np.random.Generator:
    """Seeded by the slug and a number."""
    return np.random.default_rng([crc32(entry.slug.encode()), salt])


def short_points(subject: Subject, entry: Entry, formula: Formula) -> tuple[Point, ...]:
    """Points of the first cases of the plan, rounded to 1/64 where the quantity exists there too.

    A plan of few cases is continued by larger whole numbers: no point is met twice.
    """
    rng = random.Random(f"short/{entry.slug}")
    names = parameters_of(entry, formula)
    cases = subject.wholes(entry, entry.formula).cases
    points = []
    for k in range(_POINTS):
        turn, place = divmod(k, len(cases))
        case = {name: value + turn * len(cases) for name, value in cases[place].items()}
        drawn = subject.point(entry, names, case, rng)
        short = {name: _rounded(value) for name, value in drawn.items()}
        point = short if subject.exists(entry, short) else drawn
        if claimed(formula, {s.name: point[s.name] for s in formula.parameters}):
            points.append(point)
    return tuple(points)


def drawn_point(
    box: Mapping[str, tuple[Fraction, Fraction]], names: Sequence[str], wholes: Mapping[str, int],
    rng: random.Random,
) -> dict[str, Any]:
    """Every named parameter of the box, drawn from its interval, and the named whole numbers."""
    drawn = {name: uniform(rng, *box[name]) for name in names if name in box}
    return {**drawn, **{name: value for name, value in wholes.items() if name in names}}


def drawn_points(
    subject: Subject, entry: Entry, names: Sequence[str], rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Points of three cases of the plan."""
    cases = subject.wholes(entry, entry.formula).cases
    for _ in range(_BASES):
        yield subject.point(entry, names, rng.choice(cases), rng)


def stretched_points(
    subject: Subject, entry: Entry, names: Sequence[str], rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Points whose real numbers are multiplied by random factors between 0 and 4."""
    cases = subject.wholes(entry, entry.formula).cases
    for _ in range(_WIDE_POINTS):
        drawn = subject.point(entry, names, rng.choice(cases), rng)
        yield {
            name: value * Fraction(rng.randrange(1, 2**20), 2**18) if isinstance(value, Fraction) else value
            for name, value in drawn.items()
        }


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_rounded(v) for v in value)
    if not isinstance(value, Fraction):
        return value
    return Fraction(round(value * _SHORT), _SHORT) or value


def sensitivity(subject: Subject, entry: Entry, point: Point) -> float:
    r""":math:`\sum_x|x\,\partial_xf|/|f|` by exact differences, at least 1.

    Raises
    ------
    TheoryError
        If the quantity exists on neither side of the point in some direction.
    """
    centre = subject.exact(entry, point)
    if centre == 0:
        return 1.0
    changes = (_change(subject, entry, up, down, centre) for up, down in _neighbours(point))
    return max(1.0, sum(changes))


def _change(subject: Subject, entry: Entry, up: Point, down: Point, centre: fmpq) -> float:
    for other in (up, down):
        if subject.exists(entry, other):
            moved = (subject.exact(entry, other) - centre) / centre
            return abs(float(Fraction(int(moved.p), int(moved.q)) / _CHANGE))
    raise TheoryError(f"{entry.slug}: no neighbour of the point has the quantity")


def _neighbours(point: Point) -> Iterator[tuple[Point, Point]]:
    """One real number changed by one part in a million, either way."""
    for name, value in point.items():
        if isinstance(value, Fraction):
            yield {**point, name: value * (1 + _CHANGE)}, {**point, name: value * (1 - _CHANGE)}
        elif isinstance(value, tuple):
            for n in range(len(value)):
                sides = [
                    (*value[:n], value[n] * (1 + sign * _CHANGE), *value[n + 1 :]) for sign in (1, -1)
                ]
                yield {**point, name: sides[0]}, {**point, name: sides[1]}


def shifted(predicted: float, numbers: FloatArray, offset: float) -> Replicas:
    """Numbers of either sign, moved up by an offset that is fixed beforehand.

    Raises
    ------
    TheoryError
        If some number is still negative: the offset is no bound.
    """
    moved = numbers + offset
    if not (moved >= 0).all() or not predicted + offset > 0:
        raise TheoryError(f"the offset {offset:.6g} leaves negative numbers, down to {moved.min():.6g}")
    return Replicas(
        predicted=predicted + offset, numbers=moved, share=abs(predicted) / (predicted + offset)
    )

"""Does the formula claim to hold exactly where the quantity exists? Tried on both sides of every border."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import fmpq

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.evaluate.conditions import conditions_of, difference_program
from theory.formula import Formula
from theory.symbols import PARAMETERS
from validation.evidence.claimed import claimed
from validation.evidence.corners import corners
from validation.evidence.limits import law_of
from validation.evidence.numbers import Angle, RationalArithmetic, rational_value, to_fmpq
from validation.evidence.points import parameters_of, shown
from validation.evidence.subjects import Subject, subject_of

__all__ = ["Boundary", "compare_conditions"]

#: relative distance from a border
_STEP = Fraction(1, 2**40)
#: a border that is not linear is looked for between 1/30 and 30 times the point, in these steps
_SCAN, _SCANS = Fraction(5, 4), 15
#: the exact value, or None where existence is all that is asked; a TheoryError where there is none
Truth = Callable[[Mapping[str, Any]], fmpq | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """How many points lay inside and outside, and the first mistake in words."""

    inside: int
    outside: int
    mistake: str = ""


def compare_conditions(
    entry: Entry, formula: Formula, rng: random.Random, truth: Truth | None = None
) -> Boundary:
    """Compare claim and existence near every border of the formula's condition and of the truth's.

    The truth's borders are those of the model, so that a condition that was lost is missed nowhere.
    """
    law = law_of(entry)
    subject = subject_of(law)
    found = truth or (lambda point: _value(subject, entry, point))
    names = parameters_of(law, formula)
    inside, outside = 0, 0
    for point in _candidates(subject, entry, formula, names, rng):
        own = {s.name: point[s.name] for s in formula.parameters}
        claim = claimed(formula, own)
        try:
            value = found(point)
        except TheoryError as refusal:
            if claim:
                return Boundary(
                    inside=inside, outside=outside,
                    mistake=f"claimed outside the region: at {shown(own)} there is none: {refusal}",
                )
            outside += 1
            continue
        if not claim:
            return Boundary(
                inside=inside, outside=outside,
                mistake=f"the condition is too narrow: it excludes {shown(own)}, where the quantity exists",
            )
        if value is not None and rational_value(formula, own) != value:
            return Boundary(
                inside=inside, outside=outside, mistake=f"wrong near the border, at {shown(own)}"
            )
        inside += 1
    return Boundary(inside=inside, outside=outside)


def _value(subject: Subject, entry: Entry, point: Mapping[str, Any]) -> fmpq:
    if not subject.exists(entry, point):
        raise TheoryError("the quantity does not exist")
    return subject.exact(entry, point)


def _relations(subject: Subject, entry: Entry, formula: Formula) -> list[Any]:
    """Relations of the claim, of the catalogue's formula, and of the model itself."""
    flat: list[Any] = []
    for part in (*conditions_of(formula), *conditions_of(entry.formula), *subject.relations(entry)):
        flat += part.args if isinstance(part, (sp.And, sp.Or)) else [part]
    relations = {r for r in flat if isinstance(r, sp.core.relational.Relational)}
    return sorted(relations, key=sp.default_sort_key)  # And.make_args is a set: the draws must not vary


def _candidates(
    subject: Subject, entry: Entry, formula: Formula, names: tuple[str, ...], rng: random.Random
) -> Iterator[dict[str, Any]]:
    law = law_of(entry)
    for corner in corners(tuple(_relations(subject, entry, entry.formula))):
        if set(corner) <= set(names):
            bases = subject.border_points(law, names, rng, whole=False)
            yield {**next(bases), **corner}
    for relation in _relations(subject, entry, formula):
        letters = sorted(s.name for s in relation.free_symbols)
        if not set(letters) <= set(names):  # the curvature of a flat direction is no parameter
            continue
        whole = any(PARAMETERS[x].integer for x in letters)
        for name in letters:
            for base in subject.border_points(law, names, rng, whole=whole):
                for value in _around(relation, name, base):
                    if _allowed(name, value):
                        yield {**base, name: value}
    yield from subject.wide_points(law, names, rng)


@lru_cache(maxsize=1024)
def _gap(relation: Any) -> Any:
    return difference_program(relation)


def _around(relation: Any, name: str, base: Mapping[str, Any]) -> list[Any]:
    """Values of one parameter on the border of a relation, and on both sides of it."""

    def gap(value: Fraction) -> fmpq:
        point = {**base, name: value}
        values = {n: to_fmpq(v) for n, v in point.items() if not isinstance(v, (Angle, tuple))}
        integers = {n: int(v) for n, v in point.items() if PARAMETERS[n].integer}
        found: fmpq = _gap(relation).run(values, integers, RationalArithmetic())
        return found

    at0, at1, at2 = (gap(Fraction(k)) for k in (0, 1, 2))
    if at2 - at1 != at1 - at0:
        return [] if PARAMETERS[name].integer else _crossed(gap, base[name])
    if at1 == at0:
        return []
    root = at0 / (at0 - at1)
    border = Fraction(int(root.p), int(root.q))
    if PARAMETERS[name].integer:
        whole = border.numerator // border.denominator
        return [whole + k for k in (-2, -1, 0, 1, 2)]
    step = _STEP * (abs(border) or 1)
    return [border - step, border, border + step]


def _crossed(gap: Callable[[Fraction], fmpq], start: Fraction) -> list[Fraction]:
    """Of a relation that is not linear: the first changes of sign on either side, by bisection."""
    found: list[Fraction] = []
    for factor in (_SCAN, 1 / _SCAN):
        low, sign = start, gap(start) > 0
        for _ in range(_SCANS):
            high = low * factor
            if (gap(high) > 0) != sign:
                found += _bisected(gap, low, high, sign)
                break
            low = high
    return found


def _bisected(gap: Callable[[Fraction], fmpq], low: Fraction, high: Fraction, sign: bool) -> list[Fraction]:
    """A number on either side of a change of sign, at about the relative distance of the linear case."""
    while abs(high - low) > _STEP / 4 * abs(low):
        middle = (low + high) / 2
        low, high = (middle, high) if (gap(middle) > 0) == sign else (low, middle)
    outward = _STEP * abs(low) * (1 if high > low else -1)
    return [low - outward, high + outward]


def _allowed(name: str, value: Any) -> bool:
    """Whether the value is one of the parameter's own domain."""
    symbol = PARAMETERS[name].symbol
    return bool(value > 0 if symbol.is_positive else value >= 0 if symbol.is_nonnegative else True)

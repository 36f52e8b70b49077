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
from theory.evaluate.conditions import conditions_of, difference_program, sign_decides
from theory.formula import Formula
from theory.symbols import PARAMETERS
from validation.evidence.numbers import Angle, RationalArithmetic, rational_value, to_fmpq
from validation.evidence.points import draw_point, parameters_of, shown
from validation.evidence.truth import exact_truth

__all__ = ["Boundary", "claimed", "compare_conditions"]

#: relative distance from a border
_STEP = Fraction(1, 2**40)
#: points drawn from a box that is much larger than the condition
_WIDE_POINTS = 12
_WIDE: Mapping[str, tuple[Fraction, Fraction]] = {
    "learning_rate": (Fraction(1, 10), Fraction(4)),
    "momentum": (Fraction(0), Fraction(3, 2)),
    "curvature": (Fraction(1, 10), Fraction(2)),
    "second_curvature": (Fraction(1, 10), Fraction(2)),
    "dampening": (Fraction(0), Fraction(3, 2)),
    "immediate_discount": (Fraction(0), Fraction(3, 2)),
    "averaging_rate": (Fraction(1, 10), Fraction(5, 2)),
    "weight_decay": (Fraction(0), Fraction(2)),
}
#: the exact value, or None where existence is all that is asked; a TheoryError where there is none
_CURVATURES = ("curvature", "second_curvature")
Truth = Callable[[Mapping[str, Any]], fmpq | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """How many points lay inside and outside, and the first mistake in words."""

    inside: int
    outside: int
    mistake: str = ""


def claimed(formula: Formula, point: Mapping[str, Any]) -> bool:
    """Whether the formula says that it holds at a rational point, exactly."""
    values = {n: v if isinstance(v, Angle) else to_fmpq(v) for n, v in point.items()}
    integers = {n: int(point[n]) for n in point if PARAMETERS[n].integer}
    return all(_holds(c, values, integers) for c in conditions_of(formula))


def _holds(condition: Any, values: Mapping[str, Any], integers: Mapping[str, int]) -> bool:
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [_holds(c, values, integers) for c in condition.args]
        return all(parts) if isinstance(condition, sp.And) else any(parts)
    gap = difference_program(condition).run(values, integers, RationalArithmetic())
    return bool(sign_decides(condition, (gap > 0) - (gap < 0)))


def compare_conditions(
    entry: Entry, formula: Formula, rng: random.Random, truth: Truth | None = None
) -> Boundary:
    """Compare claim and existence near every border of the formula's condition and of the truth's.

    The truth's borders are those of the rule's stability region and of the scheme's conditions, so
    that a condition that was lost is missed nowhere.
    """
    found = truth or (lambda point: exact_truth(entry, point))
    names = parameters_of(entry, formula)
    inside, outside = 0, 0
    for point in _candidates(entry, formula, names, rng):
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


def _relations(entry: Entry, formula: Formula) -> list[Any]:
    """Relations of the claim, of the catalogue's formula, and of the rule and scheme themselves."""
    parts = [*conditions_of(formula), *conditions_of(entry.formula), *entry.scheme.conditions]
    if not entry.quantity.startswith("noise"):
        parts += sp.And.make_args(entry.rule.valid_if)
    flat: list[Any] = []
    for part in parts:
        flat += part.args if isinstance(part, (sp.And, sp.Or)) else [part]
    relations = {r for r in flat if isinstance(r, sp.core.relational.Relational)}
    return sorted(relations, key=sp.default_sort_key)  # And.make_args is a set: the draws must not vary


def _candidates(
    entry: Entry, formula: Formula, names: tuple[str, ...], rng: random.Random
) -> Iterator[dict[str, Any]]:
    for relation in _relations(entry, formula):
        letters = sorted(s.name for s in relation.free_symbols)
        if not set(letters) <= set(names):  # the curvature of a flat direction is no parameter
            continue
        for name in letters:
            for base in _bases(entry, names, rng, any(PARAMETERS[x].integer for x in letters)):
                for value in _around(relation, name, base):
                    if _allowed(name, value):
                        yield {**base, name: value}
    for _ in range(_WIDE_POINTS):
        base = _base(entry, names, rng, smallest=1)
        for name, (low, high) in _WIDE.items():
            if name in base:
                base[name] = low + (high - low) * Fraction(rng.randrange(2**20), 2**20)
        for name in ("lag", "position"):
            if name in base:
                base[name] = rng.randint(name == "position", base.get("steps_per_epoch", 3) + 3)
        yield base


def _bases(
    entry: Entry, names: tuple[str, ...], rng: random.Random, whole: bool
) -> Iterator[dict[str, Any]]:
    """Points from which a border is approached: an ordinary and an extreme one.

    A border of whole numbers from one and two steps, batches of one sample, and from long epochs, where
    bounds that round to the same part; a border of real parameters from a slow direction.
    """
    yield _base(entry, names, rng)
    if whole:
        for smallest, largest in ((1, 1), (2, 2), (11, 14)):
            yield _base(entry, names, rng, smallest, largest)
        ones = _base(entry, names, rng, 2, 2)
        yield ones | {n: value for n, value in (("batch_size", 1), ("samples", 2)) if n in ones}
    else:
        base = _base(entry, names, rng)
        yield base | {n: value for n, value in _slow(rng).items() if n in base}


def _slow(rng: random.Random) -> dict[str, Fraction]:
    """Momentum near one and small curvatures."""
    part = {n: Fraction(rng.randrange(1, 2**20), 2**20) for n in ("momentum", *_CURVATURES)}
    return {n: 1 - x / 20 if n == "momentum" else x / 1000 for n, x in part.items()}


def _base(
    entry: Entry, names: tuple[str, ...], rng: random.Random, smallest: int = 2, largest: int = 5
) -> dict[str, Any]:
    """A point of the ordinary box, with small whole numbers unless others are asked for."""
    steps = rng.randint(smallest, largest)
    beyond = entry.quantity.endswith("beyond")
    wholes = {
        "steps_per_epoch": steps,
        "lag": steps + rng.randint(0, 2) if beyond else 1,
        "position": 1,
    }
    return draw_point(entry, names, wholes, rng)


@lru_cache(maxsize=1024)
def _gap(relation: Any) -> Any:
    return difference_program(relation)


def _around(relation: Any, name: str, base: Mapping[str, Any]) -> list[Any]:
    """Values of one parameter on the border of a relation that is linear in it, and on both sides."""

    def gap(value: Fraction) -> fmpq:
        point = {**base, name: value}
        values = {n: to_fmpq(v) for n, v in point.items() if not isinstance(v, Angle)}
        integers = {n: int(v) for n, v in point.items() if PARAMETERS[n].integer}
        found: fmpq = _gap(relation).run(values, integers, RationalArithmetic())
        return found

    at0, at1, at2 = (gap(Fraction(k)) for k in (0, 1, 2))
    if at2 - at1 != at1 - at0 or at1 == at0:
        return []
    root = at0 / (at0 - at1)
    border = Fraction(int(root.p), int(root.q))
    if PARAMETERS[name].integer:
        whole = border.numerator // border.denominator
        return [whole + k for k in (-2, -1, 0, 1, 2)]
    step = _STEP * (abs(border) or 1)
    return [border - step, border, border + step]


def _allowed(name: str, value: Any) -> bool:
    """Whether the value is one of the parameter's own domain."""
    symbol = PARAMETERS[name].symbol
    return bool(value > 0 if symbol.is_positive else value >= 0 if symbol.is_nonnegative else True)

r"""Rung 2 for limits and definitions: how fast the exact law approaches, in rational numbers.

Along the path of :mod:`validation.evidence.limits` the relative errors at n, 2n and 4n are compared. An
error :math:`an^{-k}(1+b/n+\dots)` falls by factors that tend to :math:`2^k` and whose distance from it
halves at each doubling; an error that stays, of a formula wrong by a constant factor, makes the
distance grow. Asked for is k not below the order that the derivation proves, a last factor within a
quarter of :math:`2^k`, and a distance that falls at least to three quarters (or is below a hundredth
of :math:`2^k`). A limit that holds an exponential is taken in balls of 600 bits against the rational
law. The definitions are statements about the poles and hold exactly.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from theory.closed_forms import Entry, entry_by_slug
from theory.errors import TheoryError
from theory.evaluate.balls import working_precision
from theory.formula import Formula
from theory.optimizers import heavy_ball
from validation.evidence.boundary import Boundary, compare_conditions
from validation.evidence.claimed import claimed
from validation.evidence.degree import formula_degree
from validation.evidence.limits import Limit, Point, law_of, limit_of, ratio_at
from validation.evidence.numbers import NotRational, ball_value, rational_value
from validation.evidence.points import GRID, parameters_of
from validation.evidence.poles import DEFINITIONS, discriminant
from validation.evidence.result import RungResult, failed, judged
from validation.evidence.subjects import subject_of
from validation.evidence.truth import exact_truth, mode_at, require_stable

__all__ = ["check", "falls"]

_POINTS = 3
_BITS = 600
#: the smallest n: steps per epoch, or free
_STEPS, _FREE = 10, 2**20
#: largest distance of the last factor from 2**k, in units of 2**k; and one that is near in any case
_FAR, _CLOSE = 0.25, 0.01
#: largest ratio of the last distance to the one before; 1/2 to leading order
_SHRINKS = 0.75
#: a relative distance
_NEAR = fmpq(1, 2**40)
#: moderate hyperparameters, at which the sequences of an epoch have died out
_BOX: Mapping[str, tuple[Fraction, Fraction]] = {
    "learning_rate": (Fraction(1, 2), Fraction(3, 4)),
    "momentum": (Fraction(1, 8), Fraction(1, 4)),
    "curvature": (Fraction(1), Fraction(3, 2)),
    "noise_variance": (Fraction(1, 2), Fraction(3, 2)),
}


def check(entry: Entry, formula: Formula) -> RungResult:
    """The order of approach for a limit, the exact statement for a definition; and the condition."""
    limit = limit_of(entry)
    return _definition(entry, formula) if limit is None else _limit(entry, formula, limit)


def _draw(formula: Formula, rng: random.Random) -> dict[str, Any]:
    point: dict[str, Any] = {"steps_per_epoch": 2}
    for name, (low, high) in _BOX.items():
        point[name] = low + (high - low) * Fraction(rng.randrange(GRID), GRID)
    return {s.name: point[s.name] for s in formula.parameters}


def _base(entry: Entry, limit: Limit, rng: random.Random) -> dict[str, Any]:
    """An ordinary point, with all that the exact law and the limit need."""
    if not limit.of:
        return _draw(entry.formula, rng)
    law = law_of(entry)
    subject, names = subject_of(law), parameters_of(law, entry.formula)
    case = rng.choice(subject.wholes(law, law.formula).cases)
    return subject.point(law, names, {"steps_per_epoch": 2, **case}, rng)


def _limit(entry: Entry, formula: Formula, limit: Limit) -> RungResult:
    rng = random.Random(f"limit/{entry.slug}")
    least, largest, count = float("inf"), 0.0, 0
    first = _STEPS if limit.whole else _FREE
    numbers = (first, 2 * first, 4 * first)
    for _ in range(_POINTS):
        base = _base(entry, limit, rng)
        path = [limit.path(base, n) for n in numbers]
        if not all(claimed(formula, {s.name: p[s.name] for s in formula.parameters}) for p in path):
            continue
        errors = [_error(entry, formula, p) for p in path]
        if not falls(errors, limit.order):
            texts = ", ".join(f"{e:.4g} at n = {n}" for e, n in zip(errors, numbers, strict=True))
            return failed(
                entry.slug, "exact", f"not approached: with {limit.words}, the relative error is {texts}",
                points=count,
            )
        largest = max(largest, abs(errors[2]))
        least = min(least, errors[1] / errors[2] if errors[2] else float("inf"))
        count += 1
    if count == 0:
        return judged(entry.slug, "exact", 0, "")
    border = _border(entry, formula, limit)
    if border.mistake:
        return failed(entry.slug, "exact", border.mistake, points=count)
    return judged(
        entry.slug, "exact", count,
        f"the exact law approaches it to order {limit.order} at least, with {limit.words}",
        n=", ".join(map(str, numbers)), error_falls_by=least, largest_error=largest,
        inside=border.inside, outside=border.outside,
    )


def falls(errors: Sequence[float], order: int) -> bool:
    """Whether signed errors at n, 2n, 4n fall as a power of n whose exponent is at least ``order``."""
    if 0 in errors:
        return errors[-1] == 0
    before, last = errors[0] / errors[1], errors[1] / errors[2]
    if not last > 0:
        return False
    power = 2.0 ** max(order, round(math.log2(last)))
    distance = abs(last - power)
    if not distance <= _FAR * power:
        return False
    return distance <= _CLOSE * power or distance <= _SHRINKS * abs(before - power)


def _error(entry: Entry, formula: Formula, point: Point) -> float:
    """Relative error at a point of the path, with its sign."""
    try:
        ratio = ratio_at(
            entry, formula, point, lambda f, p: _fraction(rational_value(f, p)),
            lambda e, p: _fraction(subject_of(e).exact(e, p)),
        )
        return float(ratio - 1)
    except NotRational:
        with working_precision(_BITS):
            ball = ratio_at(
                entry, formula, point, lambda f, p: ball_value(f, p, _BITS),
                lambda e, p: arb(subject_of(e).exact(e, p)),
            )
            return float((ball - 1).mid())


def _border(entry: Entry, formula: Formula, limit: Limit) -> Boundary:
    """The law must exist where the limit is claimed: at the point, or far along the path."""

    def exists(point: Mapping[str, Any]) -> fmpq | None:
        full: dict[str, Any] = {**limit.rest, **({} if limit.of else {"noise_variance": 1}), **point}
        if limit.along:
            full = limit.path(full, _STEPS if limit.whole else _FREE)
        if limit.crossing:
            require_stable(entry_by_slug("flat-correlation-time"), full)
        elif not subject_of(law_of(entry)).exists(law_of(entry), full):
            raise TheoryError("the exact law does not exist")
        elif not limit.of:
            exact_truth(entry, full)
        return None

    return compare_conditions(entry, formula, random.Random(f"border/{entry.slug}"), exists)


def _definition(entry: Entry, formula: Formula) -> RungResult:
    rng = random.Random(f"definition/{entry.slug}")
    count, degree = 0, 0
    for _ in range(_POINTS):
        point = _draw(entry.formula, rng)
        if entry.slug == "critical-damping-curvature":
            point["momentum"] = point["momentum"] ** 2  # a rational square root
        if not claimed(formula, {s.name: point[s.name] for s in formula.parameters}):
            continue
        mistake = _mistake(entry, formula, point)
        if mistake:
            return failed(entry.slug, "exact", mistake, points=count)
        count += 1
        if entry.slug != "critical-damping-curvature":
            degree = max(degree, max(formula_degree(formula, point)) + 4)
    border = compare_conditions(entry, formula, random.Random(f"border/{entry.slug}"), _mode_exists(entry))
    if border.mistake:
        return failed(entry.slug, "exact", border.mistake, points=count)
    figures: dict[str, float | int] = {"inside": border.inside, "outside": border.outside}
    if degree:
        figures |= {"degree": degree, "false_identity_survives": degree / GRID}
    return judged(entry.slug, "exact", count, DEFINITIONS[entry.slug], **figures)


def _mode_exists(entry: Entry) -> Any:
    """Some stable direction, or the given one."""

    def exists(point: Mapping[str, Any]) -> None:
        full = {"learning_rate": Fraction(1), "noise_variance": 1, **point}
        if entry.slug == "stability-limit":
            full["learning_rate"] = Fraction(1, 2**20) / full["curvature"]
        if entry.slug == "critical-damping-curvature":
            full["curvature"] = Fraction(1, 2**20) / full["learning_rate"]
        require_stable(entry, full)

    return exists


def _mistake(entry: Entry, formula: Formula, point: Mapping[str, Any]) -> str:
    """What is wrong with a definition at one point; nothing if all is well."""
    own = {s.name: point[s.name] for s in formula.parameters}
    value = rational_value(formula, own)
    rule, at = heavy_ball(), {"noise_variance": 1, **point}
    if entry.slug == "damping-discriminant":
        truth = discriminant(mode_at(rule, at, at["curvature"])[0])
        return "" if value == truth else f"{value} instead of {truth} at {own}"
    if entry.slug == "critical-damping-curvature":
        signs = [discriminant(mode_at(rule, at, _fraction(value * k))[0]) for k in _around()]
        good = signs[0] > 0 and signs[1] == 0 and signs[2] < 0
        return "" if good else f"the discriminant is {signs[1]} at {own}, not a zero from plus to minus"
    stable = [_is_stable(entry, {**at, "learning_rate": _fraction(value * k)}) for k in _around()]
    return "" if stable == [True, False, False] else f"stable {stable} just below, at and above it: {own}"


def _around() -> tuple[fmpq, fmpq, fmpq]:
    return 1 - _NEAR, fmpq(1), 1 + _NEAR


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _is_stable(entry: Entry, point: Mapping[str, Any]) -> bool:
    try:
        require_stable(entry, point)
    except TheoryError:
        return False
    return True


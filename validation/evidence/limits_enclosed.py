"""Rung 3 for limits and definitions: far along the path, in balls.

At irrational points, with n = 1e8 and 2e8, the enclosure of the relative error at n over that at 2n
must lie within 1e-6 of a power of two, 2**k with k at least the proved order: the law approaches, at
that order, and by no accident of small numbers. The definitions hold as overlaps.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from flint import arb

from theory.closed_forms import Entry
from theory.evaluate.balls import working_precision
from theory.formula import Formula
from theory.optimizers import heavy_ball
from validation.evidence.ball_matrix import ball_mode
from validation.evidence.claimed import claimed_in_balls
from validation.evidence.limits import Limit, law_of, limit_of, ratio_at
from validation.evidence.numbers import ball_value, to_ball
from validation.evidence.points import parameters_of
from validation.evidence.poles import DEFINITIONS, determinant_at_minus_one, discriminant
from validation.evidence.result import RungResult, failed, judged
from validation.evidence.subjects import subject_of

__all__ = ["check"]

_BITS = 600
#: irrational points of a subject
_BASES = 2
_LENGTH = 10**8
_TOLERANCE = 1e-6


def check(entry: Entry, formula: Formula) -> RungResult:
    """The order of approach, enclosed; or the definition, enclosed."""
    limit = limit_of(entry)
    with working_precision(_BITS):
        return _definition(entry, formula) if limit is None else _limit(entry, formula, limit)


def _points(entry: Entry) -> list[dict[str, Any]]:
    """Irrational hyperparameters."""
    pi, root = arb.pi(), arb(2).sqrt()
    points = [
        {"learning_rate": root / 10, "momentum": pi / 4, "curvature": pi / 3, "noise_variance": root},
        {"learning_rate": pi / 5, "momentum": root / 7, "curvature": root, "noise_variance": pi},
        {"learning_rate": root, "momentum": 1 - pi / 30, "curvature": pi / 7, "noise_variance": pi * root},
    ]
    names = {s.name for s in entry.formula.parameters}
    return [{n: v for n, v in {**p, "steps_per_epoch": 2}.items() if n in names} for p in points]


def _bases(entry: Entry, limit: Limit) -> list[dict[str, Any]]:
    """Irrational points of the exact law."""
    if not limit.of:
        return _points(entry)
    law = law_of(entry)
    points = subject_of(law).ball_points(law, parameters_of(law, entry.formula))
    return [point for _, point in itertools.islice(points, _BASES)]


def _limit(entry: Entry, formula: Formula, limit: Limit) -> RungResult:
    widest, orders, count = 0.0, [], 0
    for base in _bases(entry, limit):
        path = [limit.path(base, n) for n in (_LENGTH, 2 * _LENGTH)]
        if not all(claimed_in_balls(formula, point) for point in path):
            continue
        errors = [
            ratio_at(entry, formula, p, lambda f, at: ball_value(f, at, _BITS),
                     lambda e, at: subject_of(e).balls(e, at)) - 1 for p in path
        ]
        factor = errors[0] / errors[1]
        if not factor.rad() < 1e-9 * abs(factor):
            return failed(entry.slug, "enclosed", f"the enclosure {factor} says nothing", points=count)
        order = round(float((abs(factor).log() / arb(2).log()).mid())) if factor > 0 else 0
        if order < limit.order or not abs(factor / arb(2) ** order - 1) < _TOLERANCE:
            return failed(
                entry.slug, "enclosed", f"not approached to order {limit.order}: with {limit.words}, the "
                f"relative error falls by {float(factor.mid()):.6g} from n = 1e8 to 2e8", points=count,
            )
        orders.append(order)
        widest = max(widest, float((factor.rad() / abs(factor)).upper()))
        count += 1
    return judged(
        entry.slug, "enclosed", count,
        f"the enclosed error falls as n**-{min(orders)} at irrational points, with {limit.words}",
        n="1e8, 2e8", observed_order=min(orders), largest_relative_radius=widest,
    )


def _definition(entry: Entry, formula: Formula) -> RungResult:
    widest, count = 0.0, 0
    for point in _points(entry):
        if not claimed_in_balls(formula, point):
            continue
        own = {s.name: point[s.name] for s in formula.parameters}
        value = ball_value(formula, own, _BITS)
        gap, size = _gap(entry.slug, {"learning_rate": 1, "curvature": 1, **point}, value)
        radius = gap.rad() / size
        if not (gap.contains(0) and radius < 1e-20):
            return failed(
                entry.slug, "enclosed", f"{gap.str(8)} is no enclosure of zero: {DEFINITIONS[entry.slug]}",
                points=count,
            )
        widest = max(widest, float(radius.upper()))
        count += 1
    return judged(
        entry.slug, "enclosed", count, f"enclosed at irrational points: {DEFINITIONS[entry.slug]}",
        largest_relative_radius=widest,
    )


def _gap(slug: str, point: Mapping[str, Any], value: arb) -> tuple[arb, arb]:
    """What must vanish, and the size of its terms."""
    name = {"stability-limit": "learning_rate", "critical-damping-curvature": "curvature"}.get(slug)
    at = {**point, name: value} if name else dict(point)
    a = ball_mode(heavy_ball(), at, to_ball(at["curvature"]), "weights").transition
    if slug == "stability-limit":
        return determinant_at_minus_one(a), arb(1)
    if slug == "critical-damping-curvature":
        # the larger root of the same equation is where the mode stops oscillating
        smaller = a[0, 0] + a[1, 1] > 0
        return discriminant(a) if smaller else arb(1), arb(1)
    return discriminant(a) - value, arb(1)

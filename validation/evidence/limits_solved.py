r"""Rung 4 for limits and definitions: floating-point solvers, extrapolated to the limit.

The ratio of the solved law to the limit is computed on a path, at :math:`\epsilon_k=1/n_k`, and the
polynomial through these points gives its value (and, for order 2, its slope) at :math:`\epsilon=0`: 1
and 0. Allowed is 1e-12 times the condition estimate of the solves times the amplification of the
extrapolation (the sum of its absolute weights), plus what leaving out one point changes; the whole
must stay below 1e-4, or the comparison says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from theory.closed_forms import Entry
from theory.evaluate import evaluate
from theory.formula import Formula
from theory.optimizers import heavy_ball
from validation.evidence.limits import Limit, law_of, limit_of, ratio_at
from validation.evidence.poles import DEFINITIONS, discriminant
from validation.evidence.result import RungResult, failed, judged
from validation.evidence.subjects import subject_of
from validation.regression import FloatArray

__all__ = ["check"]

_TOLERANCE = 1e-12
_MOST = 1e-4
#: n on the path: steps per epoch, or free
_STEPS, _FREE = (24, 28, 32, 40, 48, 56, 64), (8, 12, 16, 24, 32, 48, 64)
_POINTS: tuple[Mapping[str, float], ...] = (
    {"learning_rate": 0.625, "momentum": 0.1875, "curvature": 1.25, "noise_variance": 1.5},
    {"learning_rate": 0.5, "momentum": 0.125, "curvature": 1.5, "noise_variance": 0.75},
)
#: of a subject
_BASES = 2
_NAMES = ("matrix equations", "sums of responses")


def check(entry: Entry, formula: Formula) -> RungResult:
    """Extrapolate both solvers to a limit; find both marks of a definition."""
    limit = limit_of(entry)
    return _definition(entry, formula) if limit is None else _limit(entry, formula, limit)


def _two(entry: Entry, point: Mapping[str, Any]) -> FloatArray:
    """The quantity by two solvers with no method in common."""
    return np.array(list(subject_of(entry).floats(entry, point).values())[:2])


def _value(formula: Formula, point: Mapping[str, Any]) -> float:
    return float(evaluate(formula, dict(point)))


def _bases(entry: Entry, formula: Formula, limit: Limit) -> list[Mapping[str, Any]]:
    """Ordinary points from which the paths begin."""
    if limit.of:
        return list(subject_of(law_of(entry)).float_points(law_of(entry), formula))[:_BASES]
    names = {s.name for s in entry.formula.parameters}
    return [{n: v for n, v in full.items() if n in names} for full in _POINTS]


def _completed(limit: Limit, point: Mapping[str, Any]) -> Mapping[str, Any]:
    """With all that the exact law needs."""
    return {**limit.rest, **({} if limit.of else {"curvature": 1.0, "momentum": 0.0}), **point}


def _limit(entry: Entry, formula: Formula, limit: Limit) -> RungResult:
    numbers = _STEPS if limit.whole else _FREE
    epsilon = 1 / np.array(numbers, dtype=np.float64)
    law = law_of(entry)
    worst, widest, count = 0.0, 0.0, 0
    for base in _bases(entry, formula, limit):
        path = [limit.path(base, n) for n in numbers]
        kappa = max(subject_of(law).condition_estimate(law, _completed(limit, p)) for p in path)
        both = np.array([ratio_at(entry, formula, p, _value, _two) for p in path])
        for label, ratios in zip(_NAMES, both.T, strict=True):
            for power, target in ((0, 1.0), (1, 0.0))[: limit.order]:
                found, weight = _coefficient(epsilon, ratios, power)
                shorter, _ = _coefficient(epsilon[1:], ratios[1:], power)
                allowed = _TOLERANCE * kappa * weight + abs(found - shorter)
                if not (abs(found - target) <= allowed and allowed < _MOST):
                    return failed(
                        entry.slug, "solved",
                        f"by {label} law over limit has the coefficient {found:.9g} of epsilon**{power}, not "
                        f"{target:g} (allowed {allowed:.2g}), with {limit.words}", points=count,
                    )
                worst, widest = max(worst, abs(found - target) / allowed), max(widest, allowed)
        count += 1
    return judged(
        entry.slug, "solved", count,
        f"two solvers, extrapolated from n = {numbers[0]}..{numbers[-1]}, meet it with {limit.words}",
        deviation_in_tolerances=worst, largest_tolerance=widest,
    )


def _coefficient(x: FloatArray, y: FloatArray, power: int) -> tuple[float, float]:
    """Of the polynomial through all points, and the sum of the absolute weights that give it."""
    weights = np.linalg.inv(np.vander(x, increasing=True))[power]
    return float(weights @ y), float(np.abs(weights).sum())


def _definition(entry: Entry, formula: Formula) -> RungResult:
    names = {s.name for s in entry.formula.parameters}
    worst, count = 0.0, 0
    for full in (*_POINTS, {**_POINTS[0], "momentum": 0.64, "curvature": 0.1}):
        point = {n: v for n, v in full.items() if n in names}
        value = _value(formula, {s.name: point[s.name] for s in formula.parameters})
        for label, found, size in _marks(entry.slug, {**full, **point}):
            gap = abs(value - found) / (_TOLERANCE * size)
            if not gap <= 1:
                return failed(
                    entry.slug, "solved", f"{value:.17g} but {found:.17g} by {label}", points=count
                )
            worst = max(worst, gap)
        count += 1
    return judged(
        entry.slug, "solved", count, f"from eigenvalues and from trace and determinant: "
        f"{DEFINITIONS[entry.slug]}", deviation_in_tolerances=worst,
    )


def _matrix(point: Mapping[str, float]) -> FloatArray:
    return heavy_ball().numeric(point).transitions(point["curvature"])


def _marks(slug: str, point: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """(by which means, value, size that the tolerance is relative to), from two kinds of linear algebra."""
    if slug == "damping-discriminant":
        a = _matrix(point)
        first, second = np.linalg.eigvals(a)
        size = float(np.trace(a)) ** 2 + 4 * abs(float(np.linalg.det(a)))
        return [("eigenvalues", float(((first - second) ** 2).real), size),
                ("trace and determinant", float(discriminant(a)), size)]
    if slug == "stability-limit":
        def inside(rate: float) -> bool:
            return bool(np.abs(np.linalg.eigvals(_matrix({**point, "learning_rate": rate}))).max() < 1)

        def triangle(rate: float) -> bool:
            a = _matrix({**point, "learning_rate": rate})
            trace, det = a[0, 0] + a[1, 1], a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
            return bool(1 + trace + det > 0)

        top = 8 / point["curvature"]
        found = _last(inside, top), _last(triangle, top)
    else:
        def real(h: float) -> bool:
            return bool(np.isreal(np.linalg.eigvals(_matrix({**point, "curvature": h}))).all())

        def positive(h: float) -> bool:
            return bool(discriminant(_matrix({**point, "curvature": h})) > 0)

        top = 1 / point["learning_rate"]
        found = _last(real, top), _last(positive, top)
    return [("eigenvalues", found[0], found[0]), ("trace and determinant", found[1], found[1])]


def _last(holds: Callable[[float], bool], top: float) -> float:
    """By bisection the last place in (0, top) where a property holds that is lost once."""
    low, high = 0.0, top
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


"""The limits and expansions of the catalogue: along which path, and how fast, the exact law approaches.

The order is that of the remainder which the derivation proves (its steps' ``modulo``). Paths work in
any numbers: fractions, balls, doubles. With n = 1/epsilon the relative error of a limit of order k
falls by 2**k when n doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from theory.closed_forms import Entry, entry_by_slug
from theory.formula import Formula

__all__ = ["LIMITS", "Limit", "Point", "law_of", "limit_of", "ratio_at", "smaller"]

Point = Mapping[str, Any]
Path = Callable[[Point, Any], dict[str, Any]]
Value = Callable[[Formula, Point], Any]
Truth = Callable[[Entry, Point], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How one limit is approached.

    Attributes
    ----------
    path
        From an ordinary point and n to the point at epsilon = 1/n.
    order
        Of the relative error, at least.
    whole
        Whether n is the number of steps per epoch.
    words
        The path for a reader.
    rest
        What the exact law needs beyond the parameters of the limit.
    along
        Whether the limit is claimed wherever the law exists far along the path, not at the point
        itself.
    crossing
        The formula is the curvature at which two correlation times meet.
    of
        Slug of the exact entry it is the limit of; "" for the stationary law of the entry's own pair
        and quantity.
    """

    path: Path
    order: int
    whole: bool
    words: str
    rest: Mapping[str, int] = field(default_factory=dict)
    along: bool = False
    crossing: bool = False
    of: str = ""


def _longer(point: Point, n: Any) -> dict[str, Any]:
    return {**point, "steps_per_epoch": n}


def _small_step(point: Point, n: Any) -> dict[str, Any]:
    kappa = point["curvature"]
    scaled = kappa * (1 - point["momentum"]) / (n * point["learning_rate"])
    return {**point, "steps_per_epoch": n, "curvature": scaled}


def _kinetic(point: Point, n: Any) -> dict[str, Any]:
    friction = 1 - point["momentum"]
    return {**point, "learning_rate": point["learning_rate"] / (n * n), "momentum": 1 - friction / n}


def _slower(point: Point, n: Any) -> dict[str, Any]:
    return {**point, "learning_rate": point["learning_rate"] / n}


def _kinetic_flat(point: Point, n: Any) -> dict[str, Any]:
    return {**point, "steps_per_epoch": n, "momentum": 1 - (1 + point["momentum"]) / n}


def smaller(*names: str) -> Path:
    """Parameters, or whole populations, divided by n."""

    def path(point: Point, n: Any) -> dict[str, Any]:
        return {**point, **{name: _divided(point[name], n) for name in names}}

    return path


def _divided(value: Any, n: Any) -> Any:
    return tuple(x / n for x in value) if isinstance(value, tuple) else value / n


_LONG = "M = n"
_KINETIC = "eta of order 1/n² and 1 - beta of order 1/n"
LIMITS: Mapping[str, Limit] = {
    "flat-weight-variance-long-epoch": Limit(path=_longer, order=1, whole=True, words=_LONG),
    "correlation-time-flat": Limit(path=_longer, order=1, whole=True, words=_LONG),
    "crossover-curvature": Limit(
        path=_longer, order=1, whole=True, along=True, crossing=True,
        words="M = n, as the curvature where the correlation times of white noise and of a flat "
        "direction meet",
    ),
    "epoch-drift-smith-limit": Limit(
        path=smaller("curvature"), order=1, whole=False, of="epoch-drift", words="curvature / n",
    ),
    "mean-shift-flat-direction": Limit(
        path=smaller("curvature"), order=1, whole=False, along=True, of="mean-shift",
        words="curvature / n",
    ),
    "reshuffled-weight-variance-long-epoch": Limit(path=_longer, order=2, whole=True, words=_LONG),
    "reshuffled-weight-variance-small-step": Limit(
        path=_small_step, order=1, whole=True, words="M = n at fixed eta lambda M / (1 - beta)",
    ),
    "kinetic-weight-variance": Limit(path=_kinetic, order=1, whole=False, along=True, words=_KINETIC),
    "kinetic-velocity-variance": Limit(
        path=_kinetic, order=1, whole=False, along=True, words=_KINETIC, rest={"curvature": 1},
    ),
    "continuous-time-weight-variance": Limit(
        path=_slower, order=1, whole=False, along=True, words="eta of order 1/n, without momentum",
        rest={"momentum": 0},
    ),
    "kinetic-flat-weight-variance": Limit(
        path=_kinetic_flat, order=1, whole=True, words="M = n at fixed M (1 - beta)",
    ),
}


def limit_of(entry: Entry) -> Limit | None:
    """The path of a limit; None for the definitions, which are exact statements about the poles."""
    return LIMITS.get(entry.slug)


def law_of(entry: Entry) -> Entry:
    """The exact entry that a limit is the limit of, if it names one; else the entry itself."""
    limit = LIMITS.get(entry.slug)
    return entry_by_slug(limit.of) if limit is not None and limit.of else entry


def ratio_at(entry: Entry, formula: Formula, point: Point, value: Value, truth: Truth) -> Any:
    """Exact law over limit at one point of the path, in the numbers of ``value`` and ``truth``."""
    limit = LIMITS[entry.slug]
    found = value(formula, {s.name: point[s.name] for s in formula.parameters})
    if limit.of:
        return truth(law_of(entry), {**limit.rest, **point}) / found
    full = {**limit.rest, "noise_variance": 1, **point}
    if limit.crossing:
        white, flat = entry_by_slug("correlation-time-steep"), entry_by_slug("flat-correlation-time")
        return truth(white, {**full, "curvature": found}) / truth(flat, full)
    return truth(entry, full) / found

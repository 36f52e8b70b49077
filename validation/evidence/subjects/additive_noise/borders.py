"""Points from which the borders of the stationary law are approached, and points from a much larger box."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from theory.closed_forms import Entry
from validation.evidence.points import draw_point

__all__ = ["border_points", "wide_points"]

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
_CURVATURES = ("curvature", "second_curvature")


def border_points(
    entry: Entry, names: Sequence[str], rng: random.Random, whole: bool
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
    entry: Entry, names: Sequence[str], rng: random.Random, smallest: int = 2, largest: int = 5
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


def wide_points(
    entry: Entry, names: Sequence[str], rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Points that need not lie inside any condition."""
    for _ in range(_WIDE_POINTS):
        base = _base(entry, names, rng, smallest=1)
        for name, (low, high) in _WIDE.items():
            if name in base:
                base[name] = low + (high - low) * Fraction(rng.randrange(2**20), 2**20)
        for name in ("lag", "position"):
            if name in base:
                base[name] = rng.randint(name == "position", base.get("steps_per_epoch", 3) + 3)
        yield base

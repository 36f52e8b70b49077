"""Where to compare: random rational points for one choice of the whole numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import fmpq

from theory.closed_forms import Entry
from theory.formula import Formula
from theory.symbols import PARAMETERS
from validation.evidence.numbers import Angle

__all__ = ["GRID", "draw_point", "parameters_of", "shown", "uniform"]

#: every real parameter takes one of this many equidistant values
GRID = 2**64

#: an interval of each real parameter; together they lie inside the stability region of every rule
#: (learning_rate * (curvature + weight_decay) < 1)
_BOX: Mapping[str, tuple[Fraction, Fraction]] = {
    "learning_rate": (Fraction(1, 4), Fraction(3, 4)),
    "momentum": (Fraction(1, 8), Fraction(7, 8)),
    "curvature": (Fraction(1, 4), Fraction(3, 4)),
    "second_curvature": (Fraction(1, 4), Fraction(3, 4)),
    "noise_variance": (Fraction(1, 2), Fraction(3, 2)),
    "dampening": (Fraction(1, 8), Fraction(7, 8)),
    "weight_decay": (Fraction(1, 16), Fraction(1, 2)),
    "immediate_discount": (Fraction(1, 8), Fraction(7, 8)),
    "averaging_rate": (Fraction(1, 8), Fraction(7, 8)),
}


def parameters_of(entry: Entry, formula: Formula) -> tuple[str, ...]:
    """What a point of ``formula`` must give: its own parameters and those of the entry's formula."""
    wanted = {s.name for s in (*entry.formula.parameters, *formula.parameters)}
    return tuple(name for name in PARAMETERS if name in wanted)


def uniform(rng: random.Random, low: Fraction, high: Fraction) -> Fraction:
    """One of :data:`GRID` equidistant numbers between two bounds."""
    return low + (high - low) * Fraction(rng.randrange(GRID), GRID)


def draw_point(
    entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
) -> dict[str, Any]:
    r"""Draw every real parameter uniformly from :data:`GRID` values, an affine image of 0..T-1.

    A frequency becomes an :class:`Angle` with t uniform in [1/4, 3/4]. Of a scheme with unequal
    batches, S and the rest of N are drawn as well, for M given: from T whole numbers each.
    """
    point: dict[str, Any] = {}
    for name in names:
        if name in _BOX:
            point[name] = uniform(rng, *_BOX[name])
    if "frequency" in names:
        point["frequency"] = Angle(fmpq(1, 4) + fmpq(rng.randrange(GRID), 2 * GRID))
    point |= {name: value for name, value in wholes.items() if name in names}
    if "samples" in names:
        point |= _batches(entry, wholes["steps_per_epoch"], rng)
    return {name: point[name] for name in names}


def _batches(entry: Entry, steps: int, rng: random.Random) -> dict[str, int]:
    """A batch size and a number of samples that make ``steps`` batches."""
    batch = GRID + 1 + rng.randrange(GRID)
    rest = rng.randrange(GRID)
    if entry.scheme.last_batch == "kept":
        return {"batch_size": batch, "samples": (steps - 1) * batch + 1 + rest}
    return {"batch_size": batch, "samples": steps * batch + rest}


def shown(point: Mapping[str, Any]) -> str:
    """A point for a message, in six digits."""
    parts = []
    for name, value in point.items():
        try:
            parts.append(f"{name}={float(value):.6g}")
        except (TypeError, OverflowError):
            parts.append(f"{name}={value}")
    return ", ".join(parts)

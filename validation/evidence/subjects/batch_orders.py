r"""Means over all orders of a few batches in one direction: what an epoch and the stationary mean share.

Batches fluctuate in curvature and in gradient; the quantity is the coefficient of second order in these
fluctuations, as a rational function of learning rate, curvature and the like at each number of batches.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb

from theory.closed_forms import Entry
from theory.formula import Formula
from theory.symbols import steps_per_epoch
from validation.evidence.subjects.defaults import drawn_point
from validation.evidence.subjects.plans import consecutive
from validation.evidence.subjects.protocol import Plan, Point, Subject
from validation.evidence.support import Support

__all__ = ["BatchOrders"]

_BOX: Mapping[str, tuple[Fraction, Fraction]] = {
    **dict.fromkeys(
        (
            "learning_rate", "curvature", "negative_curvature", "curvature_variance",
            "curvature_gradient_covariance",
        ),
        (Fraction(1, 4), Fraction(3, 4)),
    ),
    "momentum": (Fraction(1, 8), Fraction(7, 8)), "displacement": (Fraction(1, 4), Fraction(5, 4)),
}


class BatchOrders(Subject):
    """A subject with this many batches per epoch as its one whole number."""

    @abstractmethod
    def most_steps(self, entry: Entry) -> int:
        """Batches up to which the exact solver is affordable."""

    @abstractmethod
    def support(self, entry: Entry) -> Support:
        """The terms that the quantity may have as a sequence in the number of batches."""

    @abstractmethod
    def extremes(self, base: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Labelled extreme points for balls, from an ordinary one."""

    def wholes(self, entry: Entry, formula: Formula) -> Plan:
        return consecutive(
            "steps_per_epoch", 2, formula, lambda: self.support(entry), most=self.most_steps(entry)
        )

    def point(
        self, entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
    ) -> dict[str, Any]:
        return drawn_point(_BOX, names, wholes, rng)

    def ball_points(self, entry: Entry, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        pi, root = arb.pi(), arb(2).sqrt()
        values: dict[str, Any] = {
            "learning_rate": root / 3, "momentum": pi / 5, "curvature": pi / 5,
            "negative_curvature": root / 5, "curvature_variance": pi / 20,
            "curvature_gradient_covariance": -root / 7, "displacement": pi - 1, "steps_per_epoch": 7,
        }
        base = {name: values[name] for name in names}
        yield "an irrational point", base
        yield "another irrational point", {
            **base, "steps_per_epoch": 4, **{n: base[n] * root / 2 for n in names if n in _BOX}
        }
        yield from self.extremes(base)
        yield "M = 60", {**base, "steps_per_epoch": 60}

    def relations(self, entry: Entry) -> Sequence[Any]:
        """An epoch needs batches to exchange."""
        return (steps_per_epoch >= 2,)

    def exists(self, entry: Entry, point: Point) -> bool:
        return bool(point["steps_per_epoch"] >= 2)

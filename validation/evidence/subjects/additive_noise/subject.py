"""The stationary law of a linear rule under noise that does not depend on the weights."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp
from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.evidence.points import draw_point
from validation.evidence.subjects.additive_noise import borders
from validation.evidence.subjects.additive_noise.balls import ball_points, ball_truth
from validation.evidence.subjects.additive_noise.degree import truth_degree
from validation.evidence.subjects.additive_noise.floats import condition_estimate, float_points, solutions
from validation.evidence.subjects.additive_noise.grid import whole_numbers
from validation.evidence.subjects.additive_noise.runs import replicas
from validation.evidence.subjects.protocol import Plan, Point, Replicas, Subject
from validation.evidence.truth import exact_truth

__all__ = ["ADDITIVE_NOISE", "AdditiveNoise"]


class AdditiveNoise(Subject):
    """Every quantity of :data:`theory.QUANTITIES` of every rule and scheme.

    The exact solver decides by the Schur-Cohn test whether there is a law, and refuses itself.
    """

    def wholes(self, entry: Entry, formula: Formula) -> Plan:
        return whole_numbers(entry, formula)

    def point(
        self, entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
    ) -> dict[str, Any]:
        return draw_point(entry, names, wholes, rng)

    def ball_points(self, entry: Entry, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        return ball_points(entry, tuple(names))

    def float_points(self, entry: Entry, formula: Formula) -> Sequence[Point]:
        return float_points(entry, formula)

    def border_points(
        self, entry: Entry, names: Sequence[str], rng: random.Random, *, whole: bool
    ) -> Iterator[dict[str, Any]]:
        return borders.border_points(entry, names, rng, whole)

    def wide_points(
        self, entry: Entry, names: Sequence[str], rng: random.Random
    ) -> Iterator[dict[str, Any]]:
        return borders.wide_points(entry, names, rng)

    def relations(self, entry: Entry) -> Sequence[Any]:
        """Borders of the rule's stability region, and the scheme's conditions."""
        noise = entry.quantity.startswith("noise")
        return (*entry.scheme.conditions, *(() if noise else sp.And.make_args(entry.rule.valid_if)))

    def exact(self, entry: Entry, point: Point) -> fmpq:
        return exact_truth(entry, point)

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        return truth_degree(entry, point)

    def balls(self, entry: Entry, point: Point) -> arb:
        return ball_truth(entry, point)

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        return dict(solutions(entry, point))

    def condition_estimate(self, entry: Entry, point: Point) -> float:
        return condition_estimate(entry, point)

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        return replicas(entry, formula, salt=salt, share=share)


ADDITIVE_NOISE = AdditiveNoise()

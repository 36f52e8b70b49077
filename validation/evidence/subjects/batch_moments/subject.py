r"""Moments of a batch average without replacement: all batches of small populations, listed.

The third moment is linear in :math:`m_3`, the fourth in :math:`m_4` and :math:`m_2^2`: one population, or
two, fix the coefficients.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import sympy as sp
from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.formula import Formula
from theory.symbols import batch_size, samples
from validation.evidence.subjects.batch_moments.populations import (
    by_partitions,
    coefficient,
    order_of,
    populations,
    powers,
)
from validation.evidence.subjects.defaults import generator, shifted
from validation.evidence.subjects.protocol import Plan, Point, Replicas, Subject

__all__ = ["BATCH_MOMENTS", "BatchMoments"]

_JOINT = "batch-fourth-moment-joint"
#: degrees in N and in S of the truth over its denominators, which are those of the distinct samples
_MOST_CASES = 8
_REPLICAS = 150_000
#: samples of the simulation, of mean zero, and the size of a batch: by the order of the moment
_RUNS = {
    3: (np.array([41.0, -9.0, *[-4.0] * 8]), 2),
    4: (np.array([8.0, -2.0, *[-1.0] * 6]), 4),
}


class BatchMoments(Subject):
    """The coefficients of the third and the fourth moment."""

    def wholes(self, entry: Entry, formula: Formula) -> Plan:
        """A grid of N and S on which no polynomial of the difference's degrees vanishes but zero."""
        order = order_of(entry)
        top, bottom = (
            sp.Poly(side, samples, batch_size) for side in sp.fraction(sp.together(formula.expression))
        )
        needed = []
        for symbol in (samples, batch_size):
            # the truth: order - 1 factors N - i below and at most as many above; S^(order - 1) below
            needed.append(1 + order - 1 + max(int(top.degree(symbol)), int(bottom.degree(symbol))))
        sizes = range(1, 1 + min(needed[1], _MOST_CASES))
        first = max(order, sizes[-1]) + 1
        totals = range(first, first + min(needed[0], _MOST_CASES))
        whole = max(needed) <= _MOST_CASES
        tried = f"{len(totals)} of samples and {len(sizes)} of batch_size"
        asked = f"{needed[0]} of samples and {needed[1]} of batch_size"
        return Plan(
            cases=tuple({"samples": n, "batch_size": s} for n in totals for s in sizes),
            reason=f"tried for {tried}, " + (
                "as many as the degrees of the difference ask, hence for all" if whole
                else f"of {asked} asked"
            ),
            figures={
                "covered": tried, "recurrence_order": asked, "for_all_whole_numbers": str(whole).lower(),
            },
        )

    def point(
        self, entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
    ) -> dict[str, Any]:
        return {name: value for name, value in wholes.items() if name in names}

    def float_points(self, entry: Entry, formula: Formula) -> Sequence[Point]:
        """Where the value is no zero."""
        return [{"samples": n, "batch_size": s} for n, s in ((9, 2), (9, 4), (11, 3), (12, 5))]

    def ball_points(self, entry: Entry, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        for n, s in ((7, 3), (100, 7), (1000, 13), (1000, 998), (60, 41)):
            yield f"N = {n}, S = {s}", {"samples": n, "batch_size": s}

    def relations(self, entry: Entry) -> Sequence[Any]:
        return (samples >= order_of(entry), batch_size <= samples)

    def exists(self, entry: Entry, point: Point) -> bool:
        """With fewer samples the powers of the population depend on each other."""
        return int(point["samples"]) >= order_of(entry) and 1 <= point["batch_size"] <= point["samples"]

    def exact(self, entry: Entry, point: Point) -> fmpq:
        """Every batch of every population."""
        n, s = int(point["samples"]), int(point["batch_size"])
        if not self.exists(entry, point):
            raise TheoryError(f"{n} samples do not determine the coefficient, or hold no batch of {s}")
        rows = []
        for population in populations(n):
            power = order_of(entry)
            total = sum((sum(batch, fmpq(0)) ** power for batch in combinations(population, s)), fmpq(0))
            rows.append((*powers(population, power), total / comb(n, s) / fmpq(s) ** power))
        return coefficient(entry, rows)  # type: ignore[no-any-return]

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        return 0, 0

    def balls(self, entry: Entry, point: Point) -> arb:
        """Populations of marked samples: how many fall into a batch is hypergeometric."""
        n, s = int(point["samples"]), int(point["batch_size"])
        power, rows = order_of(entry), []
        for marked in (1, 2):
            mean = fmpq(marked, n)
            population = [1 - mean] * marked + [-mean] * (n - marked)
            total = sum(
                (
                    fmpq(comb(marked, k) * comb(n - marked, s - k), comb(n, s)) * (fmpq(k, s) - mean) ** power
                    for k in range(max(0, s + marked - n), min(marked, s) + 1)
                ),
                fmpq(0),
            )
            rows.append((*powers(population, power), total))
        return arb(coefficient(entry, rows))

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        n, s = int(point["samples"]), int(point["batch_size"])
        rows: list[tuple[float, float, float]] = []
        power = order_of(entry)
        for population in populations(n):
            values = np.array([float(Fraction(int(x.p), int(x.q))) for x in population])
            means = np.array(list(combinations(values, s))).mean(axis=1)
            whole, square = float(np.mean(values**power)), float(np.mean(values**2)) ** 2
            rows.append((whole, square, float(np.mean(means**power))))
        return {
            "partitions of the factors": by_partitions(entry, n, s), "all batches": coefficient(entry, rows),
        }

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        """The batches of really drawn passes, averaged; of the fourth moment, less the other part."""
        rng = generator(entry, salt)
        count, power = _REPLICAS // share, order_of(entry)
        population, size = _RUNS[power]
        n, whole = len(population), float(np.mean(population**power))
        drawn = rng.permuted(np.tile(population, (count, 1)), axis=1)
        numbers = (drawn.reshape(count, -1, size).mean(axis=2) ** power).mean(axis=1)
        square = float(np.mean(population**2)) ** 2
        own = whole if power == 3 or entry.slug == _JOINT else square
        predicted = own * float(formula.evaluate(samples=n, batch_size=size))
        if power == 3:
            return shifted(predicted, numbers, -float(population[1:].min()) ** 3)
        joint = entry.slug != _JOINT
        other = (whole if joint else square) * by_partitions(entry, n, size, joint=joint)
        return shifted(predicted, numbers - other, max(0.0, other))

BATCH_MOMENTS = BatchMoments()

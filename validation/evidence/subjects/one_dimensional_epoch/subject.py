r"""One epoch over a population in one dimension: all orders, sets of samples, symmetric polynomials, runs.

None of the methods knows the integrals of the formulas. Rational numbers go through every order, step by
step; balls through every set of samples, by which of them comes last; doubles through those sets and,
apart, through elementary symmetric polynomials.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.formula import Formula
from theory.numbers import each
from validation.evidence.numbers import double_value, to_ball, to_fmpq
from validation.evidence.points import uniform
from validation.evidence.subjects.batch_population import means_over_orders
from validation.evidence.subjects.defaults import generator
from validation.evidence.subjects.one_dimensional_epoch.floats import symmetric_moments
from validation.evidence.subjects.plans import listed
from validation.evidence.subjects.protocol import Plan, Point, Replicas, Subject

__all__ = ["ONE_DIMENSIONAL_EPOCH"]

_MOST_SAMPLES = 6
_RANGES: Mapping[str, tuple[Fraction, Fraction]] = {
    "learning_rate": (Fraction(1, 4), Fraction(3, 4)), "displacement": (Fraction(-2), Fraction(2)),
    "sample_curvature": (Fraction(-1), Fraction(3)), "sample_gradient": (Fraction(-2), Fraction(2)),
}
_OF_SAMPLES = ("sample_curvature", "sample_gradient")
_REPLICAS = 200_000
_RUN: Mapping[str, Any] = {
    "learning_rate": 0.25, "displacement": 2.0,
    "sample_curvature": tuple(k / 4 for k in range(8)),
    "sample_gradient": (-1.0, -1.5, -0.25, -0.5, -0.125, 0.0, -0.25, 0.0),
}


class OneDimensionalEpoch(Subject):
    """The entries ``one-dimensional-epoch-mean`` and ``one-dimensional-epoch-second-moment``."""

    def wholes(self, entry: Entry, formula: Formula) -> Plan:
        """The size of the population, which is no parameter."""
        cases = tuple({"samples": n} for n in range(1, _MOST_SAMPLES + 1))
        covered = f"1 to {_MOST_SAMPLES} samples"
        return listed(
            cases, f"tried for {covered}, in every order; for every N by induction on the rung proved",
            covered, "every number of samples",
        )

    def point(
        self, entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
    ) -> dict[str, Any]:
        drawn: dict[str, Any] = {}
        for name in names:
            low, high = _RANGES.get(name, (Fraction(1, 4), Fraction(3, 4)))
            if name in _OF_SAMPLES:
                drawn[name] = tuple(uniform(rng, low, high) for _ in range(wholes["samples"]))
            else:
                drawn[name] = uniform(rng, low, high)
        return drawn

    def ball_points(self, entry: Entry, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        pi, root = arb.pi(), arb(2).sqrt()
        irrational = (pi / 4, root, -root / 3, pi - 2, root - pi / 3)
        gradients = (root, -pi / 5, pi - 3, -root, root / 7)
        rest: dict[str, Any] = {"learning_rate": pi / 7, "displacement": root / 2}
        zero = (7 / pi, pi / 4, 7 / pi, root)  # a factor that is zero up to rounding
        for label, curvatures in (
            ("five irrational samples", irrational), ("one sample", irrational[:1]),
            ("two samples", irrational[:2]), ("equal samples", (root,) * 5), ("zero factors", zero),
            ("huge curvatures", tuple(h * 10**30 for h in irrational)),
            ("flat samples", tuple(h / 10**30 for h in irrational)),
            ("negative curvatures", tuple(-abs(h) for h in irrational)),
            ("curvatures of all sizes", tuple(h * arb(10) ** (8 * k) for k, h in enumerate(irrational, -2))),
        ):
            point = {**rest, "sample_curvature": curvatures, "sample_gradient": gradients[: len(curvatures)]}
            others = dict.fromkeys(set(names) - set(point), pi / 5)
            yield label, {name: (point | others)[name] for name in names}

    def exact(self, entry: Entry, point: Point) -> fmpq:
        """The average over every order."""
        numbers = {name: each(to_fmpq, value) for name, value in point.items()}
        eta, steps = numbers["learning_rate"], _steps(numbers)
        total, count = fmpq(0), 0
        for order in permutations(steps):
            theta = numbers["displacement"]
            for h, g in order:
                theta = theta - eta * (h * theta + g)
            total += theta if _is_mean(entry) else theta * theta
            count += 1
        return total / count

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        """Each step adds two to the degree of the weight, which starts at one."""
        degree = 1 + 2 * len(point["sample_curvature"])
        return (degree if _is_mean(entry) else 2 * degree), 0

    def balls(self, entry: Entry, point: Point) -> arb:
        found: arb = _over_sets(entry, {name: each(to_ball, value) for name, value in point.items()})
        return found

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        numbers = {name: each(float, value) for name, value in point.items()}
        return {
            "the recursion over all sets of samples": float(_over_sets(entry, numbers)),
            "elementary symmetric polynomials": symmetric_moments(numbers)[not _is_mean(entry)],
        }

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        """Epochs in really drawn orders; all factors lie in [0, 1] and no gradient is positive, so that the
        weight stays positive."""
        rng = generator(entry, salt)
        h, g = (np.array(_RUN[name]) for name in _OF_SAMPLES)
        order = rng.permuted(np.tile(np.arange(h.size), (_REPLICAS // share, 1)), axis=1)
        theta = np.full(order.shape[0], _RUN["displacement"])
        for k in range(h.size):
            n = order[:, k]
            theta = theta - _RUN["learning_rate"] * (h[n] * theta + g[n])
        own = {s.name: _RUN[s.name] for s in formula.parameters}
        return Replicas(predicted=double_value(formula, own), numbers=theta if _is_mean(entry) else theta**2)


def _is_mean(entry: Entry) -> bool:
    return entry.quantity == "epoch-mean"


def _steps(numbers: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Pairs (curvature, gradient)."""
    return list(zip(*(numbers[name] for name in _OF_SAMPLES), strict=True))


def _over_sets(entry: Entry, numbers: Mapping[str, Any]) -> Any:
    """Mean and mean square after every set of samples, from those with one sample less: O(N 2^N)."""
    eta, start, steps = numbers["learning_rate"], numbers["displacement"], _steps(numbers)

    def step(before: tuple[Any, ...], n: int) -> tuple[Any, ...]:
        (mean, square), (h, g) = before, steps[n]
        x, c = 1 - eta * h, -eta * g
        return x * mean + c, x * x * square + 2 * x * c * mean + c * c

    return means_over_orders(len(steps), (start, start * start), step)[-1][0 if _is_mean(entry) else 1]

ONE_DIMENSIONAL_EPOCH = OneDimensionalEpoch()

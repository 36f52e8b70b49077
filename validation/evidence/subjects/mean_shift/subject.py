"""The stationary mean of one direction under batches without replacement: the subject of the rungs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.evaluate.compiler import compile_program
from theory.formula import Formula
from theory.sequences import LucasSequence
from theory.solvers.schur_cohn import stability_of
from theory.symbols import curvature, learning_rate, steps_per_epoch
from validation.evidence.numbers import to_fmpq
from validation.evidence.subjects.batch_orders import BatchOrders
from validation.evidence.subjects.mean_shift.floats import shifts
from validation.evidence.subjects.mean_shift.orders import (
    direction_at,
    shift_by_pairs,
    shift_over_cycles,
    shift_over_orders,
)
from validation.evidence.subjects.mean_shift.runs import replicas
from validation.evidence.subjects.protocol import Point, Replicas
from validation.evidence.subjects.rule_degrees import rule_degrees
from validation.evidence.support import Support, rational_support

__all__ = ["MEAN_SHIFT", "MeanShift"]

#: 2^12 sets of batches
_MOST_STEPS = 11
#: of an order that repeats, whose cycle is solved batch by batch
_MOST_STEPS_OF_CYCLES = 45


class MeanShift(BatchOrders):
    """Of any rule, if every epoch has an order of its own or one order repeats."""

    def most_steps(self, entry: Entry) -> int:
        return _MOST_STEPS_OF_CYCLES if entry.scheme.lasting == "run" else _MOST_STEPS

    def support(self, entry: Entry) -> Support:
        return _support(entry)

    def extremes(self, base: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "curvature = 1e-12", {**base, "curvature": arb("1e-12")}
        yield "momentum = 0", {**base, "momentum": arb(0)}
        yield "momentum = 1 - 1e-9", {**base, "momentum": 1 - arb("1e-9")}

    def relations(self, entry: Entry) -> Sequence[Any]:
        return (*entry.rule.domain, *super().relations(entry))

    def exists(self, entry: Entry, point: Point) -> bool:
        """Where the mean is stable, and an epoch has batches to exchange."""
        given = {s: sp.Rational(str(point[s.name])) for s in entry.rule.parameters if s.name in point}
        if not super().exists(entry, point) or sp.And(*entry.rule.domain).subs(given) == sp.false:
            return False
        step = direction_at(entry, point).step
        rows = [[Fraction(int(x.p), int(x.q)) for x in row] for row in step.tolist()]
        return stability_of(rows) == "stable"

    def exact(self, entry: Entry, point: Point) -> fmpq:
        if not self.exists(entry, point):
            raise TheoryError("no stationary mean: it needs two batches and poles inside the unit circle")
        at, steps = direction_at(entry, point), int(point["steps_per_epoch"])
        mean = shift_over_cycles if entry.scheme.lasting == "run" else shift_over_orders
        return to_fmpq(point["curvature_gradient_covariance"]) * mean(at, steps)

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        """A to the M has degree a M, and so has each row of the (at most two) linear systems."""
        a, b = rule_degrees(entry.rule)
        n, steps = entry.rule.state_size, int(point["steps_per_epoch"])
        power = a * steps
        return 1 + b + a + (2 * n + 2) * power, 2 * n * power

    def balls(self, entry: Entry, point: Point) -> arb:
        at, steps = direction_at(entry, point), int(point["steps_per_epoch"])
        found: arb = point["curvature_gradient_covariance"] * shift_by_pairs(
            at, steps, repeats=entry.scheme.lasting == "run"
        )
        return found

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        return shifts(entry, point)

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        return replicas(entry, formula, salt, share)


def _support(entry: Entry) -> Support:
    r"""Sums over lags below M of M less the lag times powers of A; where one order repeats,
    :math:`A^{M-1}` over :math:`\det(I-A^M)`."""
    m, n = steps_per_epoch, entry.rule.state_size
    z = sp.Symbol("z")
    found = sp.Poly(entry.rule.characteristic_polynomial(z), z).all_coeffs()[1:]
    invariants = [sp.expand((-1) ** (i + 1) * c) for i, c in enumerate(found)]
    powers = sum((LucasSequence(k, m, *invariants) for k in range(n)), sp.S.Zero)
    if entry.scheme.lasting == "run":
        law = (1 + m) * (1 + powers) ** n / ((m - 1) * (2 + powers) ** n)  # of terms, not of values
    else:
        law = (1 + m + (1 + m) * powers) / (m * (m - 1))
    names = (learning_rate, curvature, *entry.rule.parameters, m)
    return rational_support(compile_program(law), {m.name: 1}, names)


MEAN_SHIFT = MeanShift()

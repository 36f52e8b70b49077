r"""The stationary mean to second order in the fluctuations of one direction, in rationals or balls.

Over all orders of a small population: the mean over all orders of the state after a set of batches is a
mean over which of them came last, coefficient by coefficient in :math:`\epsilon`. Where one order repeats,
every order has a cycle of its own: all are listed for a few batches, and beyond the noise that a batch meets
is averaged over all orders of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from flint import arb, arb_mat, fmpq, fmpq_mat

from theory.closed_forms import Entry
from validation.evidence.rule_entries import rule_entries
from validation.evidence.subjects.batch_population import means_over_orders, population

__all__ = ["Direction", "direction_at", "shift_by_pairs", "shift_over_cycles", "shift_over_orders"]

#: orders are listed one by one up to here
_MOST_LISTED = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Direction:
    """A, A' = dA/d(curvature) and B in rationals or balls. Shapes (n, n), (n, n), (n, 1)."""

    step: Any
    slope: Any
    inject: Any

    @property
    def zero(self) -> Any:
        """The state 0."""
        return self.inject - self.inject

    def rest_of(self, matrix: Any, right: Any) -> Any:
        """(I - matrix)^-1 right."""
        n = matrix.nrows()
        one = type(matrix)(n, n, [int(i == j) for i in range(n) for j in range(n)])
        return (one - matrix).solve(right)


def direction_at(entry: Entry, point: Mapping[str, Any]) -> Direction:
    """The rule's own program, run at two curvatures: A is linear in the curvature."""
    kind: Any = arb_mat if any(isinstance(v, arb) for v in point.values()) else fmpq_mat
    (step, inject), one, none = (rule_entries(entry.rule, point, h) for h in (point["curvature"], 1, 0))
    return Direction(
        step=kind(step), slope=kind(one[0]) - kind(none[0]), inject=kind([[x] for x in inject]),
    )


def _covariance(first: Sequence[fmpq], second: Sequence[fmpq]) -> fmpq:
    return sum((a * b for a, b in zip(first, second, strict=True)), fmpq(0)) / len(first)


def shift_over_orders(at: Direction, steps: int) -> fmpq:
    """Per covariance, averaged over the epoch, if every epoch has an order of its own.

    The mean at the start of an epoch is that at its end; to first order it is zero.
    """
    curvatures, gradients = population(steps)

    def step(before: tuple[Any, ...], k: int) -> tuple[Any, ...]:
        one, two = before
        return at.step * one + at.inject * gradients[k], at.step * two + at.slope * one * curvatures[k]

    after = means_over_orders(steps, (at.zero, at.zero), step)
    means = []
    for size in range(steps + 1):
        sets = [numbers for chosen, numbers in enumerate(after) if chosen.bit_count() == size]
        first, second = (sum(parts[1:], parts[0]) / len(sets) for parts in zip(*sets, strict=True))
        if any(x != 0 for x in first.entries()):
            raise ArithmeticError("the mean of first order must vanish at every position")
        means.append(second)
    start = at.rest_of(at.step**steps, means[steps])
    average = at.zero
    for k in range(1, steps + 1):
        start = at.step * start
        average += start + means[k]
    found: fmpq = average[0, 0] / steps / _covariance(curvatures, gradients)
    return found


def shift_over_cycles(at: Direction, steps: int) -> fmpq:
    """Per covariance, averaged over the epoch, if one order repeats for ever."""
    curvatures, gradients = population(steps)
    if steps <= _MOST_LISTED:
        cycles = [_second_order(at, [(curvatures[k], gradients[k]) for k in order])
                  for order in permutations(range(steps))]
        total = sum(cycles, fmpq(0)) / len(cycles)
    else:
        pushes = []
        for bend, own in zip(curvatures, gradients, strict=True):
            others = -own / (steps - 1)  # the average of the other batches, at every other position
            met = _orbit(at, [at.inject * g for g in [own, *[others] * (steps - 1)]])[-1]
            pushes.append(at.slope * met * bend)
        push = sum(pushes, at.zero) * fmpq(1, steps)
        total = at.rest_of(at.step, push)[0, 0]
    found: fmpq = total / _covariance(curvatures, gradients)
    return found


def _orbit(at: Direction, pushes: Sequence[Any]) -> list[Any]:
    """The cycle of states after each of the pushes, which repeat; the last one is before the first."""
    end = at.zero
    for push in pushes:
        end = at.step * end + push
    state = at.rest_of(at.step ** len(pushes), end)
    out = []
    for push in pushes:
        state = at.step * state + push
        out.append(state)
    return out


def _second_order(at: Direction, batches: Sequence[tuple[fmpq, fmpq]]) -> fmpq:
    """Of the average weight over the cycle of one order."""
    first = _orbit(at, [at.inject * g for _, g in batches])
    second = _orbit(at, [at.slope * first[k - 1] * bend for k, (bend, _) in enumerate(batches)])
    found: fmpq = sum((state[0, 0] for state in second), fmpq(0)) / len(second)
    return found


def shift_by_pairs(at: Direction, steps: int, *, repeats: bool) -> Any:
    """The same from the correlation -1 / (M - 1) of two batches, pair of steps by pair of steps."""
    if repeats:
        zero = at.inject * 0
        seen = _orbit(at, [at.inject * (steps - 1), *[zero - at.inject] * (steps - 1)])[-1]
        return at.rest_of(at.step, at.slope * seen)[0, 0] / (steps - 1)
    minus = type(at.inject[0, 0])(-1) / (steps - 1)
    met, pushes = at.zero, []
    for _ in range(steps):
        pushes.append(at.slope * met * minus)
        met = at.step * met + at.inject
    states = _orbit(at, pushes)
    return sum((state[0, 0] for state in states[1:]), states[0][0, 0]) / steps

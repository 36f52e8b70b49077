r"""The stationary law of a direction whose batches are one of a few: listed one by one, in any numbers.

A batch has curvature h and gradient noise g with given moments. The finite list here has just these
moments (curvature and gradient correlated as well), and the law follows from the average over the list:
mean and second moment of the state of the *whole* step, with no use of what the derivation proves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from math import comb
from typing import Any

from flint import arb, arb_mat, fmpq_mat

from theory.closed_forms import Entry
from validation.evidence.numbers import to_fmpq
from validation.evidence.rule_entries import rule_entries

__all__ = ["Batch", "FluctuatingLaw", "batches_of", "law_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One possible batch: its probability and curvature, mean and mean square of its gradient noise."""

    chance: Any
    curvature: Any
    gradient: Any
    square: Any


def batches_of(entry: Entry, point: Mapping[str, Any]) -> tuple[Batch, ...]:
    r"""A list with the moments that the entry's parameters name.

    *Curvature* :math:`2\lambda` or :math:`\lambda-\psi/\lambda` with the chances that give mean
    :math:`\lambda` and variance :math:`\psi`; *noise* 1 or -c with those that give mean 0 and variance
    c; the two as correlated as independent chances p, q allow with :math:`p(1-p)q(1-q)` moved.

    *Labels*: inputs 0 or :math:`\pm\sqrt{3\lambda}` with chances 2/3, 1/6, 1/6 have the second and
    fourth moments of a Gaussian; k of S inputs that are not 0 make a batch.
    """
    h = point["curvature"]
    one = h / h
    if "label_variance" in point:
        size, y = int(point["batch_size"]), point["label_variance"]
        return tuple(
            Batch(
                chance=one * comb(size, k) * 2 ** (size - k) / 3**size, curvature=3 * h * k / size,
                gradient=0 * one, square=3 * h * y * k / size**2,
            )
            for k in range(size + 1)
        )
    psi, c = point["curvature_variance"], point.get("noise_variance", one)
    p, q = psi / h / (h + psi / h), c / (1 + c)
    moved = p * (1 - p) * q * (1 - q)
    out = []
    for chance, curvature, sign in ((p, 2 * h, 1), (1 - p, h - psi / h, -1)):
        up, down = chance * q + sign * moved, chance * (1 - q) - sign * moved
        out += [
            Batch(chance=up, curvature=curvature, gradient=one, square=one),
            Batch(chance=down, curvature=curvature, gradient=-c, square=c * c),
        ]
    return tuple(out)


@dataclass(frozen=True, kw_only=True, eq=False)
class FluctuatingLaw:
    """The batches and the steps they make: matrices as nested tuples of rationals or balls.

    Attributes
    ----------
    batches
        Every possible one.
    steps
        A at the curvature of each batch. Each (n, n).
    inject
        B. Shape (n,).
    """

    batches: Sequence[Batch]
    steps: Sequence[Sequence[Sequence[Any]]]
    inject: Sequence[Any]

    @property
    def size(self) -> int:
        """n."""
        return len(self.inject)

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """The entries of a symmetric matrix."""
        return list(combinations_with_replacement(range(self.size), 2))

    @cached_property
    def mean_step(self) -> list[list[Any]]:
        """E A."""
        n = range(self.size)
        return [[self._average(lambda b, a, i=i, j=j: a[i][j]) for j in n] for i in n]

    def _average(self, value: Any) -> Any:
        return sum(b.chance * value(b, a) for b, a in zip(self.batches, self.steps, strict=True))

    @cached_property
    def second_moment_map(self) -> list[list[Any]]:
        """P to E A P A^T, on the entries of :attr:`pairs`."""
        rows = []
        for i, j in self.pairs:
            row = []
            for k, l in self.pairs:
                other = k != l
                row.append(self._average(
                    lambda b, a, i=i, j=j, k=k, l=l, other=other:
                    a[i][k] * a[j][l] + (a[i][l] * a[j][k] if other else 0)
                ))
            rows.append(row)
        return rows

    @cached_property
    def moments(self) -> tuple[list[Any], list[list[Any]]]:
        """Mean and second moment of the state, from both stationarity equations."""
        n, b = range(self.size), self.inject
        kick = [self._average(lambda c, a, i=i: c.gradient * b[i]) for i in n]
        mean = _solve(_minus(self.mean_step), kick)
        source = [
            self._average(lambda c, a, i=i, j=j: c.square * b[i] * b[j] + c.gradient * sum(
                a[i][k] * mean[k] * b[j] + a[j][k] * mean[k] * b[i] for k in n
            ))
            for i, j in self.pairs
        ]
        entries = _solve(_minus(self.second_moment_map), source)
        second = [[entries[self.pairs.index((min(i, j), max(i, j)))] for j in n] for i in n]
        return mean, second

    def weights(self, lag: int = 0) -> Any:
        """<theta_{k+lag} theta_k>."""
        _, second = self.moments
        columns = [row[0] for row in second]
        for _ in range(lag):
            columns = [sum(a * x for a, x in zip(row, columns, strict=True)) for row in self.mean_step]
        return columns[0]

    def with_velocity(self, *, twice: bool) -> Any:
        """<theta v> after a step, or <v v>: the step is averaged batch by batch."""
        mean, second = self.moments
        n = range(self.size)

        def of(batch: Batch, a: Any) -> Any:
            step = [a[0][k] - (1 if k == 0 else 0) for k in n]
            left = step if twice else a[0]
            kick = batch.gradient * self.inject[0]
            return (
                sum(left[i] * second[i][j] * step[j] for i in n for j in n)
                + kick * sum((left[i] + step[i]) * mean[i] for i in n)
                + batch.square * self.inject[0] ** 2
            )

        return self._average(of)

    def determinant(self) -> Any:
        """det(1 - second-moment map): zero where the second moment ceases to exist."""
        matrix = _minus(self.second_moment_map)
        flat = [x for row in matrix for x in row]
        kind = arb_mat if any(isinstance(x, arb) for x in flat) else fmpq_mat
        return kind(len(matrix), len(matrix), flat).det()


def _minus(matrix: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [[(1 if i == j else 0) - x for j, x in enumerate(row)] for i, row in enumerate(matrix)]


def _solve(matrix: list[list[Any]], right: list[Any]) -> list[Any]:
    flat = [x for row in matrix for x in row]
    kind: Any = arb_mat if any(isinstance(x, arb) for x in (*flat, *right)) else fmpq_mat
    n = len(matrix)
    found = kind(n, n, flat).solve(kind(n, 1, right))
    return [found[i, 0] for i in range(n)]


def law_at(entry: Entry, point: Mapping[str, Any]) -> FluctuatingLaw:
    """The law at fractions or balls; the rule's own program is run at the curvature of every batch."""
    inside = {n: v if isinstance(v, (arb, int)) else to_fmpq(v) for n, v in point.items()}
    batches = batches_of(entry, inside)
    pairs = [rule_entries(entry.rule, inside, batch.curvature) for batch in batches]
    return FluctuatingLaw(batches=batches, steps=[a for a, _ in pairs], inject=pairs[0][1])

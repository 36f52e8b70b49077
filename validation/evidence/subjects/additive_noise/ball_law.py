r"""The stationary law in balls, without the formula and without stepping through a long epoch.

The state is joined by the noise that its epoch shares, :math:`\tilde s=(s,\zeta)`. A step moves the
second moments by :math:`\tilde P\mapsto\tilde A\tilde P\tilde A'^\top+w\,BB'^\top`, the start of an
epoch forgets :math:`\zeta` and draws another (its variance may be a negative weight: all is linear
in the noise covariance). With the moments in one column, a 1 below and their running sum above, M
steps are the M-th power of one matrix, taken by squaring: :math:`M=10^9` costs 30 products. Noise
that repeats for ever makes a periodic state instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import arb, arb_mat

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.noise import Frozen, LastStep, Periodic, SharedInEpoch, White
from validation.evidence.ball_matrix import (
    BallMode,
    adjugate,
    ball_mode,
    eye,
    kronecker,
    matrix,
    power,
)
from validation.evidence.numbers import to_ball

__all__ = ["ball_moment"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Weights:
    """Signed weights of the elementary noises in units of the noise variance."""

    white: arb
    shared: arb
    last: arb
    periodic: arb
    frozen: arb


def ball_moment(
    entry: Entry, point: Mapping[str, Any], first: str, second: str, *, lag: int = 0,
    position: int | None = None, flat: bool = False,
) -> arb:
    """<first at the later time, second> at the current precision; averaged, or at a position.

    ``first`` and ``second`` are "weights" or "velocity"; the second direction has
    ``second_curvature`` where the point gives one. ``flat``: the limit of zero curvature, for noise
    that sums to zero over an epoch.
    """
    steps = int(point.get("steps_per_epoch", 1))
    rates = {"learning_rate": 1, **point}
    curvature = 0 if flat else point["curvature"]
    left = ball_mode(entry.rule, rates, curvature, first)
    right = ball_mode(entry.rule, rates, point.get("second_curvature", curvature), second)
    noise = _weights(entry, point)
    if flat and noise.periodic != 0:
        total = _flat_cycle(rates, noise, steps)
    elif noise.periodic != 0:
        total = _repeated(left, right, noise, steps, lag)
    else:
        total = _Fresh(left, right, noise, steps, flat).moment(lag, position)
    return to_ball(point.get("noise_variance", 1)) * total


def _weights(entry: Entry, point: Mapping[str, Any]) -> _Weights:
    values = {s: int(point[s.name]) for s in entry.scheme.parameters if s.name in point}
    found: dict[type, arb] = dict.fromkeys((White, SharedInEpoch, LastStep, Periodic, Frozen), arb(0))
    for component, weight in entry.scheme.noise:
        if type(component) not in found:
            raise TheoryError(f"the ball solver has no step for the noise {component.name!r}")
        value = sp.Rational(sp.sympify(weight, strict=True).subs(values))
        found[type(component)] += arb(int(value.p)) / int(value.q)
    return _Weights(
        white=found[White], shared=found[SharedInEpoch], last=found[LastStep],
        periodic=found[Periodic], frozen=found[Frozen],
    )


def _joined(mode: BallMode) -> arb_mat:
    """[[A, B], [0, 1]]: the state and the noise its epoch shares."""
    n, a, b = mode.size, mode.transition, mode.injection
    rows = [[*(a[i, j] for j in range(n)), b[i, 0]] for i in range(n)]
    return matrix([*rows, [*([0] * n), 1]])


class _Fresh:
    """Noise drawn afresh in every epoch."""

    def __init__(
        self, left: BallMode, right: BallMode, noise: _Weights, steps: int, flat: bool
    ) -> None:
        self.left, self.right, self.noise, self.steps = left, right, noise, steps
        self.a, self.a2 = _joined(left), _joined(right)
        self.kick = left.injection * right.injection.transpose()
        self.start = self._boundary(flat)

    def _column(self, block: arb_mat, corner: Any) -> arb_mat:
        """Moments of (s, zeta) from those of s: uncorrelated with a new zeta."""
        n, n2 = self.left.size, self.right.size
        return matrix([
            [block[i, j] if i < n and j < n2 else corner if i == n and j == n2 else 0]
            for i in range(n + 1) for j in range(n2 + 1)
        ])

    def _step(self, white: Any) -> arb_mat:
        """One step on (running sum of the output, moments, 1)."""
        n2 = self.right.size
        step = kronecker(self.a, self.a2)
        kick = self._column(self.kick * to_ball(white), 0)
        size = step.nrows()
        read = [
            [self.left.output[0, i // (n2 + 1)] * self.right.output[0, i % (n2 + 1)]
             if i // (n2 + 1) < self.left.size and i % (n2 + 1) < n2 else arb(0) for i in range(size)]
        ]
        summed, shifted = matrix(read) * step, matrix(read) * kick
        rows = [[1, *(summed[0, j] for j in range(size)), shifted[0, 0]]]
        rows += [[0, *(step[i, j] for j in range(size)), kick[i, 0]] for i in range(size)]
        return matrix([*rows, [0, *([0] * size), 1]])

    def _run(self, block: arb_mat, corner: Any) -> arb_mat:
        """(sum, moments, 1) at the end of an epoch that starts from a covariance of s."""
        column = self._column(block, corner)
        begin = matrix([[0], *([column[i, 0]] for i in range(column.nrows())), [1]])
        most = power(self._step(self.noise.white), self.steps - 1) * begin
        return self._step(self.noise.white + self.noise.last) * most

    def _end(self, column: arb_mat) -> arb_mat:
        n, n2 = self.left.size, self.right.size
        return matrix([[column[1 + i * (n2 + 1) + j, 0] for j in range(n2)] for i in range(n)])

    def _boundary(self, flat: bool) -> arb_mat:
        """X = A^M X A'^MT + kick; a flat direction has its slow coordinate held at zero."""
        n, n2 = self.left.size, self.right.size
        kick = self._end(self._run(arb_mat(n, n2), self.noise.shared))
        moved = kronecker(power(self.left.transition, self.steps), power(self.right.transition, self.steps))
        system = eye(n * n2) - moved
        if flat:
            slow = (adjugate(eye(m.size) - m.transition) for m in (self.left, self.right))
            system = system + kronecker(*slow)
        solved = system.solve(matrix([[kick[i, j]] for i in range(n) for j in range(n2)]))
        return matrix([[solved[i * n2 + j, 0] for j in range(n2)] for i in range(n)])

    def moment(self, lag: int, position: int | None) -> arb:
        """Averaged by the running sum; lags and positions by stepping through the epoch."""
        if not lag and position is None:
            return self._run(self.start, self.noise.shared)[0, 0] / self.steps
        n, n2 = self.left.size, self.right.size
        flat = self._column(self.start, self.noise.shared)
        law = matrix([[flat[i * (n2 + 1) + j, 0] for j in range(n2 + 1)] for i in range(n + 1)])
        forget = matrix([[int(i == j and i < n) for j in range(n + 1)] for i in range(n + 1)])
        row = matrix([[*(self.left.output[0, i] for i in range(n)), 0]])
        column = matrix([*([self.right.output[0, j]] for j in range(n2)), [0]])
        kick = matrix([[*(self.kick[i, j] for j in range(n2)), 0] for i in range(n)] + [[0] * (n2 + 1)])
        total = arb(0)
        for j in range(1, self.steps + 1):
            white = self.noise.white + (self.noise.last if j == self.steps else 0)
            law = self.a * law * self.a2.transpose() + kick * white
            if position in (None, j):
                ahead = power(self.a, min(lag, self.steps - j))
                if lag > self.steps - j:
                    ahead = power(self.a, lag - (self.steps - j)) * forget * ahead
                total += (row * ahead * law * column)[0, 0]
        return total if position is not None else total / self.steps


def _repeated(left: BallMode, right: BallMode, noise: _Weights, steps: int, lag: int) -> arb:
    """Noise that repeats for ever, with lags up to one epoch: the same at every position."""
    n, n2 = left.size, right.size
    whole, whole2 = power(left.transition, steps), power(right.transition, steps)
    back = (eye(n) - whole).inv(), (eye(n2) - whole2).inv()
    kick = left.injection * right.injection.transpose()
    drive = arb_mat(n, n2)
    for _ in range(steps):
        drive = left.transition * drive * right.transition.transpose() + kick
    law = power(left.transition, lag) * back[0] * drive * back[1].transpose()
    for i in range(1, lag + 1):
        seen = power(right.transition, steps - i) * right.injection
        law = law + power(left.transition, lag - i) * left.injection * (back[1] * seen).transpose()
    still = [
        (m.output * (eye(m.size) - m.transition).inv() * m.injection)[0, 0] for m in (left, right)
    ]
    return noise.periodic * (left.output * law * right.output.transpose())[0, 0] + (
        noise.frozen * still[0] * still[1]
    )


def _flat_cycle(point: Mapping[str, Any], noise: _Weights, steps: int) -> arb:
    r"""Heavy ball without curvature on a cycle whose noise sums to zero, centred.

    Per unit noise at step k: :math:`v_j=-\eta\beta^{(j-k)\bmod M}/(1-\beta^M)`, and the weights are
    the running sum of v minus its mean; what is the same for every k drops out.
    """
    beta, eta = to_ball(point["momentum"]), to_ball(point["learning_rate"])
    responses = []
    for k in range(steps):
        v = [-eta * beta ** ((j - k) % steps) / (1 - beta**steps) for j in range(steps)]
        drift = sum(v, arb(0)) / steps
        path, at = [], arb(0)
        for x in v:
            at += x - drift
            path.append(at)
        mean = sum(path, arb(0)) / steps
        responses.append([x - mean for x in path])
    total = arb(0)
    for j in range(steps):
        at_j = [r[j] for r in responses]
        common = sum(at_j, arb(0))
        total += noise.periodic * sum((x * x for x in at_j), arb(0)) + noise.frozen * common * common
    return total / steps

r"""Upper bounds on degrees: of a formula and of the solved quantity, in the real parameters.

At fixed whole numbers both are rational functions P/Q of the real parameters, so that their
difference has a numerator of total degree at most
:math:`d=\max(\deg P_1+\deg Q_2,\ \deg P_2+\deg Q_1)`. By Schwartz and Zippel a numerator that is
not zero vanishes at a point drawn uniformly from a grid of T values per parameter with a
probability of at most d/T. No bound here counts a cancellation.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import symbols
from theory.closed_forms import Entry
from theory.formula import Formula
from theory.optimizers import LinearRule
from theory.symbols import PARAMETERS, batch_size, samples, steps_per_epoch
from validation.evidence.numbers import NotRational, program_of

__all__ = ["Degree", "difference_degree", "formula_degree"]

_names = itertools.count()
_CIRCLE = -1  # the denominator 1 + t**2 of a rational cosine


class Degree:
    """A quotient: degree of the numerator, and the denominator as factors {name: (degree, power)}."""

    __slots__ = ("below", "name", "top")

    def __init__(self, top: int, below: Mapping[int, tuple[int, int]] | None = None) -> None:
        self.top, self.below, self.name = top, dict(below or {}), next(_names)

    @property
    def bottom(self) -> int:
        """Degree of the denominator."""
        return sum(degree * power for degree, power in self.below.values())

    def _sum(self, other: Degree) -> Degree:
        shared = dict(self.below)
        for name, (degree, power) in other.below.items():
            shared[name] = (degree, max(power, shared.get(name, (degree, 0))[1]))
        whole = sum(degree * power for degree, power in shared.values())
        return Degree(max(x.top + whole - x.bottom for x in (self, other)), shared)

    __add__ = __sub__ = _sum

    def __neg__(self) -> Degree:
        return self

    def __mul__(self, other: Degree) -> Degree:
        below = dict(self.below)
        for name, (degree, power) in other.below.items():
            below[name] = (degree, power + below.get(name, (degree, 0))[1])
        return Degree(self.top + other.top, below)

    def inverse(self) -> Degree:
        """Denominator over numerator; the numerator is one factor with the name of this quotient."""
        return Degree(self.bottom, {self.name: (self.top, 1)} if self.top else {})

    def __truediv__(self, other: Degree) -> Degree:
        return self * other.inverse()


class _Turn:
    """The degree of an angle: a multiple of phi."""

    def __init__(self, multiple: Fraction) -> None:
        self.multiple = multiple


class _DegreeArithmetic:
    """Degrees, as an :class:`~theory.evaluate.program.Arithmetic`; angles come through constants."""

    def constant(self, value: Fraction) -> Degree:
        return _Constant(value)

    def power(self, base: Degree, exponent: int) -> Degree:
        if exponent < 0:
            return self.power(base, -exponent).inverse()
        below = {n: (d, p * exponent) for n, (d, p) in base.below.items()} if exponent else {}
        return Degree(base.top * exponent, below)

    def lucas(self, exponent: int, invariants: Sequence[Degree]) -> Sequence[Degree]:
        r""":math:`u_k(n)` is isobaric of weight n - k in the invariants, :math:`e_i` having weight i."""
        rate = max(Fraction(e.top, i) for i, e in enumerate(invariants, start=1))
        below: dict[int, tuple[int, int]] = {}
        for e in invariants:
            for name, (degree, power) in e.below.items():
                below[name] = (degree, max(0, exponent) * power + below.get(name, (degree, 0))[1])
        whole = sum(degree * power for degree, power in below.values())
        return [
            Degree(int(max(exponent - k, 0) * rate) + whole, below) for k in range(len(invariants))
        ]

    def function(self, name: str, argument: Any) -> Degree:
        if isinstance(argument, _Turn) and name in ("cos", "sin"):
            turns = 2 * abs(int(argument.multiple))
            return Degree(turns, {_CIRCLE: (2, turns // 2)})
        raise NotRational(f"{name} has no degree")


class _Constant(Degree):
    """A constant; remembers its value for the multiples of an angle."""

    __slots__ = ("value",)

    def __init__(self, value: Fraction) -> None:
        super().__init__(0)
        self.value = value

    def __mul__(self, other: Any) -> Any:
        return _Turn(other.multiple * self.value) if isinstance(other, _Turn) else super().__mul__(other)


class _Frequency(_Turn):
    """The frequency itself, two phi."""

    def __init__(self) -> None:
        super().__init__(Fraction(2))

    def __mul__(self, other: _Constant) -> _Turn:
        return _Turn(self.multiple * other.value)

    def __truediv__(self, other: _Constant) -> _Turn:
        return _Turn(self.multiple / other.value)


def formula_degree(formula: Formula, point: Mapping[str, Any]) -> tuple[int, int]:
    """Bounds on the degrees of numerator and denominator, at the whole numbers of ``point``."""
    integers = {n: int(v) for n, v in point.items() if PARAMETERS[n].integer}
    inputs: dict[str, Any] = {
        n: _Constant(Fraction(integers[n])) if n in ("steps_per_epoch", "lag", "position")
        else _Frequency() if n == "frequency" else Degree(1)
        for n in point
    }
    found: Degree = program_of(formula).run(inputs, integers, _DegreeArithmetic())
    return found.top, found.bottom


@lru_cache(maxsize=64)
def _rule_degrees(rule: LinearRule) -> tuple[int, int]:
    """Largest total degree of an entry of A, and of B; a common denominator counts for both."""
    letters = (symbols.learning_rate, symbols.curvature, *rule.parameters)
    degrees = []
    for matrix in (rule.transition, rule.injection):
        pairs = [sp.fraction(sp.together(e)) for e in matrix]
        over = [sp.Poly(sp.expand(p), *letters).total_degree() if p != 0 else 0 for p, _ in pairs]
        under = [sp.Poly(sp.expand(q), *letters).total_degree() for _, q in pairs]
        degrees.append(max(over) + sum(under))
    return degrees[0], degrees[1]


@lru_cache(maxsize=64)
def _weight_degrees(entry: Entry) -> tuple[int, int]:
    """Degrees of the scheme's weights in N and S, over a common denominator."""
    top, bottom = 0, 0
    for _, weight in entry.scheme.noise:
        p, q = sp.fraction(sp.together(sp.sympify(weight, strict=True)))
        up, down = (sp.Poly(x.subs(steps_per_epoch, 3), samples, batch_size).total_degree() for x in (p, q))
        top, bottom = max(top + down, up + bottom), bottom + down
    return int(top), int(bottom)


def _moment_degree(entry: Entry, steps: int, lag: int) -> tuple[int, int]:
    r"""Of a moment as :func:`theory.solvers.solve_epoch_lifted` forms it, by Cramer's rule.

    Entries of :math:`A^M` have degree M a; the epoch is closed by a linear system of :math:`n^2`
    unknowns for noise drawn afresh, of n unknowns on either side for noise that persists (n
    counts the velocity as an entry of the state; 4na more for the border of a flat direction).
    """
    a, b = _rule_degrees(entry.rule)
    n = entry.rule.state_size + 1
    row = 2 * steps * a + 4 * n * a
    fresh_top = (n * n - 1) * row + 2 * (steps * a + b) + 2 * steps * a + lag * a
    fresh_bottom = n * n * row
    side = 2 * steps * a + (4 * n + 1) * a
    held_top = 2 * ((n - 1) * side + 3 * steps * a + (2 * n + 1) * a + b)
    held_bottom = 2 * n * side
    top = max(fresh_top + held_bottom, held_top + fresh_bottom)
    return top, fresh_bottom + held_bottom


def _truth_degree(entry: Entry, point: Mapping[str, Any]) -> tuple[int, int]:
    steps, lag = int(point.get("steps_per_epoch", 1)), int(point.get("lag", 0))
    up, down = _weight_degrees(entry)
    name = entry.quantity
    if name == "noise-autocovariance":
        return up + 1, down
    if name.endswith("spectrum"):
        top, bottom = up + 1 + 4 * steps, down + 4 * steps
        if name == "weight-spectrum":
            a, b = _rule_degrees(entry.rule)
            size = 2 * entry.rule.state_size
            top += 2 * ((size - 1) * (a + 4) + b + 4)
            bottom += 2 * size * (a + 4)
        return top, bottom
    top, bottom = _moment_degree(entry, steps, lag)
    if name.endswith("correlation-time"):
        return top + bottom, top + bottom
    return top + up + 2, bottom + down


def difference_degree(entry: Entry, formula: Formula, point: Mapping[str, Any]) -> int:
    """Bound on the degree of the numerator of formula minus truth at the whole numbers of ``point``."""
    (p1, q1), (p2, q2) = formula_degree(formula, point), _truth_degree(entry, point)
    return max(p1 + q2, p2 + q1)

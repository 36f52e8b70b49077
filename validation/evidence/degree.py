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
from typing import Any

from theory.closed_forms import Entry
from theory.formula import Formula
from theory.numbers import each
from theory.symbols import PARAMETERS
from validation.evidence.numbers import NotRational, program_of
from validation.evidence.points import GRID
from validation.evidence.subjects import subject_of

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
        n: _Constant(Fraction(integers[n])) if integers.get(n, GRID) < GRID  # not drawn from the grid
        else _Frequency() if n == "frequency" else each(lambda _: Degree(1), v)
        for n, v in point.items()
    }
    found: Degree = program_of(formula).run(inputs, integers, _DegreeArithmetic())
    return found.top, found.bottom


def difference_degree(entry: Entry, formula: Formula, point: Mapping[str, Any]) -> int:
    """Bound on the degree of the numerator of formula minus truth at the whole numbers of ``point``."""
    (p1, q1), (p2, q2) = formula_degree(formula, point), subject_of(entry).degree(entry, point)
    return max(p1 + q2, p2 + q1)

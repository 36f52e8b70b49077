r"""How many consecutive whole numbers prove an identity for all of them.

At fixed hyperparameters a formula is, in M (or in a lag or position, with the rest of the epoch held
fixed), a quotient of exponential polynomials, sums of :math:`M^a\rho^M` with the :math:`\rho` products of
the d poles. Let numerators have degree A in M and B in the poles. Cleared of its denominators the
difference of formula and truth is a sum of at most

.. math:: L=(A+1)\binom{d+B}{B}

such terms with :math:`\rho\ne0`, so it obeys a linear recurrence of order L whose last coefficient is not
zero: if it vanishes at L consecutive whole numbers it vanishes at all of them.

The truth, by the law of the epoch in one line: :math:`M(M-1)` times an average is of degree 2 in M and 2 in
the poles; noise that persists divides by :math:`\det(I-A^M)^2` (degree 2d in the poles), a last batch of
another size by :math:`\prod(1-z_i^Mz_j^M)` (degree at most :math:`2d^2`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import comb
from typing import Any

from theory.closed_forms import Entry
from theory.formula import Formula
from theory.sequences import LucasSequence
from theory.symbols import PARAMETERS
from validation.evidence.degree import Degree
from validation.evidence.numbers import NotRational, program_of

__all__ = ["recurrence_order"]

#: an integer as a linear form in the variables of the grid
Forms = Mapping[str, Mapping[str, int]]


class _Exponent:
    """A linear form in the variables, with a constant."""

    def __init__(self, slopes: Mapping[str, int], constant: int = 0) -> None:
        self.slopes, self.constant = dict(slopes), constant

    def __add__(self, other: Any) -> _Exponent:
        if not isinstance(other, _Exponent):
            return _Exponent(self.slopes, self.constant + int(other))
        names = {*self.slopes, *other.slopes}
        return _Exponent(
            {n: self.slopes.get(n, 0) + other.slopes.get(n, 0) for n in names},
            self.constant + other.constant,
        )

    __radd__ = __add__

    def __mul__(self, other: Any) -> _Exponent:
        if isinstance(other, _Exponent):
            raise NotRational("an exponent that is not linear in the whole numbers")
        return _Exponent({n: c * int(other) for n, c in self.slopes.items()}, self.constant * int(other))

    __rmul__ = __mul__


class _Counting:
    """Degrees in one variable: of the polynomials, or (``exponential``) of the powers of poles."""

    def __init__(self, variable: str, exponential: bool) -> None:
        self.variable, self.exponential = variable, exponential

    def constant(self, value: Fraction) -> Degree:
        return Degree(0)

    def _slope(self, exponent: Any) -> int:
        if not self.exponential or not isinstance(exponent, _Exponent):
            return 0
        return exponent.slopes.get(self.variable, 0)

    def power(self, base: Degree, exponent: Any) -> Degree:
        if isinstance(exponent, _Exponent):
            slope = self._slope(exponent)
            return Degree(slope) if slope >= 0 else Degree(-slope).inverse()
        if exponent < 0:
            return self.power(base, -exponent).inverse()
        below = {n: (d, p * exponent) for n, (d, p) in base.below.items()} if exponent else {}
        return Degree(base.top * exponent, below)

    def lucas(self, exponent: Any, invariants: Sequence[Degree]) -> Sequence[Degree]:
        return [Degree(abs(self._slope(exponent)))] * len(invariants)

    def function(self, name: str, argument: Any) -> Degree:
        return Degree(0)


def _degrees(formula: Formula, variable: str, forms: Forms, *, exponential: bool) -> tuple[int, int]:
    """Of numerator and denominator."""
    integers = {name: _Exponent(form) for name, form in forms.items()}
    inputs = {
        s.name: Degree(int(not exponential and variable in forms.get(s.name, {})))
        for s in formula.parameters
    }
    found: Degree = program_of(formula).run(inputs, integers, _Counting(variable, exponential))  # type: ignore[arg-type]
    return found.top, found.bottom


def recurrence_order(entry: Entry, formula: Formula, variable: str, forms: Forms) -> int:
    """L for one variable of the grid; ``forms`` gives every whole number in terms of the variables.

    Raises
    ------
    NotRational
        If an exponent is not linear in the whole numbers.
    """
    wholes = {n: f for n, f in forms.items() if PARAMETERS[n].integer}
    powers, below_powers = _degrees(formula, variable, wholes, exponential=False)
    poles, below_poles = _degrees(formula, variable, wholes, exponential=True)
    own = _truth(entry)
    a = max(powers + own.below_powers, own.powers + below_powers)
    b = max(poles + own.below_poles, own.poles + below_poles)
    return (a + 1) * comb(max(_roots(formula), own.roots) + b, b)


class _Bounds:
    """Degrees of the truth, numerator and denominator, in M and in the poles."""

    def __init__(self, powers: int, below_powers: int, poles: int, below_poles: int, roots: int) -> None:
        self.powers, self.below_powers = powers, below_powers
        self.poles, self.below_poles, self.roots = poles, below_poles, roots


def _truth(entry: Entry) -> _Bounds:
    if entry.quantity == "noise-autocovariance":
        return _Bounds(2, 2, 0, 0, 1)
    # a noise spectrum has the poles e^{i omega} and e^{-i omega}
    d = 2 if entry.quantity == "noise-spectrum" else entry.rule.state_size
    roots = d * (2 if "cross" in entry.quantity else 1)
    extra = 0
    for component, _ in entry.scheme.noise:
        if component.line_spectrum:
            extra += 2 * d
        if component.special_last_position:
            extra += 2 * d * d
    powers, below, poles = 2, 2, 2 + extra
    if entry.quantity.endswith("correlation-time"):
        return _Bounds(powers + below, powers + below, poles + extra, poles + extra, roots)
    return _Bounds(powers, below, poles, extra, roots)


def _roots(formula: Formula) -> int:
    """Poles that occur in the formula's sequences."""
    families = {
        atom.args[2:] for e in (formula.compact, *(v for _, v in formula.where))
        for atom in e.atoms(LucasSequence)
    }
    return sum(len(f) for f in families) or 1

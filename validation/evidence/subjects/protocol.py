r"""What the rungs exact, enclosed, solved and simulated ask about one family of quantities.

A subject knows the quantity of a catalogue entry *without its formula*: in rational numbers, in balls,
in double precision by two methods with nothing in common, and as the mean of simulated runs. The rungs
know nothing of the model; they draw points, compare, and say what the agreement is worth.

**A point** is a dictionary by the names of the formula's parameters: a :class:`~fractions.Fraction` (or
a ball) for a real parameter, an ``int`` for a whole number, a tuple of one number per sample for an
array over a population.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.formula import Formula

__all__ = ["Figure", "Plan", "Point", "Replicas", "Subject"]

Point = Mapping[str, Any]
Figure = float | int | str
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which whole numbers to try.

    Attributes
    ----------
    cases
        One dictionary of whole numbers per comparison; ``({},)`` where the formula has none.
    reason
        In words what they amount to: "as many as the recurrence asks, hence for all", or how many.
    figures
        Of the rung: ``covered`` and ``recurrence_order`` in words, ``for_all_whole_numbers``: "true" or
        "false". With "false" the table says so in the cell.
    """

    cases: tuple[Mapping[str, int], ...]
    reason: str
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicas:
    """A prediction and what was measured.

    Attributes
    ----------
    predicted
        Expectation of every number, from the formula.
    numbers
        One number >= 0 per independent run. Shape (replicas,).
    share
        The part of ``predicted`` that is the quantity itself, in absolute value: 1 unless the numbers
        were shifted or combined so as not to be negative.
    """

    predicted: float
    numbers: FloatArray
    share: float = 1.0


class Subject(Protocol):
    """The truth about the quantities of one family of entries; a theme has one, in one file.

    A class that inherits from this one gets the methods that have a default.
    """

    # --- where to look ------------------------------------------------------------------------------

    def wholes(self, entry: Entry, formula: Formula) -> Plan:
        """The whole numbers to try; see :mod:`validation.evidence.subjects.plans`."""
        ...

    def point(
        self, entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
    ) -> dict[str, Any]:
        """A random rational point inside the condition of the *entry's own* formula.

        ``names`` are the parameters to give (those of the entry's formula and of the formula under
        suspicion), ``wholes`` one case of the plan. Every real number, those of an array too, must be
        drawn uniformly from :data:`~validation.evidence.points.GRID` values at equal distances
        (:func:`~validation.evidence.points.uniform`): the bound of Schwartz and Zippel counts on it.
        """
        ...

    def ball_points(self, entry: Entry, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Labelled points for balls: irrational ones first, then extreme ones.

        Called at a high working precision; numbers are ``arb`` (or exact), whole numbers ``int``.
        """
        ...

    def float_points(self, entry: Entry, formula: Formula) -> Sequence[Point]:
        """A few rational points of short numbers, for floating point and for a change of units.

        By default points of the first cases inside the formula's condition, rounded to 1/64 where the
        quantity exists there too.
        """
        from validation.evidence.subjects.defaults import short_points

        return short_points(self, entry, formula)

    def border_points(
        self, entry: Entry, names: Sequence[str], rng: random.Random, *, whole: bool
    ) -> Iterator[dict[str, Any]]:
        """Points from which a border is approached, one parameter at a time.

        ``whole``: the border is one of whole numbers. By default points of three cases of the plan.
        """
        from validation.evidence.subjects.defaults import drawn_points

        return drawn_points(self, entry, names, rng)

    def wide_points(
        self, entry: Entry, names: Sequence[str], rng: random.Random
    ) -> Iterator[dict[str, Any]]:
        """Points that need not lie inside any condition; by default real numbers up to 4 times too large."""
        from validation.evidence.subjects.defaults import stretched_points

        return stretched_points(self, entry, names, rng)

    def relations(self, entry: Entry) -> Sequence[Any]:
        """SymPy relations that decide where the quantity exists; from the model, not the formula.

        Their borders are crossed beside those of the formula, so that a lost condition is noticed. By
        default none, for quantities that exist wherever the symbols' own domains allow.
        """
        return ()

    # --- the truth ----------------------------------------------------------------------------------

    def exists(self, entry: Entry, point: Point) -> bool:
        """Whether the quantity exists at a rational point, decided exactly.

        By default True everywhere: then :meth:`exact` must refuse by itself, if need be.
        """
        return True

    def exact(self, entry: Entry, point: Point) -> fmpq:
        """The quantity at a rational point where it exists; a TheoryError where it does not."""
        ...

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        """Upper bounds on the total degrees of numerator and denominator of the quantity.

        As a rational function of all real numbers of the point (a population counts sample by sample)
        at its whole numbers. Of K steps that are polynomials of degree a: (K a, 0). Of a linear system
        of n equations with coefficients of degree a over a common denominator of degree b: Cramer.
        """
        ...

    def balls(self, entry: Entry, point: Point) -> arb:
        """The quantity at the current working precision, at a point of balls."""
        ...

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        """By name of the method, in double precision; at least two, with nothing in common."""
        ...

    def condition_estimate(self, entry: Entry, point: Point) -> float:
        """By how much rounding may be amplified, at least 1; 1e-12 times it is allowed.

        By default the relative change of the exact value under relative changes of 1e-6 of the inputs,
        over 1e-6, summed over the inputs.
        """
        from validation.evidence.subjects.defaults import sensitivity

        return sensitivity(self, entry, point)

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        """Runs with really drawn indices, at a point of the subject's choice.

        ``salt`` changes the seed (:func:`~validation.evidence.subjects.defaults.generator`), ``share``
        divides the number of replicas, which is fixed beforehand. For signed quantities see
        :func:`~validation.evidence.subjects.defaults.shifted`.

        Raises
        ------
        NotApplicable
            If no run can measure the quantity; with the reason.
        """
        ...

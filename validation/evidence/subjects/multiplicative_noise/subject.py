"""Independent steps with fluctuating curvature, in one direction: the subject of the rungs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.formula import Formula
from theory.symbols import batch_size
from validation.evidence.subjects.defaults import drawn_point
from validation.evidence.subjects.multiplicative_noise.floats import solutions
from validation.evidence.subjects.multiplicative_noise.law import law_at
from validation.evidence.subjects.multiplicative_noise.limit import enclosed_limit, exact_limit, is_stable
from validation.evidence.subjects.multiplicative_noise.runs import replicas
from validation.evidence.subjects.plans import consecutive, without_wholes
from validation.evidence.subjects.protocol import Plan, Point, Replicas, Subject
from validation.evidence.subjects.rule_degrees import rule_degrees
from validation.evidence.support import poles_of, quotient

__all__ = ["MULTIPLICATIVE_NOISE", "MultiplicativeNoise"]

_LIMIT = "mean-square-stability-limit"
_z = sp.Symbol("z")
#: an interval of each real parameter; together they lie inside the condition of every entry
_BOX: Mapping[str, tuple[Fraction, Fraction]] = {
    "learning_rate": (Fraction(1, 4), Fraction(3, 4)), "momentum": (Fraction(1, 8), Fraction(7, 8)),
    "curvature": (Fraction(1, 4), Fraction(3, 4)), "noise_variance": (Fraction(1, 2), Fraction(3, 2)),
    "curvature_variance": (Fraction(1, 100), Fraction(1, 16)),
    "dampening": (Fraction(1, 8), Fraction(7, 8)), "weight_decay": (Fraction(1, 16), Fraction(1, 2)),
    "label_variance": (Fraction(1, 2), Fraction(3, 2)),
}
#: inputs of one sample at a time fluctuate as much as they are large
_SMALL_INPUT = (Fraction(1, 16), Fraction(1, 8))
_MOST_BATCHES = 12


class MultiplicativeNoise(Subject):
    """A finite list of batches with the moments named by the parameters, and its exact law."""

    def wholes(self, entry: Entry, formula: Formula) -> Plan:
        names = {s.name for s in (*entry.formula.parameters, *formula.parameters)}
        if "lag" in names:
            terms: dict[tuple[tuple[str, int], ...], int] = {
                ((pole, 1),): power - 1
                for pole, power in poles_of(sp.expand(entry.rule.characteristic_polynomial(_z)))
            }
            return consecutive("lag", 0, formula, lambda: quotient(terms))
        if "batch_size" in names:
            return _batches(formula)
        return without_wholes()

    def point(
        self, entry: Entry, names: Sequence[str], wholes: Mapping[str, int], rng: random.Random
    ) -> dict[str, Any]:
        boxes = {**_BOX, "curvature": _SMALL_INPUT} if "label_variance" in names else _BOX
        return drawn_point(boxes, names, wholes, rng)

    def ball_points(self, entry: Entry, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        base = _irrational(names)
        yield "an irrational point", base
        if "momentum" in base:
            yield "momentum = 0", {**base, "momentum": arb(0)}
            if "curvature_variance" in base:
                yield "momentum = 1 - 1e-9", {
                    **base, "momentum": 1 - arb("1e-9"),
                    "curvature_variance": base["curvature_variance"] * arb("1e-9"),
                }
        if "curvature_variance" in base:
            yield "no fluctuation", {**base, "curvature_variance": arb(0)}
            small = arb("1e-12")
            yield "curvature = 1e-12", {
                **base, "curvature": small, "curvature_variance": small**2 * arb.pi(),
            }
            if entry.slug != _LIMIT:
                yield "1e-12 below the mean-square limit", {
                    **base, "curvature_variance": _most(entry, base) * (1 - arb("1e-12")),
                }
        if "label_variance" in base:
            yield "single samples", {**base, "batch_size": 1, "learning_rate": base["learning_rate"] / 3}
            yield "curvature = 1e-12", {**base, "curvature": arb("1e-12")}
            yield "S = 300", {**base, "batch_size": 300}
        if "lag" in base:
            yield "lag 500", {**base, "lag": 500}

    def relations(self, entry: Entry) -> Sequence[Any]:
        return tuple(sp.And.make_args(sp.And(*entry.rule.domain)))

    def exists(self, entry: Entry, point: Point) -> bool:
        """Where the rule is defined, and mean and second moment converge."""
        given = {s: sp.Rational(str(point[s.name])) for s in entry.rule.parameters if s.name in point}
        if sp.And(*entry.rule.domain).subs(given) == sp.false:
            return False
        if entry.slug == _LIMIT:
            try:
                exact_limit(entry, point)
            except TheoryError:
                return False
            return True
        return is_stable(law_at(entry, point))

    def exact(self, entry: Entry, point: Point) -> fmpq:
        found: fmpq = self._value(entry, point)
        return found

    def balls(self, entry: Entry, point: Point) -> arb:
        found: arb = enclosed_limit(entry, point) if entry.slug == _LIMIT else self._value(entry, point)
        return found

    def _value(self, entry: Entry, point: Point) -> Any:
        if entry.slug == _LIMIT:
            return exact_limit(entry, point)
        law = law_at(entry, point)
        if entry.quantity in ("velocity-variance", "weight-velocity-covariance"):
            return law.with_velocity(twice=entry.quantity == "velocity-variance")
        return law.weights(int(point["lag"]) if entry.quantity == "weight-autocovariance" else 0)

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        r"""By Cramer's rule for the second moment, whose equations hold the moments themselves.

        Entries of A of degree a give rows :math:`A\otimes A+\psi A'\otimes A'` of degree 2a + 2 at most
        (:math:`\psi` is :math:`2\lambda^2/S` for labels), and a source of degree 2b + 2.
        """
        a, b = rule_degrees(entry.rule)
        n = entry.rule.state_size
        unknowns, row = n * (n + 1) // 2, 2 * a + 2
        if entry.slug == _LIMIT:  # a factor, linear in the learning rate, of the determinant
            return unknowns * row, unknowns * row
        later = a * (1 + int(point.get("lag", 0)))
        return (unknowns - 1) * row + 2 * b + 2 + later, unknowns * row

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        return solutions(entry, point)

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        return replicas(entry, formula, salt=salt, share=share)


def _irrational(names: Sequence[str]) -> dict[str, Any]:
    pi, root = arb.pi(), arb(2).sqrt()
    values: dict[str, Any] = {
        "learning_rate": root / 4, "momentum": pi / 5, "curvature": pi / 5, "noise_variance": root,
        "curvature_variance": root / 30, "dampening": pi / 7, "weight_decay": root / 9,
        "label_variance": pi / 3, "batch_size": 4, "lag": 7,
    }
    return {name: values[name] for name in names}


def _most(entry: Entry, point: Mapping[str, Any]) -> arb:
    """The variance at which the second moment ceases to exist: the determinant is linear in it."""
    none, some = (
        law_at(entry, {**point, "curvature_variance": v}).determinant() for v in (arb(0), arb(1))
    )
    most: arb = none / (none - some)
    return most


def _batches(formula: Formula) -> Plan:
    r"""Numbers of samples in a batch, as many as degrees in S ask.

    Both variances are over S, and the equations are linear in :math:`\psi`, so the law is u over a
    polynomial of degree one in S.
    """
    top, bottom = sp.fraction(sp.together(formula.expression))
    degrees = [sp.Poly(side, batch_size).degree() for side in (top, bottom)]
    needed = max(int(degrees[0]) + 1, int(degrees[1])) + 1
    length = min(needed, _MOST_BATCHES)
    whole = needed <= _MOST_BATCHES
    asked = "as many as the degree of the difference asks, hence for all" if whole else f"of {needed} asked"
    return Plan(
        cases=tuple({"batch_size": k} for k in range(1, length + 1)),
        reason=f"tried for {length} of batch_size, {asked}",
        figures={
            "covered": f"{length} of batch_size", "recurrence_order": f"{needed} of batch_size",
            "for_all_whole_numbers": str(whole).lower(),
        },
    )


MULTIPLICATIVE_NOISE = MultiplicativeNoise()

r"""The mean-square limit in the learning rate as the zero of a determinant: exactly, and enclosed."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq, fmpq_mat, fmpq_poly

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.solvers.schur_cohn import stability_of
from validation.evidence.subjects.multiplicative_noise.law import FluctuatingLaw, law_at

__all__ = ["enclosed_limit", "exact_limit", "is_stable"]

#: learning rate, against 1, at which a stable rule is stable if it ever is
_TINY = Fraction(1, 2**160)
#: relative distance at which the two sides of the limit are tried
_NEAR = Fraction(1, 2**60)


def is_stable(law: FluctuatingLaw) -> bool:
    """Whether mean and second moment converge: Schur and Cohn for both linear maps."""
    maps: tuple[Any, ...] = (law.mean_step, law.second_moment_map)
    return all(
        stability_of([[Fraction(int(x.p), int(x.q)) for x in map(fmpq, row)] for row in matrix]) == "stable"
        for matrix in maps
    )


def _at(entry: Entry, point: Mapping[str, Any], rate: Any) -> FluctuatingLaw:
    return law_at(entry, {**point, "learning_rate": rate})


def exact_limit(entry: Entry, point: Mapping[str, Any]) -> fmpq:
    """The smallest positive zero of det(1 - map), a polynomial in the learning rate, if it is rational.

    Raises
    ------
    TheoryError
        If no learning rate is stable, or stability does not end at a rational number.
    """
    if not is_stable(_at(entry, point, _TINY)):
        raise TheoryError("no learning rate is stable")
    degree = 2 * len(_at(entry, point, Fraction(1)).pairs)
    nodes = range(1, degree + 2)
    values = [_at(entry, point, Fraction(k)).determinant() for k in nodes]
    powers = fmpq_mat(degree + 1, degree + 1, [fmpq(k) ** e for k in nodes for e in range(degree + 1)])
    solved = powers.solve(fmpq_mat(degree + 1, 1, values))
    polynomial = fmpq_poly([solved[i, 0] for i in range(degree + 1)])
    _, factors = polynomial.factor()
    roots = sorted(-f[0] / f[1] for f, _ in factors if f.degree() == 1)
    for root in roots:
        rate = Fraction(int(root.p), int(root.q))
        if rate > 0:
            below, above = (is_stable(_at(entry, point, rate * (1 + s * _NEAR))) for s in (-1, 1))
            if below and not above:
                return root
    raise TheoryError("stability does not end at a rational learning rate")


def enclosed_limit(entry: Entry, point: Mapping[str, Any]) -> arb:
    """A ball around the zero: the determinant, over the learning rate, has other signs at its ends.

    Raises
    ------
    TheoryError
        If the secant method does not find such a ball.
    """
    def value(rate: arb) -> arb:
        ball: arb = _at(entry, point, rate).determinant() / rate
        return ball

    low, high = arb(1) / 2 / point["curvature"], arb(1) / 3 / point["curvature"]
    width = arb(2) ** (-ctx.prec // 3)
    for _ in range(60):
        f, g = value(low), value(high)
        low, high = high.mid(), ((low * g - high * f) / (g - f)).mid()
        ends = [value(high * (1 + s * width)) for s in (-1, 1)]
        if ends[0] > 0 and ends[1] < 0:
            enclosed: arb = high * (1 + arb(0, width))
            return enclosed
        if low == high:
            break
    raise TheoryError("no enclosure of the mean-square limit was found")

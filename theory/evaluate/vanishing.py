r"""The value in a flat direction of a formula whose flat limit has no closed form of its own.

A bounded quantity is a rational function of :math:`x=\eta\lambda` (polynomials in x inside the
sequences), analytic at x = 0. Then :math:`f(2\epsilon)-f(\epsilon)` and
:math:`f(\epsilon)-f(0)` agree to leading order, so a value at a curvature far below every other scale is
the limit to the accuracy with which it equals the value at twice that curvature. Both are
enclosed; their difference, doubled, is added to the radius.

That is an asymptotic bound, not a proved one: it takes for granted that the curvature tried lies below
every other scale, as it does by hundreds of orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from flint import arb

from theory.errors import NoStationaryLawError
from theory.evaluate.balls import working_precision
from theory.formula import Formula

__all__ = ["value_at_vanishing_curvature"]

_NAMES = ("curvature", "second_curvature")
Enclose = Callable[[Formula, Mapping[str, Fraction], int], arb]


def value_at_vanishing_curvature(
    formula: Formula, numbers: Mapping[str, Fraction], bits: int, enclose: Enclose
) -> arb:
    """Enclose the limit of zero curvature.

    Raises
    ------
    NoStationaryLawError
        If the value does not settle: the quantity diverges after all.
    """
    depth = bits + 512
    for _ in range(4):
        near, far = (
            enclose(formula, _with_curvature(numbers, Fraction(factor, 2**depth)), bits + 8)
            for factor in (1, 2)
        )
        with working_precision(bits + 64):
            gap = abs(near - far)
            if gap <= abs(near).lower() * arb(2) ** (8 - bits) or not near.mid():
                return near + arb(0, (2 * gap).upper())
            grows = abs(far).lower() > abs(near).upper() * arb(1.5)
            if grows and abs(near) < arb(2) ** (-bits - 64):
                return arb(0)  # vanishes with the curvature
        depth *= 2
    raise NoStationaryLawError(
        f"{formula.slug} does not settle as the curvature goes to 0; give a curvature above 0"
    )


def _with_curvature(numbers: Mapping[str, Fraction], tiny: Fraction) -> dict[str, Fraction]:
    """Zero curvatures replaced by one far below every other scale."""
    return {n: tiny if n in _NAMES and v == 0 else v for n, v in numbers.items()}

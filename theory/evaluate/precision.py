"""Which working precision a point will need, learnt once per formula from the corners."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import Any

from theory.errors import TheoryError
from theory.evaluate.balls import run_in_balls
from theory.evaluate.program import Program

__all__ = ["calibrated_weights", "corner_distances", "predicted_bits", "predicted_bits_over"]

#: (ordinary value, value in the corner) of each parameter that has one
_CORNERS: Mapping[str, tuple[Fraction, Fraction]] = {
    "curvature": (Fraction(3, 7), Fraction(1, 2**600)),
    "momentum": (Fraction(5, 7), 1 - Fraction(1, 2**40)),
    "steps_per_epoch": (Fraction(11), Fraction(2**30 - 1)),
}
_ORDINARY: Mapping[str, Fraction] = {
    "learning_rate": Fraction(1), "noise_variance": Fraction(1), "batch_size": Fraction(3),
    "samples": Fraction(101), "lag": Fraction(5), "position": Fraction(5),
    "second_curvature": Fraction(2, 7), "dampening": Fraction(1, 3), "weight_decay": Fraction(1, 9),
    "immediate_discount": Fraction(2, 3), "averaging_rate": Fraction(1, 5),
    "frequency": Fraction(4, 5), "curvature_variance": Fraction(1, 13), "label_variance": Fraction(1),
    "curvature_gradient_covariance": Fraction(1, 11), "displacement": Fraction(1, 3),
    "negative_curvature": Fraction(3, 7), "epochs": Fraction(3),
}


#: nothing cancels as these become small or large
_LINEAR = (
    "learning_rate", "noise_variance", "label_variance", "curvature_gradient_covariance", "displacement",
)


def _size(value: Fraction) -> int:
    r"""About :math:`|\log_2|`, and 0 for 0."""
    return abs(value.numerator.bit_length() - value.denominator.bit_length()) if value else 0


def corner_distances(values: Mapping[str, Fraction]) -> dict[str, int]:
    r"""How far a point is in each corner, in bits.

    Every cancellation in a stationary law is a product of powers of :math:`x=\eta\lambda`, of the
    distances of the rates from 0 and 1, and of the whole numbers; hence the bits lost are about a
    linear function of the logarithms returned here.
    """
    rate = values.get("learning_rate", Fraction(1))
    found: dict[str, int] = {}
    for name, value in values.items():
        if name in ("curvature", "second_curvature", "weight_decay", "negative_curvature"):
            found[name] = _size(rate * value)
        elif name == "curvature_variance":
            found[name] = _size(rate**2 * value)
        elif name not in _LINEAR:
            found[name] = _size(value) + (_size(1 - value) if value < 1 else 0)
    if values.get("second_curvature") and values.get("curvature"):
        found["difference"] = _size(1 - values["second_curvature"] / values["curvature"])
    return found


def predicted_bits(weights: Mapping[str, float], values: Mapping[str, Fraction], bits: int) -> int:
    """Working precision that should leave ``bits`` correct ones."""
    distances = corner_distances(values)
    return bits + 24 + int(sum(weights.get(n, 2.0) * d for n, d in distances.items()))


def predicted_bits_over(values: Mapping[str, Any], bits: int) -> int:
    r"""Of a formula over a population: products over samples lose at most about their own size.

    The coefficients of :math:`\prod_n(1-\eta h_nt)` are as large as :math:`\prod_n(1+\eta|h_n|)`.
    """
    rate = float(abs(values.get("learning_rate", Fraction(1))))
    sizes = [
        sum(math.log2(1 + rate * float(abs(v))) for v in numbers)
        for numbers in values.values() if isinstance(numbers, tuple)
    ]
    return bits + 64 + int(min(max(sizes, default=0.0), 2.0**18))


def _lost(program: Program, point: Mapping[str, Fraction]) -> int | None:
    """Bits lost at a point, measured at ample precision."""
    integers = {n: int(v) for n, v in point.items() if v.denominator == 1}
    for bits in (4096, 16384):
        try:
            ball = run_in_balls(program, point, integers, bits)
        except TheoryError:  # the formula is one of other whole numbers, e.g. lag >= M
            return None
        if ball.is_finite() and not ball.is_zero() and ball.rel_accuracy_bits() > 0:
            return max(0, bits - int(ball.rel_accuracy_bits()))
    return None


def calibrated_weights(program: Program, names: tuple[str, ...]) -> dict[str, float]:
    """Bits lost per bit of :func:`corner_distances`, from all corners of the region.

    One corner at a time gives the slopes; where several together lose more than the sum, all
    slopes are raised. A prediction, not a bound: a ball that is too wide is computed again.
    """
    ordinary = {n: _ORDINARY.get(n, Fraction(3, 5)) for n in names}
    ordinary |= {n: _CORNERS[n][0] for n in names if n in _CORNERS}
    if "lag" in names and _lost(program, ordinary) is None:
        ordinary["lag"] = Fraction(2**31)
    moved = [n for n in names if n in _CORNERS]
    weights: dict[str, float] = {}
    raised = 1.0
    for choice in sorted(product((False, True), repeat=len(moved)), key=sum):
        corner = {n for n, chosen in zip(moved, choice, strict=True) if chosen}
        point = ordinary | {n: _CORNERS[n][1] for n in corner}
        lost = _lost(program, point)
        if lost is None:
            continue
        distances = corner_distances(point)
        if len(corner) == 1:
            (name,) = corner
            weights[name] = lost / distances[name]
        elif len(corner) > 1:
            expected = sum(weights.get(n, 2.0) * distances[n] for n in corner)
            raised = max(raised, lost / max(expected, 1.0))
    return {n: w * raised + 0.02 for n, w in weights.items()}

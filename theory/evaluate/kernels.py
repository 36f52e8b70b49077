"""Kernels: ways to compute one formula that lose no digits, chosen by comparing exact values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from theory.evaluate import double_double as dd
from theory.evaluate.program import Program
from theory.evaluate.reshuffled_heavy_ball import direct_sum, unit_weight_variance
from theory.sequences import power_coefficients

__all__ = ["Fractions", "Kernel", "kernel_for"]

FloatArray = npt.NDArray[np.float64]
Kernel = Callable[[dict[str, FloatArray]], tuple[FloatArray, npt.NDArray[np.bool_]]]

_NEEDED = frozenset({"learning_rate", "curvature", "steps_per_epoch", "noise_variance"})
_LONGEST_EPOCH = 2.0**40
_CERTAIN = 2.0**-56


class Fractions:
    """Exact rational numbers, as an :class:`~theory.evaluate.program.Arithmetic`."""

    def constant(self, value: Fraction) -> Fraction:
        return value

    def power(self, base: Fraction, exponent: int) -> Fraction:
        return base**exponent

    def lucas(self, exponent: int, invariants: Sequence[Fraction]) -> Sequence[Fraction]:
        return power_coefficients(exponent, invariants)

    def function(self, name: str, argument: Any) -> Any:
        raise ArithmeticError(f"{name} leaves the rational numbers")


def kernel_for(program: Program, parameters: tuple[sp.Symbol, ...]) -> Kernel | None:
    """The kernel of a formula, if its exact values are those of one.

    Compared at rational points with M = 2, 3, 6 and 9, where the closed forms are rational
    functions of low degree that agree by chance on a set of measure zero only.
    """
    names = {s.name for s in parameters}
    if not program.rational or names - {"momentum"} != _NEEDED:
        return None
    for k, steps in enumerate((2, 3, 6, 9)):
        point = {
            "learning_rate": Fraction(3 + k, 29), "curvature": Fraction(17, 11 + k),
            "noise_variance": Fraction(5, 7 + k), "steps_per_epoch": Fraction(steps),
        }
        if "momentum" in names:
            point["momentum"] = Fraction(13, 23 + k)
        try:
            found = program.run(point, {"steps_per_epoch": steps}, Fractions())
        except ZeroDivisionError:  # a formula that does not exist at so few steps
            return None
        x = point["learning_rate"] * point["curvature"]
        unit = direct_sum(x, point.get("momentum", Fraction(0)), steps)
        if found != point["learning_rate"] ** 2 * point["noise_variance"] * unit:
            return None
    return _reshuffled_weight_variance


def _reshuffled_weight_variance(
    chunk: dict[str, FloatArray],
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Scale by powers of two, so that only the result can leave the range of doubles."""
    rate, rate_exponent = np.frexp(chunk["learning_rate"])
    curvature, curvature_exponent = np.frexp(chunk["curvature"])
    noise, noise_exponent = np.frexp(chunk["noise_variance"])
    momentum = chunk.get("momentum", np.zeros_like(rate))
    high, low = dd.two_product(rate, curvature)
    shift = rate_exponent + curvature_exponent
    x = np.ldexp(high, shift), np.ldexp(low, shift)
    steps = chunk["steps_per_epoch"]
    inside = steps <= _LONGEST_EPOCH
    unit, error = unit_weight_variance(
        x, momentum, np.where(inside, steps, 2.0).astype(np.int64)
    )
    value = dd.multiply(unit, dd.multiply_double(dd.two_product(rate, rate), noise))
    result = np.ldexp(value[0], 2 * rate_exponent + noise_exponent)
    normal = np.isfinite(result) & (result > 4 * np.finfo(np.float64).tiny)
    return result, inside & (error < _CERTAIN) & normal

"""The factor of C_ij in entry (i, j): one number for every pair of curvatures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from theory import symbols
from theory.errors import AccuracyError
from theory.matrix_law.exact_product import exact_product
from theory.matrix_law.fixed_point import FixedPoint
from theory.matrix_law.mode_matrix import ModeMatrix, PairSum
from theory.matrix_law.modes import Modes, PairOfModes
from theory.matrix_law.rational_rule import RationalRule
from theory.matrix_law.separable import Quotient, quotient
from theory.noise import NoiseComponent

__all__ = ["PairLaw"]

FloatArray = npt.NDArray[np.float64]
Parts = tuple[tuple[NoiseComponent, Fraction], ...]
_BLOCK = 64
_MOST_BITS = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairLaw:
    r"""Covariances between modes in units of :math:`\eta^2C_{ij}`.

    Attributes
    ----------
    rule
        The rule at its hyperparameters.
    parts
        Components of the noise with their weights.
    x
        Scaled curvatures :math:`\eta\lambda_i`, exact.
    steps
        Steps per epoch M.
    when
        Method of the noise components: ``"mean"``, ``"at_position"``, ``"at_last_position"``,
        ``"lagged_within"``, ``"lagged_beyond"`` or ``"lagged_at_position"``.
    first, second
        ``"weights"`` or ``"velocity"``, the first at the later time.
    """

    rule: RationalRule
    parts: Parts
    x: list[Fraction]
    steps: int
    when: str
    lag: int = 0
    position: int = 1
    first: str = "weights"
    second: str = "weights"

    @property
    def symmetric(self) -> bool:
        return self.lag == 0 and self.first == self.second

    def diagonal(self) -> FloatArray:
        """The factors of C_ii alone. Shape (d,)."""
        bits = self._working_bits()
        numerator, denominators = self._quotient(bits).diagonals(len(self.x))
        scale = Fraction(1, 1 << (2 * bits))
        out = []
        for k, top in enumerate(numerator):
            value = top * scale
            for d in denominators:
                value /= d[k] * scale
            out.append(float(value))
        return np.array(out)

    def blocks(self) -> Iterator[tuple[slice, slice, FloatArray]]:
        """Blocks (rows, columns, factors) covering the upper triangle, or all if not symmetric."""
        bits, d = self._working_bits(), len(self.x)
        form = self._quotient(bits)
        numerator, denominators = form.diagonals(d)
        size = [v.bit_length() for v in numerator] if self.symmetric else self._yardstick(bits)
        top = exact_product(form.numerator.left, form.numerator.right, bits=bits, size=size)
        below = [
            exact_product(f.left, f.right, bits=bits, size=[v.bit_length() for v in diagonal])
            for f, diagonal in zip(form.denominators, denominators, strict=True)
        ]
        left = top.left_exponent - _total([b.left_exponent for b in below])
        right = top.right_exponent - _total([b.right_exponent for b in below])
        for start in range(0, d, _BLOCK):
            rows = slice(start, min(start + _BLOCK, d))
            columns = slice(start if self.symmetric else 0, d)
            factors = top.mantissa(rows, columns)
            for factor in below:
                factors /= factor.mantissa(rows, columns)
            factors *= np.ldexp(1.0, left[rows])[:, None]
            factors *= np.ldexp(1.0, right[columns])
            yield rows, columns, factors

    def _yardstick(self, bits: int) -> list[int]:
        """Bit lengths of the geometric mean of the two outputs' variances."""
        sizes = []
        for output in (self.first, self.second):
            numerator, _ = self._still(output)._quotient(bits).diagonals(len(self.x))
            sizes.append([v.bit_length() for v in numerator])
        return [(a + b) // 2 for a, b in zip(*sizes, strict=True)]

    def _working_bits(self) -> int:
        """Enough bits that doubling them does not change the result in three typical modes."""
        ordered = sorted(self.x)
        probe = replace(self, x=[ordered[0], ordered[len(ordered) // 2], ordered[-1]])
        bits = self._first_guess()
        while bits <= _MOST_BITS:
            coarse, coarse_below = probe._quotient(bits).diagonals(3)
            fine, fine_below = probe._quotient(2 * bits).diagonals(3)
            sizes = probe._yardstick(2 * bits)
            checks = [(coarse, fine, sizes)] + [
                (a, b, [v.bit_length() for v in b])
                for a, b in zip(coarse_below, fine_below, strict=True)
            ]
            if all(
                abs((a << (2 * bits)) - b).bit_length() < size - 50
                for one, two, lengths in checks
                for a, b, size in zip(one, two, lengths, strict=True)
            ):
                return bits
            bits = 3 * bits // 2
        raise AccuracyError(
            f"the covariance needs more than {_MOST_BITS} bits: the smallest scaled curvature is "
            f"{float(ordered[0]):.3g}; raise rank_tolerance"
        )

    def _still(self, output: str) -> PairLaw:
        """The variance of one output at the same position: the yardstick for accuracy."""
        when = self.when
        if self.lag:
            when = "at_position" if when == "lagged_at_position" else "mean"
        return replace(self, when=when, lag=0, first=output, second=output)

    def _first_guess(self) -> int:
        pull, slope = self.rule.pull()
        flat = max(0.0, -math.log2(pull + slope * min(self.x)))
        return int(160 + 4 * flat + 4 * math.log2(max(self.steps, self.lag, 2)))

    def _quotient(self, bits: int) -> Quotient:
        arithmetic = FixedPoint(bits=bits)
        m, lag = self.steps, self.lag
        numbers: Mapping[sp.Symbol, int] = {
            symbols.steps_per_epoch: m, symbols.lag: lag, symbols.position: self.position
        }
        exponents = {
            "M": m, "lag": lag, "rest": m - lag, "excess": lag - m, "folded": lag % m,
            "unfolded": m - lag % m, "j": self.position, "1": 1,
        }
        modes = Modes(
            rule=self.rule, arithmetic=arithmetic, number=_number_in(numbers),
            exponents=exponents, x=arithmetic.array(self.x),
        )
        pair = PairOfModes(left=modes, right=modes)
        total: PairSum | None = None
        for component, weight in self.parts:
            part: PairSum = getattr(component, self.when)(pair)
            total = part.scale(weight) if total is None else total + part.scale(weight)
        if total is None:
            raise AccuracyError("a scheme without noise has no law to evaluate")
        rows = {"weights": self.rule.weights, "velocity": self.rule.velocity}
        first, second = (
            ModeMatrix(
                arithmetic=arithmetic, number=modes.number,
                entries=(tuple(arithmetic.of(v) for v in rows[name]),),
            )
            for name in (self.first, self.second)
        )
        return quotient(modes, total, first, second)


def _total(exponents: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64] | int:
    return sum(exponents[1:], exponents[0]) if exponents else 0


def _number_in(numbers: Mapping[sp.Symbol, int]) -> Callable[[Any], Fraction]:
    def number(value: Any) -> Fraction:
        if isinstance(value, (int, Fraction)):
            return Fraction(value)
        exact = sp.Rational(sp.sympify(value, strict=True).subs(numbers))
        return Fraction(int(exact.p), int(exact.q))

    return number

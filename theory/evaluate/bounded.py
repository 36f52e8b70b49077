"""Number types that carry a bound on their own error, vectorised: double and double-double."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from theory.evaluate import double_double as dd
from theory.sequences import power_coefficients

__all__ = ["BoundedArithmetic", "BoundedDouble", "BoundedPair", "Unvectorised"]

#: covers underflow of a product
_TINY = 1e-320


class Unvectorised(Exception):
    """The operation has no error bound here; the point goes to ball arithmetic."""


class BoundedDouble:
    """A double v and a bound e: the true number lies in [v - e, v + e], up to 2**-53 e."""

    __slots__ = ("e", "v")
    UNIT = 2.0**-53

    def __init__(self, v: Any, e: Any = 0.0) -> None:
        self.v, self.e = v, e

    @classmethod
    def exact(cls, value: Fraction) -> BoundedDouble:
        v = float(value)
        return cls(v, 0.0 if Fraction(v) == value else abs(v) * cls.UNIT)

    @property
    def size(self) -> Any:
        return np.abs(self.v)

    def __add__(self, other: BoundedDouble) -> BoundedDouble:
        v = self.v + other.v
        return BoundedDouble(v, self.e + other.e + self.UNIT * np.abs(v))

    def __sub__(self, other: BoundedDouble) -> BoundedDouble:
        v = self.v - other.v
        return BoundedDouble(v, self.e + other.e + self.UNIT * np.abs(v))

    def __neg__(self) -> BoundedDouble:
        return BoundedDouble(-self.v, self.e)

    def __mul__(self, other: BoundedDouble) -> BoundedDouble:
        v = self.v * other.v
        e = np.abs(self.v) * other.e + self.e * (np.abs(other.v) + other.e)
        return BoundedDouble(v, e + (self.UNIT * np.abs(v) + _TINY))

    def __truediv__(self, other: BoundedDouble) -> BoundedDouble:
        v = self.v / other.v
        room = np.abs(other.v) - other.e
        e = (self.e + np.abs(v) * other.e) / np.where(room > 0, room, 0.0)
        return BoundedDouble(v, e + (self.UNIT * np.abs(v) + _TINY))

    def chosen(self, mask: Any, other: BoundedDouble) -> BoundedDouble:
        """``self`` where ``mask`` holds, else ``other``."""
        return BoundedDouble(np.where(mask, self.v, other.v), np.where(mask, self.e, other.e))

    def rounded(self) -> tuple[Any, Any]:
        """The double and a bound on its error, final rounding included."""
        return self.v, self.e


class BoundedPair:
    """A double-double and a bound on its error."""

    __slots__ = ("e", "pair")
    UNIT = dd.UNIT

    def __init__(self, pair: dd.Pair, e: Any = 0.0) -> None:
        self.pair, self.e = pair, e

    @classmethod
    def exact(cls, value: Fraction) -> BoundedPair:
        high = float(value)
        low = float(value - Fraction(high))
        return cls((high, low), 0.0 if Fraction(high) + Fraction(low) == value else
                   abs(high) * cls.UNIT)

    @property
    def size(self) -> Any:
        return np.abs(self.pair[0])

    def __add__(self, other: BoundedPair) -> BoundedPair:
        e = self.e + other.e + self.UNIT * (self.size + other.size)
        return BoundedPair(dd.add(self.pair, other.pair), e)

    def __sub__(self, other: BoundedPair) -> BoundedPair:
        return self + -other

    def __neg__(self) -> BoundedPair:
        return BoundedPair(dd.negate(self.pair), self.e)

    def __mul__(self, other: BoundedPair) -> BoundedPair:
        pair = dd.multiply(self.pair, other.pair)
        e = self.size * other.e + self.e * (other.size + other.e)
        return BoundedPair(pair, e + (self.UNIT * np.abs(pair[0]) + _TINY))

    def __truediv__(self, other: BoundedPair) -> BoundedPair:
        pair = dd.divide(self.pair, other.pair)
        room = other.size - other.e
        e = (self.e + np.abs(pair[0]) * other.e) / np.where(room > 0, room, 0.0)
        return BoundedPair(pair, e + (4 * self.UNIT * np.abs(pair[0]) + _TINY))

    def chosen(self, mask: Any, other: BoundedPair) -> BoundedPair:
        """``self`` where ``mask`` holds, else ``other``."""
        (a, b), (c, d) = self.pair, other.pair
        pair = np.where(mask, a, c), np.where(mask, b, d)
        return BoundedPair(pair, np.where(mask, self.e, other.e))

    def rounded(self) -> tuple[Any, Any]:
        """The double and a bound on its error, final rounding included."""
        return self.pair[0], self.e + 2.0**-53 * self.size


class BoundedArithmetic:
    """Runs a program on one of the two types; exponents are ints or int64 arrays."""

    def __init__(self, kind: type[BoundedDouble] | type[BoundedPair]) -> None:
        self.kind = kind

    def constant(self, value: Fraction) -> Any:
        return self.kind.exact(value)

    def power(self, base: Any, exponent: Any) -> Any:
        one: Any = self.kind.exact(Fraction(1))
        if isinstance(exponent, int):
            if exponent < 0:
                return one / self.power(base, -exponent)
            result = base if exponent else one
            for bit in bin(exponent)[3:]:
                result = result * result
                result = result * base if bit == "1" else result
            return result
        if np.any(exponent < 0):
            raise Unvectorised("negative power")
        result = one
        for place in range(int(exponent.max()).bit_length() - 1, -1, -1):
            result = result * result
            result = (result * base).chosen((exponent >> place) & 1 == 1, result)
        return result

    def lucas(self, exponent: Any, invariants: Sequence[Any]) -> Sequence[Any]:
        """As :meth:`theory.evaluate.balls.BallArithmetic.lucas`, with one exponent per point."""
        if np.any(np.asarray(exponent) < 0):
            raise Unvectorised("negative exponent")
        if len(invariants) != 2:
            if isinstance(exponent, int):
                return power_coefficients(exponent, invariants)
            return self._long_lucas(exponent, invariants)
        s, d = invariants
        u: Any = self.kind.exact(Fraction(0))
        w: Any = self.kind.exact(Fraction(-1))
        for place in range(int(np.max(exponent)).bit_length() - 1, -1, -1):
            u, w = u * (s * u - (w + w)), d * (u * u) - w * w
            bit = (exponent >> place) & 1 == 1
            u, w = (s * u - w).chosen(bit, u), (d * u).chosen(bit, w)
        return w, u

    def _long_lucas(self, exponent: Any, invariants: Sequence[Any]) -> Sequence[Any]:
        """Powers of z modulo the characteristic polynomial, with one exponent per point."""
        d = len(invariants)
        zero: Any = self.kind.exact(Fraction(0))
        one: Any = self.kind.exact(Fraction(1))
        tail = [invariants[d - 1 - i] for i in range(d)]
        tail = [a if (d - 1 - i) % 2 == 0 else -a for i, a in enumerate(tail)]
        power = [one] + [zero] * (d - 1)
        for place in range(int(np.max(exponent)).bit_length() - 1, -1, -1):
            square = [zero] * (2 * d - 1)
            for i in range(d):
                for j in range(d):
                    square[i + j] = square[i + j] + power[i] * power[j]
            for top in range(2 * d - 2, d - 1, -1):
                for i in range(d):
                    square[top - d + i] = square[top - d + i] + square[top] * tail[i]
            power = square[:d]
            bit = (exponent >> place) & 1 == 1
            moved = [power[d - 1] * tail[0]]
            moved += [power[i - 1] + power[d - 1] * tail[i] for i in range(1, d)]
            power = [m.chosen(bit, p) for m, p in zip(moved, power, strict=True)]
        return [p if (d - 1 - k) % 2 == 0 else -p for k, p in enumerate(power)]

    def function(self, name: str, argument: Any) -> Any:
        raise Unvectorised(name)

r"""Truncated Laurent series :math:`\varepsilon^l(a_0+a_1\varepsilon+\dots)+O(\varepsilon^{l+n})`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from derivations.checking.series_field import Ground, RationalFunction
from theory.errors import TheoryError

__all__ = ["Laurent", "LostPrecisionError", "Series"]

_EXACT_ZERO = 10**9


class LostPrecisionError(TheoryError):
    """All known terms cancelled: more are needed."""


@dataclass(frozen=True, slots=True)
class Series:
    """``terms`` from power ``low`` on; what is beyond them is unknown. The first term is not zero."""

    low: int
    terms: tuple[RationalFunction, ...]

    @property
    def known(self) -> int:
        """The first power that is not known."""
        return self.low + len(self.terms)

    @property
    def is_zero(self) -> bool:
        """Zero to all orders."""
        return self.low >= _EXACT_ZERO


class Laurent:
    """The ring operations, over one field and to one relative order.

    ``check`` is called before every product: it may raise to end what takes too long.
    """

    def __init__(
        self, ground: Ground, order: int, check: Callable[[], None] = lambda: None
    ) -> None:
        self.ground, self.order, self._check = ground, order, check
        self.zero = Series(_EXACT_ZERO, ())
        self.one = self.constant(ground.one)

    def constant(self, value: RationalFunction) -> Series:
        return self.monomial(value, 0)

    def monomial(self, value: RationalFunction, power: int) -> Series:
        if not value:
            return self.zero
        return Series(power, (value, *[self.ground.zero] * (self.order - 1)))

    def made(self, low: int, terms: list[RationalFunction]) -> Series:
        """Without leading zeros and beyond the order."""
        skip = next((i for i, t in enumerate(terms) if t), len(terms))
        return Series(low + skip, tuple(terms[skip : skip + self.order]))

    def coefficient(self, a: Series, power: int) -> RationalFunction:
        """Of one power below ``known``."""
        if power >= a.known and not a.is_zero:
            raise LostPrecisionError(f"the coefficient of power {power} is not known")
        return a.terms[power - a.low] if a.low <= power < a.known else self.ground.zero

    def plus(self, a: Series, b: Series) -> Series:
        if a.is_zero or b.is_zero:
            return b if a.is_zero else a
        low, known = min(a.low, b.low), min(a.known, b.known)
        terms = []
        for power in range(low, min(known, low + 2 * self.order)):
            x, y = self.coefficient(a, power), self.coefficient(b, power)
            terms.append(x + y if x and y else x if x else y)
        return self.made(low, terms) if terms else Series(known, ())

    def times(self, a: Series, b: Series) -> Series:
        if a.is_zero or b.is_zero:
            return self.zero
        self._check()
        size = min(len(a.terms), len(b.terms))
        terms = [self.ground.zero] * size
        for i in range(size):
            if a.terms[i]:
                for j in range(size - i):
                    if b.terms[j]:
                        part = a.terms[i] * b.terms[j]
                        terms[i + j] = terms[i + j] + part if terms[i + j] else part
        return Series(a.low + b.low, tuple(terms))

    def negative(self, a: Series) -> Series:
        return Series(a.low, tuple(-t for t in a.terms))

    def minus(self, a: Series, b: Series) -> Series:
        return self.plus(a, self.negative(b))

    def scaled(self, a: Series, factor: RationalFunction) -> Series:
        return Series(a.low, tuple(t * factor for t in a.terms)) if factor else self.zero

    def inverse(self, a: Series) -> Series:
        """1 / a; LostPrecisionError where nothing of a is known, or a is zero."""
        if not a.terms:
            raise LostPrecisionError("division by what is zero to the order computed")
        first = self.ground.one / a.terms[0]
        out = [first]
        for k in range(1, len(a.terms)):
            self._check()
            total = self.ground.zero
            for i in range(1, k + 1):
                if a.terms[i] and out[k - i]:
                    total = total + a.terms[i] * out[k - i]
            out.append(-total * first if total else total)
        return Series(-a.low, tuple(out))

    def over(self, a: Series, b: Series) -> Series:
        return self.times(a, self.inverse(b))

    def leading(self, a: Series, b: Series) -> tuple[int, RationalFunction, int, RationalFunction | None]:
        """a/b as low, first coefficient, and the power and coefficient of its next nonzero term.

        By long division, which stops there; None where no further term is known.
        """
        if not a.terms or not b.terms:
            raise LostPrecisionError("numerator or denominator is zero to the order computed")
        inverse = self.ground.one / b.terms[0]
        first, low = a.terms[0] * inverse, a.low - b.low
        for k in range(1, min(len(a.terms), len(b.terms))):
            rest = a.terms[k] - first * b.terms[k] if b.terms[k] else a.terms[k]
            if rest:
                return low, first, low + k, rest * inverse
        return low, first, low, None

    def power(self, a: Series, n: int) -> Series:
        if n < 0:
            return self.power(self.inverse(a), -n)
        result = self.one
        for bit in bin(n)[2:] if n else "":
            result = self.times(result, result)
            if bit == "1":
                result = self.times(result, a)
        return result

    def logarithm(self, a: Series) -> Series:
        """log(a / a_0) for a = a_0 + ..., from l' a = a'."""
        size, terms = len(a.terms), [self.ground.zero]
        for k in range(1, size):
            total = self.ground.number(k) * a.terms[k]
            for i in range(1, k):
                if terms[i] and a.terms[k - i]:
                    total = total - self.ground.number(i) * terms[i] * a.terms[k - i]
            terms.append(total / (self.ground.number(k) * a.terms[0]) if total else total)
        return self.made(0, terms) if any(terms) else Series(size, ())

    def exponential(self, a: Series) -> Series:
        """exp(a) for a of positive order, from f' = a' f."""
        if a.is_zero:
            return self.one
        if a.low <= 0:
            raise TheoryError(f"the exponential of a series of order {a.low} is not expanded")
        size = min(a.known, self.order)
        slopes = [self.ground.number(k) * self.coefficient(a, k) for k in range(size)]
        out = [self.ground.one]
        for k in range(1, size):
            total = self.ground.zero
            for i in range(1, k + 1):
                if slopes[i] and out[k - i]:
                    total = total + slopes[i] * out[k - i]
            out.append(total / self.ground.number(k))
        return Series(0, tuple(out))

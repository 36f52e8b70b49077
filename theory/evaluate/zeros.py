"""Whether a rational program is exactly zero, decided without relative accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import fmpz_mod_ctx, fmpz_mod_poly_ctx

from theory.evaluate.polynomials import Rule, equidistant_rule
from theory.evaluate.program import Program
from theory.numbers import each
from theory.sequences import power_coefficients

__all__ = ["is_exact_zero"]

#: Primes without structure (next primes to a mix of powers): doubles are dyadic, so a Mersenne
#: prime, where 2 has a small order, would take 2**k - 1 for zero.
_PRIMES = (
    1824800363140073127359051977856583949,
    2183814375991796599109312252753832403,
    2305843996868015951,
)


class _Residue:
    """A number modulo a prime."""

    __slots__ = ("prime", "value")

    def __init__(self, value: int, prime: int) -> None:
        self.value, self.prime = value % prime, prime

    def __add__(self, other: _Residue | int) -> _Residue:
        return _Residue(self.value + _plain(other), self.prime)

    def __sub__(self, other: _Residue | int) -> _Residue:
        return _Residue(self.value - _plain(other), self.prime)

    def __mul__(self, other: _Residue | int) -> _Residue:
        return _Residue(self.value * _plain(other), self.prime)

    def __neg__(self) -> _Residue:
        return _Residue(-self.value, self.prime)

    def __truediv__(self, other: _Residue) -> _Residue:
        return _Residue(self.value * pow(other.value, -1, self.prime), self.prime)


def _plain(number: _Residue | int) -> int:
    return number.value if isinstance(number, _Residue) else number


class _ResiduePolynomials:
    """Their polynomials, of python-flint."""

    def __init__(self, prime: int) -> None:
        self._ring, self._prime = fmpz_mod_poly_ctx(fmpz_mod_ctx(prime)), prime

    def polynomial(self, coefficients: Sequence[_Residue]) -> Any:
        return self._ring([c.value for c in coefficients])

    def coefficients(self, polynomial: Any) -> Sequence[_Residue]:
        return [_Residue(int(c), self._prime) for c in polynomial.coeffs()] or [_Residue(0, self._prime)]

    def rule(self, degree: int) -> Rule:
        constant = _Modular(self._prime).constant
        return [(constant(x), constant(w)) for x, w in equidistant_rule(degree)]


class _Modular:
    """The field of integers modulo a prime, as an :class:`~theory.evaluate.program.Arithmetic`."""

    def __init__(self, prime: int) -> None:
        self.prime = prime

    @property
    def polynomials(self) -> _ResiduePolynomials:
        return _ResiduePolynomials(self.prime)

    def constant(self, value: Fraction) -> _Residue:
        inverse = pow(value.denominator, -1, self.prime)
        return _Residue(value.numerator * inverse, self.prime)

    def power(self, base: _Residue, exponent: int) -> _Residue:
        return _Residue(pow(base.value, exponent, self.prime), self.prime)

    def lucas(self, exponent: int, invariants: Sequence[_Residue]) -> Sequence[_Residue]:
        return power_coefficients(exponent, invariants)

    def function(self, name: str, argument: Any) -> Any:
        raise ArithmeticError(f"{name} leaves the rational numbers")


def is_exact_zero(
    program: Program, values: Mapping[str, Fraction], integers: Mapping[str, int]
) -> bool:
    r"""Whether the program's value is 0, by its residues modulo three large primes.

    A value other than 0 is never called 0 unless all three primes, of 300 bits together, divide
    its numerator: a numerator of b bits has at most b/60 such divisors among some
    :math:`2^{295}` triples, so even at :math:`b=10^{13}` (M = 10⁹) a value that was not built
    against these primes is misjudged with a probability below :math:`10^{-50}`. The cost is
    O(log M) multiplications of 120 bits, whatever the size of the exact number.
    """
    if not program.rational:
        return False
    for prime in _PRIMES:
        field = _Modular(prime)
        try:
            inputs = {name: each(field.constant, value) for name, value in values.items()}
            if program.run(inputs, integers, field).value != 0:
                return False
        except (ValueError, ArithmeticError):  # a denominator vanishes modulo the prime
            return False
    return True

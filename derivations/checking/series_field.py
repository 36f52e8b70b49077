"""The field that coefficients of expansions live in: rational functions of symbols and powers.

A generator is any SymPy atom: a symbol, a power with a symbolic exponent such as
``momentum**steps_per_epoch``, a sequence, a cosine. Relations between generators are not used, so an
identity found here holds whatever they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from derivations.evaluation import NotRationalError
from theory.engine.rational_function import RationalField, RationalFunction
from theory.engine.rational_matrix import Polynomial, PolynomialRing

__all__ = ["Ground", "RationalFunction", "same"]

_SLOTS = tuple(sp.Symbol(f"slot_{i}") for i in range(24))
_RING = PolynomialRing(symbols=_SLOTS)


def same(a: RationalFunction, b: RationalFunction) -> bool:
    return not a - b


class Ground:
    """Atoms get a place in one polynomial ring when they are first met.

    Raises
    ------
    NotRationalError
        By :meth:`atom`, if there are more atoms than the ring has places.
    """

    def __init__(self) -> None:
        self._place: dict[sp.Expr, int] = {}
        self._field = RationalField(_RING)
        self.zero, self.one = self._field(0), self._field(1)

    def atom(self, expression: sp.Expr) -> RationalFunction:
        place = self._place.setdefault(expression, len(self._place))
        if place >= len(_SLOTS):
            raise NotRationalError(f"more than {len(_SLOTS)} symbols, powers and sequences to expand in")
        return self._field.element(_SLOTS[place])

    def number(self, p: int, q: int = 1) -> RationalFunction:
        return self._field(p) / self._field(q) if q != 1 else self._field(p)

    @property
    def atoms(self) -> tuple[sp.Expr, ...]:
        return tuple(self._place)

    def expression(self, value: RationalFunction) -> sp.Expr:
        """Factored, in the user's symbols."""
        constant, factors = self.irreducible(value)
        if constant < 0:  # into a sum above that has more terms with a minus than without
            for i, (factor, multiplicity) in enumerate(factors):
                terms = sp.Add.make_args(factor)
                minus = sum(t.could_extract_minus_sign() for t in terms)
                if multiplicity > 0 and multiplicity % 2 and 2 * minus > len(terms):
                    factors[i], constant = (sp.expand(-factor), multiplicity), -constant
                    break
        return sp.Mul(constant, *(factor**multiplicity for factor, multiplicity in factors))

    def irreducible(self, value: RationalFunction) -> tuple[sp.Rational, list[tuple[sp.Expr, int]]]:
        """A constant and irreducible factors with their multiplicities (negative: below)."""
        constant, found = sp.S.One, []
        for polynomial, sign in ((value.numerator, 1), (value.denominator, -1)):
            own, factors = polynomial.factor()
            constant *= sp.Integer(int(own)) ** sign
            for factor, multiplicity in factors:
                expression, flipped = self._positive(factor)
                constant *= (-1) ** (int(multiplicity) * flipped)
                found.append((expression, sign * int(multiplicity)))
        return constant, found

    def _positive(self, factor: Polynomial) -> tuple[sp.Expr, int]:
        """The factor with the sign that makes its first printed term positive: 1 - x, not x - 1."""
        expression = _RING.to_sympy(factor, self._names)
        terms = [(sum(e), e, int(c)) for e, c in factor.to_dict().items()]
        flipped = int(min(terms)[2] < 0)
        return (sp.expand(-expression) if flipped else expression), flipped

    @property
    def _names(self) -> Mapping[sp.Symbol, sp.Expr]:
        return {_SLOTS[i]: atom for atom, i in self._place.items()}

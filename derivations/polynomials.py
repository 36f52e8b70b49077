"""Three rings the same identity is evaluated in: two of polynomials, one of exact numbers.

SymPy's sparse polynomials and python-flint's ``fmpz_mpoly`` share no code; an identity counts as
proved only if both find the zero polynomial. The third ring, rational numbers at one point, finds
witnesses against wrong identities.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import sympy as sp
from flint import Ordering, fmpq, fmpz_mpoly_ctx

__all__ = ["FlintRing", "NumberRing", "Ring", "SympyRing"]


class Ring(Protocol):
    """What the evaluation of an expression needs: constants, generators and equality."""

    def constant(self, value: int) -> Any: ...
    def generator(self, atom: sp.Expr) -> Any: ...
    def key(self, element: Any) -> Hashable: ...
    def negative_lead(self, element: Any) -> bool: ...
    def lowest(self, element: Any, atom: sp.Expr) -> int: ...
    def divided(self, element: Any, by: Any) -> Any: ...


class FlintRing:
    """Integer polynomials of python-flint."""

    def __init__(self, atoms: Sequence[sp.Expr]) -> None:
        names = [f"g{i}" for i in range(len(atoms))] or ["unused"]
        self._context = fmpz_mpoly_ctx.get(names, Ordering.degrevlex)
        self.atoms = tuple(atoms)
        self._place = {atom: i for i, atom in enumerate(atoms)}

    def constant(self, value: int) -> Any:
        return self._context.constant(value)

    def generator(self, atom: sp.Expr) -> Any:
        return self._context.gen(self._place[atom])

    def key(self, element: Any) -> Hashable:
        return frozenset((e, int(c)) for e, c in element.to_dict().items())

    def negative_lead(self, element: Any) -> bool:
        return bool(element.leading_coefficient() < 0)

    def lowest(self, element: Any, atom: sp.Expr) -> int:
        """Lowest power of ``atom`` in a nonzero polynomial."""
        return min(int(e[self._place[atom]]) for e in element.to_dict())

    def divided(self, element: Any, by: Any) -> Any:
        """The quotient, or None if the division leaves a remainder."""
        if element == by:
            return self._context.constant(1)
        if element.is_constant() or by.total_degree() > element.total_degree():
            return None
        quotient, rest = divmod(element, by)
        return quotient if rest == 0 else None

    def lowest_part(self, element: Any, atom: sp.Expr) -> Any:
        """Coefficient of the lowest power of ``atom``, itself a polynomial."""
        place, low = self._place[atom], self.lowest(element, atom)
        return self._context.from_dict(
            {(*e[:place], 0, *e[place + 1 :]): c for e, c in element.to_dict().items() if e[place] == low}
        )


class SympyRing:
    """Integer polynomials of SymPy."""

    def __init__(self, atoms: Sequence[sp.Expr]) -> None:
        names = [f"g{i}" for i in range(len(atoms))] or ["unused"]
        self._ring, *self._generators = sp.ring(names, sp.ZZ)
        self._place = {atom: i for i, atom in enumerate(atoms)}

    def constant(self, value: int) -> Any:
        return self._ring(value)

    def generator(self, atom: sp.Expr) -> Any:
        return self._generators[self._place[atom]]

    def key(self, element: Any) -> Hashable:
        return frozenset(element.items())

    def negative_lead(self, element: Any) -> bool:
        return bool(element.LC < 0)

    def lowest(self, element: Any, atom: sp.Expr) -> int:
        place = self._place[atom]
        return min(int(e[place]) for e in element)

    def divided(self, element: Any, by: Any) -> Any:
        """The quotient, or None if the division leaves a remainder."""
        if element == by:
            return self._ring(1)
        if element.is_ground or max(map(sum, by)) > max(map(sum, element)):
            return None
        quotient, rest = divmod(element, by)
        return quotient if rest == 0 else None


class NumberRing:
    """Rational numbers: every generator has a value."""

    def __init__(self, values: Mapping[sp.Expr, fmpq]) -> None:
        self.values = values

    def constant(self, value: int) -> fmpq:
        return fmpq(value)

    def generator(self, atom: sp.Expr) -> fmpq:
        return self.values[atom]

    def key(self, element: Any) -> Hashable:
        return (int(element.p), int(element.q))

    def negative_lead(self, element: Any) -> bool:
        return bool(element < 0)

    def lowest(self, element: Any, atom: sp.Expr) -> int:
        return 0

    def divided(self, element: Any, by: Any) -> Any:
        return None

"""Symbolic exponents as sums of non-negative segments, and the generators they need.

``A**M`` and ``A**(M - tau)`` in one identity are not independent: with the segments ``tau`` and
``M - tau`` every power is a product of powers of segments, by the addition theorem
:math:`z^{a+b}=z^az^b` modulo the characteristic polynomial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sympy as sp

from theory.symbols import lag, steps_per_epoch

__all__ = ["Segments", "linear_form"]

#: M - tau, tau - M and M - (tau mod M): the lengths that get a name where they occur
REST = sp.Symbol("rest", integer=True, nonnegative=True)
EXCESS = sp.Symbol("excess", integer=True, nonnegative=True)
_FOLDED = sp.Mod(lag, steps_per_epoch)
FOLDED = sp.Symbol("folded", integer=True, nonnegative=True)
UNFOLDED = sp.Symbol("unfolded", integer=True, nonnegative=True)


def linear_form(exponent: sp.Expr) -> dict[sp.Expr, int] | None:
    """Integer coefficients by symbol, the constant under ``1``; None if it is not linear."""
    found: dict[sp.Expr, int] = {}
    for term in sp.Add.make_args(sp.expand(exponent)):
        factor, atom = term.as_coeff_Mul()
        if not factor.is_Integer or not (atom == 1 or atom.is_Symbol or isinstance(atom, sp.Mod)):
            return None
        found[atom] = found.get(atom, 0) + int(factor)
    return {s: c for s, c in found.items() if c}


@dataclass(frozen=True, kw_only=True)
class Segments:
    """How the exponents of one derivation are split."""

    replace: Mapping[sp.Expr, sp.Expr]
    offset: Mapping[sp.Expr, int]

    @classmethod
    def of(cls, exponents: Iterable[sp.Expr]) -> Segments:
        """Choose segments so that every exponent is a non-negative sum of them."""
        listed = list(exponents)
        forms = [form for e in listed if (form := linear_form(e)) is not None]
        replace: dict[sp.Expr, sp.Expr] = {}
        if any(f.get(_FOLDED, 0) for f in forms):
            replace = {_FOLDED: FOLDED, steps_per_epoch: UNFOLDED + FOLDED}
        elif any(f.get(steps_per_epoch, 0) > 0 and f.get(lag, 0) < 0 for f in forms):
            replace = {steps_per_epoch: REST + lag}
        elif any(f.get(steps_per_epoch, 0) < 0 and f.get(lag, 0) > 0 for f in forms):
            replace = {lag: EXCESS + steps_per_epoch}
        offset: dict[sp.Expr, int] = {}
        for exponent in listed:
            found = linear_form(exponent.xreplace(replace))
            if found is None:
                continue
            first = cls._first(found)
            if first is not None:
                offset[first] = max(offset.get(first, 0), -found.get(sp.S.One, 0))
        return cls(replace=replace, offset=offset)

    @staticmethod
    def _first(form: Mapping[sp.Expr, int]) -> sp.Expr | None:
        own = sorted((s for s in form if s != 1), key=str)
        return own[0] if own else None

    def split(self, exponent: sp.Expr) -> tuple[list[sp.Expr], int] | None:
        """Segments (each as often as it occurs) and the non-negative rest; None if impossible.

        A segment s stands for the exponent s - offset.
        """
        form = linear_form(exponent.xreplace(self.replace))
        if form is None:
            return None
        constant = form.pop(sp.S.One, 0)
        if any(c < 0 for c in form.values()):
            return None
        parts = [s for s, c in sorted(form.items(), key=str) for _ in range(c)]
        constant += sum(self.offset.get(s, 0) for s in parts)
        return (parts, constant) if constant >= 0 else None

r"""A sequence whose characteristic polynomial factors, through the sequences of the factors.

:math:`u_k(n)` obeys a linear recurrence with the characteristic polynomial
:math:`P=\prod_ip_i^{m_i}`. Over generic parameters its solutions are spanned by
:math:`n^a\rho^n` (a < m) for a rational root :math:`\rho` and by the :math:`u_0(n),\dots` of an
irreducible factor of multiplicity one; the coefficients follow from
:math:`u_k(n)=(-1)^{d-1-k}\delta_{kn}` for n < d.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from theory.sequences import LucasSequence

__all__ = ["rational_power", "split_sequence"]

_z = sp.Symbol("z")


def split_sequence(k: int, n: sp.Expr, invariants: list[sp.Expr]) -> sp.Expr:
    """u_k(n) through simpler sequences, or itself where its polynomial is irreducible."""
    basis, rows = _coefficients(tuple(invariants))
    if not basis:
        return LucasSequence(k, n, *invariants)
    terms = [c * _member(kind, n) for c, kind in zip(rows[k], basis, strict=True) if c != 0]
    return sp.Add(*terms)


_Kind = tuple[sp.Expr, int] | tuple[str, int, tuple[sp.Expr, ...]]


@lru_cache(maxsize=256)
def _coefficients(
    invariants: tuple[sp.Expr, ...]
) -> tuple[tuple[_Kind, ...], tuple[tuple[sp.Expr, ...], ...]]:
    """The basis, and for each k the coefficients of u_k in it; empty for an irreducible one."""
    d = len(invariants)
    polynomial = _z**d + sum((-1) ** (i + 1) * e * _z ** (d - 1 - i) for i, e in enumerate(invariants))
    factors = sp.factor_list(sp.numer(sp.together(polynomial)), _z)[1]
    factors = [(f, m) for f, m in factors if f.has(_z)]
    if len(factors) == 1 and factors[0][1] == 1 and d > 1:
        return (), ()
    basis: list[_Kind] = []
    for factor, multiplicity in factors:
        own = sp.Poly(factor, _z)
        degree, lead = own.degree(), own.LC()
        if degree == 1:
            root = sp.cancel(-own.coeff_monomial(1) / lead)
            basis += [(root, a) for a in range(multiplicity)]
        elif multiplicity == 1:
            own_invariants = tuple(
                sp.expand(sp.cancel((-1) ** (i + 1) * c / lead)) for i, c in enumerate(own.all_coeffs()[1:])
            )
            basis += [("sequence", j, own_invariants) for j in range(degree)]
        else:
            return (), ()
    matrix = sp.Matrix(d, d, lambda i, j: _member(basis[j], sp.Integer(i)))
    left = DomainMatrix.from_Matrix(matrix).to_field()
    identity = DomainMatrix.eye(d, left.domain)
    inverse = left.lu_solve(identity).to_Matrix()
    rows = tuple(
        tuple(sp.factor((-1) ** (d - 1 - k) * inverse[j, k]) for j in range(d)) for k in range(d)
    )
    return tuple(basis), rows


def _member(kind: _Kind, n: sp.Expr) -> sp.Expr:
    if len(kind) == 2:
        root, a = kind
        power = sp.S.One if root == 1 else rational_power(root, n)
        polynomial = sp.S.One if a == 0 else n**a
        return polynomial * power
    _, j, invariants = kind
    return LucasSequence(j, n, *invariants)


def rational_power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """A power of a rational function, factor by factor, each factor turned to one sign."""
    if exponent.is_Integer or base.is_Symbol or base.is_Rational:
        return base**exponent
    over, under = sp.fraction(sp.together(base))
    parts: dict[sp.Expr, int] = {}
    constant: sp.Expr = sp.S.One
    for polynomial, sign in ((over, 1), (under, -1)):
        number, factors = sp.factor_list(polynomial)
        for factor, multiplicity in factors:
            turned = _oriented(factor)
            number *= 1 if turned == sp.expand(factor) else (-1) ** multiplicity
            parts[turned] = parts.get(turned, 0) + sign * multiplicity
        constant *= number**sign
    powers = [p ** sp.expand(m * exponent) for p, m in parts.items() if m]
    return sp.Mul(constant**exponent if constant != 1 else sp.S.One, *powers)


def _oriented(factor: sp.Expr) -> sp.Expr:
    """The factor or its negative: a positive constant term, or else a positive first term."""
    terms = sp.Add.make_args(sp.expand(factor))
    constant = next((t for t in terms if t.is_number), None)
    negative = constant < 0 if constant is not None else min(terms, key=str).could_extract_minus_sign()
    return sp.expand(-factor) if negative else sp.expand(factor)

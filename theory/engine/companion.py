r"""The discrete Lyapunov equation in companion form.

For any matrices :math:`A,A'` with characteristic polynomials :math:`\chi,\chi'` and vectors
:math:`B,B'`, the solution of :math:`X=AXA'^\top+BB'^\top` is :math:`X=K\,G\,K'^\top` with the Krylov
matrices :math:`K=[B,AB,\dots]` and a core :math:`G` that depends on the two polynomials alone:
:math:`G=FGF'^\top+e_1e_1^\top`, F the companion matrix of :math:`\chi`. Solved once per order, it serves
every rule and, with :math:`A^M` for :math:`A`, every epoch map.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from theory.engine.matrix import M

__all__ = ["companion_gramian"]


def companion_gramian(
    left: tuple[M, ...], right: tuple[M, ...], *, same: bool
) -> M:
    """G for the given invariants (each a 1 x 1 matrix)."""
    d = len(left)
    entries, denominator, symbols = _generic_core(d, same)
    values = dict(zip(symbols, left if same else (*left, *right), strict=True))
    one = left[0].constant(1)

    def insert(polynomial: sp.Poly) -> M:
        total = one.scale(0)
        for exponents, c in polynomial.terms():
            term = one.scale(int(c))
            for symbol, e in zip(symbols, exponents, strict=True):
                for _ in range(e):
                    term = term @ values[symbol]
            total = total + term
        return total.reduced()

    cells = [[insert(entries[i][j]) for j in range(d)] for i in range(d)]
    return one.assemble(cells, insert(denominator))


@lru_cache(maxsize=8)
def _generic_core(
    d: int, same: bool
) -> tuple[list[list[sp.Poly]], sp.Poly, tuple[sp.Symbol, ...]]:
    """Numerators, common denominator and symbols of G for generic invariants."""
    e = sp.symbols(f"e1:{d + 1}")
    f = e if same else sp.symbols(f"f1:{d + 1}")
    symbols = e if same else (*e, *f)
    left, right = _companion(e), _companion(f)
    unknown = [(i, j) for i in range(d) for j in range(d) if not same or i <= j]
    place = {ij: n for n, ij in enumerate(unknown)}
    if same:
        place |= {(j, i): n for (i, j), n in list(place.items())}
    system = sp.zeros(len(unknown), len(unknown))
    for row, (i, j) in enumerate(unknown):
        system[row, row] += 1
        for p in range(d):
            for q in range(d):
                system[row, place[p, q]] -= left[i, p] * right[j, q]
    source = sp.zeros(len(unknown), 1)
    source[place[0, 0]] = 1
    ring = sp.ZZ[symbols]
    matrix = DomainMatrix.from_Matrix(system).convert_to(ring)
    rhs = DomainMatrix.from_Matrix(source).convert_to(ring)
    solution, denominator = matrix.solve_den(rhs)
    column = [sp.Poly(ring.to_sympy(solution[n, 0].element), *symbols) for n in range(len(unknown))]
    bottom = sp.Poly(ring.to_sympy(denominator), *symbols)
    shared = bottom
    for numerator in column:
        shared = sp.gcd(shared, numerator)
    column = [sp.quo(c, shared) for c in column]
    return [[column[place[i, j]] for j in range(d)] for i in range(d)], sp.quo(bottom, shared), symbols


def _companion(invariants: tuple[sp.Symbol, ...]) -> sp.Matrix:
    """Multiplication by z in the basis 1, z, ..., modulo the characteristic polynomial."""
    d = len(invariants)
    return sp.Matrix(
        d, d,
        lambda i, j: int(i == j + 1) if j < d - 1 else (-1) ** (d - 1 - i) * invariants[d - 1 - i],
    )

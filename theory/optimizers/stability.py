"""Exact stability conditions of a characteristic polynomial with symbolic coefficients."""

from __future__ import annotations

import sympy as sp

__all__ = ["jury_conditions"]


def jury_conditions(polynomial: sp.Expr, z: sp.Symbol) -> tuple[sp.Expr, ...]:
    r"""Quantities that are all positive exactly when every root has modulus below one.

    The polynomial is factored over the rationals first. A factor :math:`z-p` needs
    :math:`1\pm p>0`; a factor :math:`z^2-tz+d` needs :math:`1\pm t+d>0` and :math:`1-d>0`; higher
    factors use the leading minors of the Schur-Cohn matrix
    :math:`LL^\top-UU^\top`, with :math:`L,U` the triangular Toeplitz matrices of the coefficients
    read forwards and backwards.

    References
    ----------
    E. I. Jury, Theory and Application of the z-Transform Method (1964), chapter 3.
    """
    conditions: list[sp.Expr] = []
    _, factors = sp.factor_list(polynomial, z)
    for factor, _multiplicity in factors:
        monic = sp.Poly(factor, z).monic()
        c = monic.all_coeffs()
        if monic.degree() == 0:
            continue
        if monic.degree() == 1:
            found = [1 + c[1], 1 - c[1]]
        elif monic.degree() == 2:
            found = [1 + c[1] + c[2], 1 - c[1] + c[2], 1 - c[2]]
        else:
            found = _schur_cohn_minors(c)
        conditions += [sp.factor(q) for q in found]
    kept: list[sp.Expr] = []
    for quantity in conditions:
        signed = _without_positive_factors(quantity)
        if signed not in kept and not signed.is_positive:
            kept.append(signed)
    return tuple(kept)


def _without_positive_factors(quantity: sp.Expr) -> sp.Expr:
    """Drop factors that are positive by assumption; they do not change the sign."""
    return sp.Mul(*(f for f in sp.Mul.make_args(quantity) if not f.is_positive))


def _schur_cohn_minors(c: list[sp.Expr]) -> list[sp.Expr]:
    """Leading principal minors of the Schur-Cohn matrix of a monic polynomial."""
    n = len(c) - 1
    lower = sp.Matrix(n, n, lambda i, j: c[i - j] if i >= j else 0)
    upper = sp.Matrix(n, n, lambda i, j: c[n - (i - j)] if i >= j else 0)
    matrix = (lower * lower.T - upper * upper.T).applyfunc(sp.expand)
    return [sp.factor(matrix[:k, :k].det(method="berkowitz")) for k in range(1, n + 1)]

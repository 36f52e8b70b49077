"""The Fejér kernel, spectrum of anything that lasts one epoch."""

from __future__ import annotations

import sympy as sp

from theory.sequences import LucasSequence

__all__ = ["fejer_kernel"]


def fejer_kernel(omega: sp.Expr, m: sp.Expr) -> sp.Expr:
    r""":math:`F_M(\omega)=\frac{\sin^2(M\omega/2)}{M\sin^2(\omega/2)}`, as :math:`U_M^2/M`.

    :math:`\sin(M\omega/2)/\sin(\omega/2)` is the Lucas sequence of trace :math:`2\cos(\omega/2)` and
    determinant 1, so the form has no singularity: :math:`F_M(0)=M`.
    """
    return LucasSequence(1, m, 2 * sp.cos(omega / 2), 1) ** 2 / m

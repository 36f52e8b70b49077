"""The Fejér kernel, spectrum of anything that lasts one epoch."""

from __future__ import annotations

import sympy as sp

__all__ = ["fejer_kernel"]


def fejer_kernel(omega: sp.Expr, m: sp.Expr) -> sp.Expr:
    r""":math:`F_M(\omega)=\frac{\sin^2(M\omega/2)}{M\sin^2(\omega/2)}`; :math:`F_M(0)=M`."""
    return sp.sin(m * omega / 2) ** 2 / (m * sp.sin(omega / 2) ** 2)

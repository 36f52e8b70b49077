r"""The sequences that stand for symbolic matrix powers, as SymPy functions.

A matrix with invariants :math:`e_1,\dots,e_d` (its characteristic polynomial is
:math:`z^d-e_1z^{d-1}+e_2z^{d-2}-\dots`) has, by Cayley and Hamilton,

.. math:: A^n = \sum_{k=0}^{d-1} (-1)^{d-1-k}\, u_k(n)\, A^k .

For d = 2, :math:`A^n = U_nA - W_nI` with :math:`U_n` the Lucas sequence of (trace, determinant) and
:math:`W_n = e_2U_{n-1}`, which stays regular at :math:`e_2=0` and :math:`n=0`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.function import ArgumentIndexError
from sympy.printing.printer import Printer

__all__ = ["LucasSequence", "power_coefficients"]


def power_coefficients(n: int, invariants: Sequence[Any]) -> tuple[Any, ...]:
    r"""All :math:`u_0(n),\dots,u_{d-1}(n)` at an integer, by repeated squaring.

    Powers of z are taken modulo the characteristic polynomial: O(d² log n) ring operations, in
    whatever number type the invariants have (SymPy, fractions, floats, balls).

    Raises
    ------
    ValueError
        If n is negative.
    """
    if n < 0:
        raise ValueError(f"n must be a non-negative integer; got {n}")
    d = len(invariants)
    # z**d = tail[0] + tail[1] z + ...
    tail = [invariants[d - 1 - i] * (1 if (d - 1 - i) % 2 == 0 else -1) for i in range(d)]
    zero = invariants[0] * 0
    power = [zero + 1] + [zero] * (d - 1)
    for bit in bin(n)[2:] if n else "":
        square = [zero] * (2 * d - 1)
        for i in range(d):
            for j in range(d):
                square[i + j] = square[i + j] + power[i] * power[j]
        if bit == "1":
            square = [zero, *square]
        for top in range(len(square) - 1, d - 1, -1):
            for i in range(d):
                square[top - d + i] = square[top - d + i] + square[top] * tail[i]
        power = square[:d]
    return tuple(p if (d - 1 - k) % 2 == 0 else -p for k, p in enumerate(power))


def _numbers(k: int, n: Any, invariants: Sequence[Any]) -> Any:
    """u_k(n) in numbers; n may be an array of whole numbers, one squaring chain per different one."""
    import numpy as np

    exponents = np.asarray(n)
    if exponents.ndim == 0:
        if int(n) != n:
            raise ValueError(f"LucasSequence in numbers needs a whole n; got {n}")
        return power_coefficients(int(n), invariants)[k]
    parts = np.broadcast_arrays(exponents, *invariants)
    out = np.empty(parts[0].shape, dtype=np.result_type(*parts[1:]))
    for value in np.unique(parts[0]):
        here = parts[0] == value
        out[here] = _numbers(k, value, [p[here] for p in parts[1:]])
    return out


class LucasSequence(sp.Function):  # type: ignore[misc]
    """``LucasSequence(k, n, e1, ..., ed)`` is :math:`u_k(n)`; see the module's docstring.

    Evaluates itself at integer n (expanded polynomials up to n = 32, numbers at any n), knows its
    derivative in the invariants, and prints as LaTeX and code.
    """

    is_commutative = True
    _EXPAND_UP_TO = 32

    @classmethod
    def eval(cls, k: sp.Expr, n: sp.Expr, *invariants: sp.Expr) -> sp.Expr | None:
        if not (k.is_Integer and invariants and 0 <= int(k) < len(invariants)):
            raise ValueError(f"k must be an integer in 0..{len(invariants) - 1}; got {k}")
        if len(invariants) == 1:
            return invariants[0] ** n
        if invariants == (2, 1):  # both poles at one: U_n = n, W_n = n - 1
            return n if k == 1 else n - 1
        if not n.is_Integer:
            return None
        if int(n) < 0:
            raise ValueError(f"LucasSequence is defined for n >= 0; got {n}")
        if int(n) <= cls._EXPAND_UP_TO or all(e.is_Rational for e in invariants):
            return sp.expand(power_coefficients(int(n), invariants)[int(k)])
        return None

    @property
    def order(self) -> int:
        return len(self.args) - 2

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(a.is_real for a in self.args) else None

    def _eval_evalf(self, prec: int) -> sp.Expr | None:
        k, n, *invariants = self.args
        if not n.is_Integer:
            return None
        guard = 2 * int(n).bit_length() + 20
        values = [e._evalf(prec + guard) for e in invariants]
        if not all(v.is_Float or v.is_Rational for v in values):
            return None
        return power_coefficients(int(n), values)[int(k)]._evalf(prec)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        r"""Derivative in an invariant, closed under the same family.

        The fundamental sequence :math:`F=u_{d-1}` has generating function
        :math:`q^{d-1}/\tilde\chi(q)`, so :math:`\partial F_n/\partial e_i=(-1)^{i-1}`
        times the fundamental sequence of :math:`\chi^2` at :math:`n+d-i`: regular where poles meet.

        Raises
        ------
        ArgumentIndexError
            For k and n, which are discrete: ``sp.diff`` then returns an unevaluated ``Derivative``.
        """
        if argindex <= 2:
            raise ArgumentIndexError(self, argindex)
        k, n, *e = self.args
        d, i = len(e), argindex - 2
        signed = [sp.Integer(1), *((-1) ** m * e[m - 1] for m in range(1, d + 1))]
        squared = [
            sum((signed[a] * signed[m - a] for a in range(max(0, m - d), min(d, m) + 1)), sp.S.Zero)
            for m in range(1, 2 * d + 1)
        ]
        doubled = [(-1) ** m * sp.expand(c) for m, c in enumerate(squared, start=1)]

        def slope(shift: int) -> sp.Expr:
            return (-1) ** (i - 1) * LucasSequence(2 * d - 1, n + shift + d - i, *doubled)

        # u_k = (-1)^(d-1-k) sum_m (-1)^m e_m F_{n+d-1-k-m}
        top = d - 1 - int(k)
        total = sp.S.Zero
        for m in range(top + 1):
            total += signed[m] * slope(top - m)
            if m == i:
                total += (-1) ** m * LucasSequence(d - 1, n + top - m, *e)
        return (-1) ** top * total

    def _letter(self) -> str:
        prime = "'" if any(str(s).endswith("second_curvature") for s in self.free_symbols) else ""
        if self.order == 2:
            return ("W", "U")[int(self.args[0])] + prime
        if self.order > 3 and int(self.args[0]) == self.order - 1:
            return f"F{prime}"
        return f"u{prime}^{{({int(self.args[0])})}}"

    def _latex(self, printer: Printer, exp: str | None = None) -> str:
        shift, variable = self.args[1].as_coeff_Add()
        index = printer.doprint(variable) + (f"{int(shift):+d}" if shift else "")
        letter = self._letter()
        body = f"{letter}_{{{index}}}"
        if exp is None:
            return body
        return f"{{{body}}}^{{{exp}}}" if self.order == 2 else rf"\left({body}\right)^{{{exp}}}"

    def _sympystr(self, printer: Printer) -> str:
        return f"LucasSequence({', '.join(printer.doprint(a) for a in self.args)})"

    @staticmethod
    def _imp_(k: Any, n: Any, *invariants: Any) -> Any:
        """Numbers for ``sp.lambdify``, which finds this attribute under the class's name."""
        return _numbers(int(k), n, invariants)

    def _call(self, printer: Printer, name: str) -> str:
        return f"{name}({', '.join(printer.doprint(a) for a in self.args)})"

    def _pythoncode(self, printer: Printer) -> str:
        inside_lambdify = "LucasSequence" in (printer._settings.get("user_functions") or {})
        return self._call(printer, "LucasSequence" if inside_lambdify else "lucas_sequence")

    _numpycode = _scipycode = _mpmathcode = _lambdacode = _pythoncode

    def _ccode(self, printer: Printer) -> str:
        return self._call(printer, f"lucas_sequence_{self.order}")

    def _mcode(self, printer: Printer) -> str:
        return f"LucasSequence[{', '.join(printer.doprint(a) for a in self.args)}]"

    def _maxima(self, printer: Printer) -> str:
        return self._call(printer, f"lucas_sequence_{self.order}")

"""Maxima: definitions that run as they stand."""

from __future__ import annotations

import sympy as sp
from sympy.printing.str import StrPrinter

from theory.export.assignments import accuracy_note, assignments, identifier
from theory.export.record import condition_text
from theory.formula import Formula
from theory.units import unit_text

__all__ = ["to_maxima"]

_LUCAS = """\
/* u_k(n) of A^n = sum((-1)^(d-1-k)*u_k(n)*A^k, k, 0, d-1); e lists the invariants of A */
lucas_sequence(k, n, [e]) := block([d: length(e), companion],
  companion: genmatrix(lambda([i, j],
    if j = d then (-1)^(d - i)*e[d + 1 - i] elseif i = j + 1 then 1 else 0), d, d),
  (-1)^(d - 1 - k)*(if n = 0 then ident(d) else companion^^n)[k + 1, 1])$
"""


class _Printer(StrPrinter):  # type: ignore[misc]
    """SymPy has no printer for Maxima; the syntax differs from Python's in constants only."""

    printmethod = "_pythoncode"

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        return str(super()._print_Pow(expr, rational)).replace("**", "^")

    def _print_Mul(self, expr: sp.Mul) -> str:
        return str(super()._print_Mul(expr)).replace("**", "^")

    def _print_Pi(self, expr: sp.Expr) -> str:
        return "%pi"


def to_maxima(formula: Formula) -> str:
    """Maxima source: one function of the parameters, by position, in their listed order."""
    form = assignments(formula)
    printer = _Printer()
    lines = [f"/* {formula.title} */", f"/* valid if {condition_text(formula)} */",
             f"/* unit {unit_text(formula.unit)}; source: {formula.source} */",
             *(f"/* {line} */" for line in accuracy_note(formula))]
    if form.sequences:
        lines.append(_LUCAS)
    arguments = ", ".join(s.name for s in form.parameters)
    steps = (*form.sequences, *form.where)
    local = ", ".join(name.name for name, _ in steps)
    lines.append(f"{identifier(formula.slug)}({arguments}) := block([{local}],")
    lines += [f"  {name.name}: {printer.doprint(value)}," for name, value in steps]
    lines.append(f"  {printer.doprint(form.result)})$")
    return "\n".join(lines) + "\n"

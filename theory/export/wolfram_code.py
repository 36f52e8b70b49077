"""Wolfram Language (Mathematica): definitions that run as they stand."""

from __future__ import annotations

import sympy as sp
from sympy.printing.mathematica import MCodePrinter

from theory.export.assignments import Assignments, accuracy_note, assignments, identifier
from theory.export.record import condition_text
from theory.formula import Formula
from theory.units import unit_text

__all__ = ["to_wolfram"]

_LUCAS = """\
(* u_k(n) of A^n = Sum[(-1)^(d-1-k) u_k(n) A^k, {k, 0, d-1}]; e are the invariants of A *)
LucasSequence[k_Integer, n_Integer, e__] := Module[{d = Length[{e}], companion},
  companion = Table[
    If[j == d, (-1)^(d - i) {e}[[d + 1 - i]], If[i == j + 1, 1, 0]], {i, d}, {j, d}];
  (-1)^(d - 1 - k) If[n == 0, IdentityMatrix[d], MatrixPower[companion, n]][[k + 1, 1]]]
"""


class _Printer(MCodePrinter):  # type: ignore[misc]
    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return _camel(expr.name)


def to_wolfram(formula: Formula) -> str:
    """Wolfram Language source; parameters in camel case, because ``_`` means a pattern there."""
    form = assignments(formula)
    printer = _Printer()
    lines = [f"(* {formula.title} *)", f"(* valid if {condition_text(formula)} *)",
             f"(* unit {unit_text(formula.unit)}; source: {formula.source} *)",
             *(f"(* {line} *)" for line in accuracy_note(formula))]
    if form.sequences:
        lines.append(_LUCAS)
    return "\n".join(lines) + "\n" + _definition(formula, form, printer)


def _definition(formula: Formula, form: Assignments, printer: _Printer) -> str:
    arguments = ", ".join(f"{_camel(s.name)}_" for s in form.parameters)
    steps = (*form.sequences, *form.where)
    result = printer.doprint(form.result)
    if not steps:
        return f"{_camel(identifier(formula.slug))}[{arguments}] := {result}\n"
    local = ", ".join(_camel(name.name) for name, _ in steps)
    body = [f"  {_camel(name.name)} = {printer.doprint(value)};" for name, value in steps]
    return "\n".join([
        f"{_camel(identifier(formula.slug))}[{arguments}] := Module[{{{local}}},",
        *body, f"  {result}]\n",
    ])


def _camel(name: str) -> str:
    """learning_rate -> learningRate, q_12 -> q12."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)

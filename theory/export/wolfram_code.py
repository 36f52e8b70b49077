"""Wolfram Language (Mathematica): definitions that run as they stand."""

from __future__ import annotations

from typing import Any, ClassVar

import sympy as sp
from sympy.printing.mathematica import MCodePrinter

from theory.export.assignments import Assignments, accuracy_note, assignments, identifier
from theory.export.population_code import nested_limits
from theory.export.record import condition_text
from theory.formula import Formula
from theory.population import MarkedProduct
from theory.units import unit_text

__all__ = ["to_wolfram"]

_LUCAS = """\
(* u_k(n) of A^n = Sum[(-1)^(d-1-k) u_k(n) A^k, {k, 0, d-1}]; e are the invariants of A *)
LucasSequence[k_Integer, n_Integer, e__] := Module[{d = Length[{e}], companion},
  companion = Table[
    If[j == d, (-1)^(d - i) {e}[[d + 1 - i]], If[i == j + 1, 1, 0]], {i, d}, {j, d}];
  (-1)^(d - 1 - k) If[n == 0, IdentityMatrix[d], MatrixPower[companion, n]][[k + 1, 1]]]
"""


_POPULATION = """\
(* sum over different samples, one per weight, of the weights times the factors of all other samples *)
MarkedProduct[samples_List, factor_, weights___] := Module[{w = {weights}, k, sums, s, i, sample},
  k = Length[w]; sums = UnitVector[2^k, 1];
  Do[sums = Table[Expand[sums[[s + 1]] factor @@ sample + Sum[
      If[BitGet[s, i - 1] == 1, sums[[s - 2^(i - 1) + 1]] w[[i]] @@ sample, 0], {i, k}]],
    {s, 0, 2^k - 1}], {sample, samples}];
  Last[sums]]
"""


class _Printer(MCodePrinter):  # type: ignore[misc]
    _default_settings: ClassVar[dict[str, Any]] = {**MCodePrinter._default_settings, "per_sample": ()}

    def _print_MarkedProduct(self, expr: MarkedProduct) -> str:
        names = ", ".join(_camel(s.name) for s in self._settings["per_sample"])
        parts = (f"Function[{{{names}}}, {self.doprint(part)}]" for part in expr.args)
        return f"MarkedProduct[samples, {', '.join(parts)}]"

    def _print_Integral(self, expr: sp.Integral) -> str:
        text: str = self.doprint(expr.function)
        for variable, low, high in reversed(nested_limits(expr)):
            name = _camel(variable.name)
            text = f"Integrate[Expand[{text}], {{{name}, {self.doprint(low)}, {self.doprint(high)}}}]"
        return text

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return _camel(expr.name)


def to_wolfram(formula: Formula) -> str:
    """Wolfram Language source; parameters in camel case, because ``_`` means a pattern there."""
    form = assignments(formula)
    printer = _Printer({"per_sample": form.per_sample})
    lines = [f"(* {formula.title} *)", f"(* valid if {condition_text(formula)} *)",
             f"(* unit {unit_text(formula.unit)}; source: {formula.source} *)",
             *(f"(* {line} *)" for line in accuracy_note(formula))]
    if form.sequences:
        lines.append(_LUCAS)
    if form.per_sample:
        lines.append(_POPULATION)
    return "\n".join(lines) + "\n" + _definition(formula, form, printer)


def _definition(formula: Formula, form: Assignments, printer: _Printer) -> str:
    lists = [f"each_{s}" for s in form.per_sample]  # the names themselves stand for one sample's number
    numbers = [s.name for s in form.parameters if s not in form.per_sample]
    arguments = ", ".join(f"{_camel(name)}_" for name in (*numbers, *lists))
    steps = (*form.sequences, *form.where)
    result = printer.doprint(form.result)
    if not steps and not form.per_sample:
        return f"{_camel(identifier(formula.slug))}[{arguments}] := {result}\n"
    names = [_camel(name.name) for name, _ in steps]
    if form.per_sample:
        times = sorted({v.name for e in form.expressions for i in e.atoms(sp.Integral) for v in i.variables})
        names = ["samples", *times, *names]
    local = ", ".join(names)
    body = [f"  {_camel(name.name)} = {printer.doprint(value)};" for name, value in steps]
    if form.per_sample:
        rows = ", ".join(_camel(name) for name in lists)
        body.insert(0, f"  samples = Transpose[{{{rows}}}];")
    return "\n".join([
        f"{_camel(identifier(formula.slug))}[{arguments}] := Module[{{{local}}},",
        *body, f"  {result}]\n",
    ])


def _camel(name: str) -> str:
    """learning_rate -> learningRate, q_12 -> q12."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)

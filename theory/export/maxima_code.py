"""Maxima: definitions that run as they stand."""

from __future__ import annotations

from typing import Any, ClassVar

import sympy as sp
from sympy.printing.str import StrPrinter

from theory.export.assignments import accuracy_note, assignments, identifier
from theory.export.population_code import nested_limits
from theory.export.record import condition_text
from theory.formula import Formula
from theory.population import MarkedProduct
from theory.units import unit_text

__all__ = ["to_maxima"]

_LUCAS = """\
/* u_k(n) of A^n = sum((-1)^(d-1-k)*u_k(n)*A^k, k, 0, d-1); e lists the invariants of A */
lucas_sequence(k, n, [e]) := block([d: length(e), companion],
  companion: genmatrix(lambda([i, j],
    if j = d then (-1)^(d - i)*e[d + 1 - i] elseif i = j + 1 then 1 else 0), d, d),
  (-1)^(d - 1 - k)*(if n = 0 then ident(d) else companion^^n)[k + 1, 1])$
"""


_POPULATION = """\
/* sum over different samples, one per weight, of the weights times the factors of all other samples */
marked_product(samples, factor, [weights]) := block([k: length(weights), sums, old, f, w, set_, mark_],
  sums: makelist(if set_ = 0 then 1 else 0, set_, 0, 2^k - 1),
  for sample in samples do (
    old: sums, f: apply(factor, sample), w: map(lambda([each], apply(each, sample)), weights),
    sums: makelist(expand(old[set_ + 1]*f + sum(
      if oddp(floor(set_/2^mark_)) then old[set_ - 2^mark_ + 1]*w[mark_ + 1] else 0,
      mark_, 0, k - 1)), set_, 0, 2^k - 1)),
  last(sums))$
"""


class _Printer(StrPrinter):  # type: ignore[misc]
    """SymPy has no printer for Maxima; the syntax differs from Python's in constants only."""

    printmethod = "_pythoncode"
    _default_settings: ClassVar[dict[str, Any]] = {**StrPrinter._default_settings, "per_sample": ()}

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        return str(super()._print_Pow(expr, rational)).replace("**", "^")

    def _print_Mul(self, expr: sp.Mul) -> str:
        return str(super()._print_Mul(expr)).replace("**", "^")

    def _print_Pi(self, expr: sp.Expr) -> str:
        return "%pi"

    def _print_MarkedProduct(self, expr: MarkedProduct) -> str:
        names = ", ".join(s.name for s in self._settings["per_sample"])
        parts = (f"lambda([{names}], {self.doprint(part)})" for part in expr.args)
        return f"marked_product(samples, {', '.join(parts)})"

    def _print_Integral(self, expr: sp.Integral) -> str:
        text: str = self.doprint(expr.function)
        for variable, low, high in reversed(nested_limits(expr)):
            text = f"integrate(expand({text}), {variable}, {self.doprint(low)}, {self.doprint(high)})"
        return text


def to_maxima(formula: Formula) -> str:
    """Maxima source: one function of the parameters, by position, in their listed order.

    Over a population, those of the samples are lists; numbers may be symbols, which gives the polynomial.
    """
    form = assignments(formula)
    printer = _Printer({"per_sample": form.per_sample})
    lines = [f"/* {formula.title} */", f"/* valid if {condition_text(formula)} */",
             f"/* unit {unit_text(formula.unit)}; source: {formula.source} */",
             *(f"/* {line} */" for line in accuracy_note(formula))]
    if form.sequences:
        lines.append(_LUCAS)
    arguments = ", ".join(s.name for s in form.parameters)
    steps = (*form.sequences, *form.where)
    local = ", ".join(name.name for name, _ in steps)
    if form.per_sample:
        lines.append(_POPULATION)
        samples = f"samples: map(lambda([[each]], each), {', '.join(s.name for s in form.per_sample)})"
        local = ", ".join([samples, *(name.name for name, _ in steps)])
    lines.append(f"{identifier(formula.slug)}({arguments}) := block([{local}],")
    lines += [f"  {name.name}: {printer.doprint(value)}," for name, value in steps]
    lines.append(f"  {printer.doprint(form.result)})$")
    return "\n".join(lines) + "\n"

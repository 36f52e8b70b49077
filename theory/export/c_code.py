"""C99: one self-contained function, in double or any wider real type."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp
from sympy.printing.c import C99CodePrinter

from theory.export.assignments import Assignments, accuracy_note, assignments, identifier
from theory.export.population_c import GAUSS, population_block
from theory.export.population_code import count_text, degree_per_sample
from theory.export.record import condition_text
from theory.formula import Formula
from theory.population import MarkedProduct
from theory.units import unit_text

__all__ = ["to_c"]

_REAL = """\
#include <tgmath.h>

#ifndef REAL
#define REAL double /* or: cc -DREAL='long double' */
#endif
"""
_LUCAS = """\
#ifndef LUCAS_SEQUENCE
#define LUCAS_SEQUENCE
/* u_k(n) of A^n = sum_k (-1)^(d-1-k) u_k(n) A^k, by repeated squaring; e: the d invariants of A */
static REAL lucas_sequence(int k, REAL n, int d, const REAL *e)
{
    REAL power[d], square[2 * d];
    long bits = (long)n, top = 1;
    int i, j;

    if (n < 0 || n != bits)
        return NAN; /* no value there: give whole numbers in the formula's range */
    for (i = 0; i < d; i++)
        power[i] = i == 0;
    while (top <= bits / 2)
        top *= 2;
    for (; top > 0 && bits > 0; top /= 2) {
        const int shift = bits / top % 2;
        for (i = 0; i < 2 * d; i++)
            square[i] = 0;
        for (i = 0; i < d; i++)
            for (j = 0; j < d; j++)
                square[i + j + shift] += power[i] * power[j];
        for (j = 2 * d - 1; j >= d; j--)
            for (i = 1; i <= d; i++)
                square[j - i] += (i % 2 ? 1 : -1) * square[j] * e[i - 1];
        for (i = 0; i < d; i++)
            power[i] = square[i];
    }
    return (d - 1 - k) % 2 ? -power[k] : power[k];
}
#endif
"""


class _Printer(C99CodePrinter):  # type: ignore[misc]
    """Every constant in the type of the arguments; the functions of <tgmath.h> follow it."""

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"(REAL){expr.p}/{expr.q}"

    def _print_Integer(self, expr: sp.Integer) -> str:
        return str(int(expr)) if abs(int(expr)) < 2**31 else f"((REAL){int(expr)}.0L)"

    def _print_Pi(self, expr: sp.Expr) -> str:
        return "((REAL)3.14159265358979323846264338327950288L)"

    def _print_LucasSequence(self, expr: sp.Expr) -> str:
        k, n, *invariants = (self.doprint(a) for a in expr.args)
        return f"lucas_sequence({k}, {n}, {len(invariants)}, (const REAL[]){{{', '.join(invariants)}}})"


_Printer.printmethod = ""  # sequences have a C name per order; here one function serves all


def to_c(formula: Formula) -> str:
    """C99 source of one function of the parameters, by position, in their listed order.

    Compiles with ``cc -std=c99 -Wall -Werror -c`` and links with ``-lm``; ``-DREAL='long double'``
    computes in a wider type. Several exports may stand in one file. Whole numbers are passed as REAL
    too. The sequences take O(log M) steps; in flat directions the closed form cancels, as the comment
    says, where :func:`theory.evaluate.evaluate` does not. A formula over a population takes its size and one
    array for each parameter of the samples after the numbers.
    """
    form = assignments(formula)
    printer = _Printer()
    whole = ", ".join(s.name for s in form.parameters if s.is_integer)
    notes = [
        formula.title, f"valid if {condition_text(formula)}",
        f"unit {unit_text(formula.unit)}; source: {formula.source}",
        *([f"whole numbers: {whole}"] if whole else []), *accuracy_note(formula),
    ]
    comment = "/* " + "\n   ".join(line.replace("*/", "* /") for line in notes) + " */"
    head = [comment, _REAL, *([_LUCAS] if form.sequences else []), *([GAUSS] if form.per_sample else [])]
    used = set().union(*(e.free_symbols for e in form.expressions))
    body = [f"    (void){printer.doprint(s)};" for s in form.parameters if s not in used]
    form, blocks = _without_population(form, printer)
    body += blocks
    body += [
        f"    const REAL {printer.doprint(name)} = {printer.doprint(value)};"
        for name, value in (*form.sequences, *form.where)
    ]
    return "\n".join([
        *head, f"REAL {identifier(formula.slug)}({_arguments(form, printer)})", "{", *body,
        f"    return {printer.doprint(form.result)};", "}\n",
    ])


def _arguments(form: Assignments, printer: _Printer) -> str:
    """Numbers first; then, over a population, its size and one array for each parameter of the samples."""
    parts = [f"REAL {printer.doprint(s)}" for s in form.parameters if s not in form.per_sample]
    if form.per_sample:
        parts += ["size_t population", *(f"const REAL *each_{s}" for s in form.per_sample)]
    return ", ".join(parts) or "void"


def _without_population(form: Assignments, printer: _Printer) -> tuple[Assignments, list[str]]:
    """Loops that compute every product and integral, and the assignments through their names."""
    if not form.per_sample:
        return form, []
    slope, rest = degree_per_sample(form.expressions)
    lines = [
        f"    const size_t nodes = ({count_text(slope, 'population', rest)})/2 + 1;",
        "    REAL node[nodes], weight[nodes];", "    gauss_rule(nodes, node, weight);",
    ]
    found: dict[sp.Expr, sp.Symbol] = {}
    for expression in form.expressions:
        integrals = expression.atoms(sp.Integral)
        alone = expression.xreplace(dict.fromkeys(integrals, sp.S.Zero)).atoms(MarkedProduct)
        for node in sorted(integrals | alone, key=str):
            if node not in found:
                found[node] = sp.Symbol(f"over_population_{len(found) + 1}")
                lines += population_block(found[node].name, node, printer.doprint, form.per_sample)
    where = tuple((name, value.xreplace(found)) for name, value in form.where)
    return replace(form, where=where, result=form.result.xreplace(found)), lines

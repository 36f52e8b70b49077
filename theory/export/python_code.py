"""Python: a self-contained function for any number type."""

from __future__ import annotations

from textwrap import indent

import sympy as sp
from sympy.printing.str import StrPrinter

from theory.export.assignments import Assignments, accuracy_note, assignments, identifier
from theory.export.record import condition_text
from theory.formula import Formula
from theory.units import unit_text

__all__ = ["to_python"]

_LUCAS = '''
def lucas_sequence(k, n, *invariants):
    """u_k(n) of A**n = sum_k (-1)**(d-1-k) u_k(n) A**k, by repeated squaring.

    ``invariants`` are e_1 ... e_d of the characteristic polynomial z**d - e_1 z**(d-1) + ...
    """
    if n < 0 or n != int(n):
        raise ValueError(f"a sequence has no value at n = {n}: give whole numbers in the formula's range")
    n, d = int(n), len(invariants)
    tail = [(-1) ** (d - 1 - i) * invariants[d - 1 - i] for i in range(d)]
    power = [1] + [0] * (d - 1)
    for bit in bin(n)[2:] if n else "":
        square = [0] * (2 * d - 1)
        for i in range(d):
            for j in range(d):
                square[i + j] = square[i + j] + power[i] * power[j]
        if bit == "1":
            square = [0] + square
        for top in range(len(square) - 1, d - 1, -1):
            for i in range(d):
                square[top - d + i] = square[top - d + i] + square[top] * tail[i]
        power = square[:d]
    return (-1) ** (d - 1 - k) * power[k]
'''


class _Printer(StrPrinter):  # type: ignore[misc]
    """Fractions of whole numbers in the number type of the arguments."""

    printmethod = "_pythoncode"

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"({expr.p}*one/{expr.q})"

    def _print_Pi(self, expr: sp.Expr) -> str:
        return "pi"


def to_python(formula: Formula) -> str:
    """Python source of one function, with the formula's condition, unit and source.

    It runs on whatever number type it is given: exactly on ``fractions.Fraction`` where the formula
    is rational, to any precision on ``mpmath.mpf``. On floats it loses digits where the closed form
    cancels, in flat directions above all: :func:`theory.evaluate.evaluate` does not.
    """
    form = assignments(formula)
    functions = sorted({
        type(f).__name__ for e in form.expressions for f in e.atoms(sp.Function)
        if type(f).__module__.startswith("sympy")
    })
    if any(not p.exp.is_Integer for e in form.expressions for p in e.atoms(sp.Pow) if p.exp.is_Rational):
        functions.append("sqrt")
    if any(e.has(sp.pi) for e in form.expressions):
        functions.append("pi")
    head = ""
    if functions:
        head = f"from mpmath import {', '.join(['mpmathify', *functions])}\n\n"
    if form.sequences:
        head += f"{_LUCAS}\n\n"
    return f"{head.lstrip()}{_function(formula, form, transcendental=bool(functions))}"


def _function(formula: Formula, form: Assignments, *, transcendental: bool) -> str:
    names = [s.name for s in form.parameters]
    doc = [
        f'"""{formula.title}', "", f"Valid if {condition_text(formula)}.",
        f"Unit: {unit_text(formula.unit)}. Source: {formula.source}.",
        *accuracy_note(formula), '"""',
    ]
    body = [line.replace("\\", "\\\\") for line in doc]
    if transcendental:
        body += [f"{n} = mpmathify({n})" for n in names]
    whole = [s.name for s in form.parameters if s.is_integer]
    others = [s.name for s in form.parameters if not s.is_integer]
    fractions = any(
        not r.is_Integer for e in form.expressions for r in e.atoms(sp.Rational)
    )
    if whole or fractions:
        body.append(f"one = 1 + 0*({' + '.join(others or whole)})  # in the type of the arguments")
    sequences = [f"{name} = {_Printer().doprint(value)}" for name, value in form.sequences]
    body += sequences  # before whole numbers become fractions
    body += [f"{n} = {n}*one" for n in whole]
    body += [f"{name} = {_Printer().doprint(value)}" for name, value in form.where]
    body.append(f"return {_Printer().doprint(form.result)}")
    arguments = "*, " + ", ".join(names) if names else ""
    return f"def {identifier(formula.slug)}({arguments}):\n" + indent("\n".join(body), "    ") + "\n"

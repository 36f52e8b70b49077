"""Python: a self-contained function for any number type."""

from __future__ import annotations

from textwrap import indent
from typing import Any, ClassVar

import sympy as sp
from sympy.printing.str import StrPrinter

from theory.export.assignments import Assignments, accuracy_note, assignments, identifier
from theory.export.population_code import count_text, degree_per_sample, nested_limits
from theory.export.record import condition_text
from theory.formula import Formula
from theory.population import MarkedProduct
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


_POPULATION = '''
def exact_rule(degree, one):
    """Nodes and weights on [0, 1], exact for polynomials of this degree, in the type of ``one``.

    Equidistant nodes for whole numbers and fractions, those of Gauss and Legendre otherwise.
    """
    if isinstance(one, (int, Fraction)):
        rule = []
        for i in range(degree + 1):
            basis, scale = [Fraction(1)], Fraction(1)
            for j in range(degree + 1):
                if j != i:
                    basis = [a - j * b for a, b in zip([0, *basis], [*basis, 0])]
                    scale = scale * (i - j)
            weight = sum(c * Fraction(max(degree, 1)) ** k / (k + 1) for k, c in enumerate(basis)) / scale
            rule.append((Fraction(i, max(degree, 1)), weight))
        return rule
    count, rule = degree // 2 + 1, []
    for i in range(count):
        x, last = cos(pi * (i + 0.75) / (count + 0.5)) * one, None
        while True:  # Newton, until the steps stop shrinking
            below, value = one, x
            for k in range(2, count + 1):
                below, value = value, ((2 * k - 1) * x * value - (k - 1) * below) / k
            slope = count * (below - x * value) / (1 - x * x)
            step = value / slope
            if step == 0 or (last is not None and 2 * abs(step) >= last):
                break
            x, last = x - step, abs(step)
        rule.append(((1 + x) / 2, 1 / ((1 - x * x) * slope * slope)))
    return rule


def integral(function, low, high, rule):
    """Of a polynomial, by a rule that is exact for its degree."""
    return (high - low) * sum(w * function(low + (high - low) * x) for x, w in rule)


def marked_product(samples, factor, *weights):
    """Sum over different samples, one per weight, of the weights times the factors of all other samples."""
    sums = [1] + [0] * (2 ** len(weights) - 1)
    for sample in samples:
        f, marks = factor(*sample), [weight(*sample) for weight in weights]
        sums = [
            total * f + sum(sums[used ^ (1 << r)] * w for r, w in enumerate(marks) if used >> r & 1)
            for used, total in enumerate(sums)
        ]
    return sums[-1]
'''


class _Printer(StrPrinter):  # type: ignore[misc]
    """Fractions of whole numbers in the number type of the arguments."""

    printmethod = "_pythoncode"
    _default_settings: ClassVar[dict[str, Any]] = {**StrPrinter._default_settings, "per_sample": ()}

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"({expr.p}*one/{expr.q})"

    def _print_Pi(self, expr: sp.Expr) -> str:
        return "pi"

    def _print_MarkedProduct(self, expr: MarkedProduct) -> str:
        names = ", ".join(s.name for s in self._settings["per_sample"])
        parts = (f"lambda {names}: {self.doprint(part)}" for part in expr.args)
        return f"marked_product(samples, {', '.join(parts)})"

    def _print_Integral(self, expr: sp.Integral) -> str:
        text: str = self.doprint(expr.function)
        for variable, low, high in reversed(nested_limits(expr)):
            text = f"integral(lambda {variable}: {text}, {self.doprint(low)}, {self.doprint(high)}, rule)"
        return text


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
    if form.per_sample:
        head = f"from fractions import Fraction\nfrom math import cos, pi\n\n{_POPULATION}\n\n"
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
    others = [s.name for s in form.parameters if not s.is_integer and s not in form.per_sample]
    fractions = any(
        not r.is_Integer for e in form.expressions for r in e.atoms(sp.Rational)
    )
    if whole or fractions:
        body.append(f"one = 1 + 0*({' + '.join(others or whole)})  # in the type of the arguments")
    printer = _Printer({"per_sample": form.per_sample})
    if form.per_sample:
        listed = ", ".join(s.name for s in form.per_sample)
        numbers = others + [f"sum({s.name})" for s in form.per_sample]
        slope, rest = degree_per_sample(form.expressions)
        body += [
            f"samples = list(zip({listed}, strict=True))",
            f"one = 1 + 0*({' + '.join(numbers)})  # in the type of the arguments",
            f"rule = exact_rule({count_text(slope, 'len(samples)', rest)}, one)",
        ]
    sequences = [f"{name} = {_Printer().doprint(value)}" for name, value in form.sequences]
    body += sequences  # before whole numbers become fractions
    body += [f"{n} = {n}*one" for n in whole]
    body += [f"{name} = {printer.doprint(value)}" for name, value in form.where]
    body.append(f"return {printer.doprint(form.result)}")
    arguments = "*, " + ", ".join(names) if names else ""
    return f"def {identifier(formula.slug)}({arguments}):\n" + indent("\n".join(body), "    ") + "\n"

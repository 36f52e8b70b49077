"""Units of an expression as linear forms in the units of its symbols, known or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp
from sympy.core.relational import Relational

from theory.symbols import PARAMETERS

__all__ = ["DECLARED_UNITS", "Homogeneity", "Unit", "homogeneity"]

Unit = tuple[Fraction, Fraction]
#: exponents by symbol: {x: 2, y: -1} is the unit of x**2 / y
Form = Mapping[sp.Symbol, Fraction]

_NONE: Unit = (Fraction(0), Fraction(0))
DECLARED_UNITS: Mapping[sp.Symbol, Unit] = {
    p.symbol: (Fraction(p.unit[0]), Fraction(p.unit[1])) for p in PARAMETERS.values()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Homogeneity:
    """What the units of the symbols must fulfil.

    Attributes
    ----------
    total
        The unit of the whole expression.
    balanced
        Forms that must be dimensionless: differences of summands, arguments of functions,
        exponents.
    """

    total: Form
    balanced: tuple[Form, ...]

    def unit(self, units: Mapping[sp.Symbol, Unit]) -> Unit | None:
        """Exponents of (loss, parameter), or None if the expression is not homogeneous."""
        if any(_value(form, units) != _NONE for form in self.balanced):
            return None
        return _value(self.total, units)


def homogeneity(expression: sp.Basic) -> Homogeneity:
    """Walk the expression once; constants and summation indices are dimensionless."""
    found = _Walk()
    total = found.of(expression)
    return Homogeneity(total=total, balanced=tuple(found.balanced.values()))


def _value(form: Form, units: Mapping[sp.Symbol, Unit]) -> Unit:
    loss = sum((power * units.get(s, _NONE)[0] for s, power in form.items()), Fraction(0))
    parameter = sum((power * units.get(s, _NONE)[1] for s, power in form.items()), Fraction(0))
    return loss, parameter


def _combined(parts: Iterable[tuple[Form, Fraction]]) -> Form:
    out: dict[sp.Symbol, Fraction] = {}
    for form, scale in parts:
        for s, power in form.items():
            out[s] = out.get(s, Fraction(0)) + scale * power
    return {s: power for s, power in out.items() if power}


class _Walk:
    """One walk; every shared part is visited once."""

    def __init__(self) -> None:
        self.balanced: dict[frozenset[tuple[sp.Symbol, Fraction]], Form] = {}
        self._known: dict[sp.Basic, Form] = {}

    def of(self, node: sp.Basic) -> Form:
        if node not in self._known:
            self._known[node] = self._form(node)
        return self._known[node]

    def _form(self, node: sp.Basic) -> Form:
        if node.is_Symbol:
            return {node: Fraction(1)}
        if isinstance(node, (sp.Add, sp.Max, sp.Min, Relational)):
            return self._same(node.args)
        if isinstance(node, sp.Mul):
            return _combined((self.of(a), Fraction(1)) for a in node.args)
        if isinstance(node, sp.Pow) and node.exp.is_Rational:
            power = Fraction(int(node.exp.p), int(node.exp.q))
            return _combined([(self.of(node.base), power)])
        if isinstance(node, sp.Sum):
            return self._sum(node)
        if isinstance(node, sp.Abs):
            return self.of(node.args[0])
        if isinstance(node, sp.Piecewise):
            for _, condition in node.args:
                self.of(condition)
            return self._same([value for value, _ in node.args])
        for argument in node.args:  # functions, sequences, symbolic powers
            self._require_none(self.of(argument))
        return {}

    def _sum(self, node: sp.Sum) -> Form:
        """Indices are dimensionless inside; no other part of the expression knows them."""
        indices = {limit[0] for limit in node.limits}
        for _, *bounds in node.limits:
            for bound in bounds:
                self._require_none(self.of(bound))
        inside = _Walk()
        total = inside.of(node.function)
        for form in inside.balanced.values():
            self._require_none({s: p for s, p in form.items() if s not in indices})
        return {s: p for s, p in total.items() if s not in indices}

    def _same(self, parts: Iterable[sp.Basic]) -> Form:
        forms = [self.of(part) for part in parts]
        for form in forms[1:]:
            if form != forms[0]:
                self._require_none(_combined([(form, Fraction(1)), (forms[0], Fraction(-1))]))
        return forms[0] if forms else {}

    def _require_none(self, form: Form) -> None:
        if form:
            self.balanced[frozenset(form.items())] = form

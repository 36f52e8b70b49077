"""Dimensional analysis: the unit of an expression, or where it is not homogeneous."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy as sp

from theory.errors import TheoryError
from theory.formula import Formula
from theory.population import MarkedProduct
from theory.symbols import PARAMETERS

__all__ = ["formula_unit", "unit_of", "unit_text"]

Unit = tuple[Fraction, Fraction]
_NONE: Unit = (Fraction(0), Fraction(0))


def formula_unit(formula: Formula) -> Unit:
    """Exponents of (loss, parameter), through all 'where' quantities.

    Raises
    ------
    TheoryError
        If a sum adds different units, or a function has an argument with a unit, or the factor of each
        sample of a product has one.
    """
    known: dict[sp.Symbol, Unit] = {}
    for name, value in formula.where:
        known[name] = unit_of(value, known)
    return unit_of(formula.compact, known)


def unit_of(expression: sp.Expr, known: Mapping[sp.Symbol, Unit]) -> Unit:
    """Exponents of (loss, parameter) of one expression; errors as :func:`formula_unit`."""
    if expression.is_Symbol:
        if expression in known:
            return known[expression]
        loss, parameter = PARAMETERS[expression.name].unit
        return Fraction(loss), Fraction(parameter)
    if expression.is_Add:
        units = {unit_of(term, known) for term in expression.args}
        if len(units) > 1:
            raise TheoryError(f"a sum adds different units {sorted(units)}: {expression}")
        return units.pop()
    if expression.is_Mul:
        parts = [unit_of(factor, known) for factor in expression.args]
        return sum((p[0] for p in parts), _NONE[0]), sum((p[1] for p in parts), _NONE[1])
    if isinstance(expression, sp.Integral):
        return unit_of(expression.function, {**known, **dict.fromkeys(expression.variables, _NONE)})
    if isinstance(expression, MarkedProduct):
        factor, *weights = (unit_of(part, known) for part in expression.args)
        if factor != _NONE:
            raise TheoryError(f"the factor of each sample in {expression} must be dimensionless")
        return sum((w[0] for w in weights), _NONE[0]), sum((w[1] for w in weights), _NONE[1])
    if expression.is_Pow and expression.exp.is_Rational:
        base = unit_of(expression.base, known)
        power = Fraction(int(expression.exp.p), int(expression.exp.q))
        return base[0] * power, base[1] * power
    for argument in expression.args:
        if unit_of(argument, known) != _NONE:
            raise TheoryError(f"{argument} in {expression} must be dimensionless")
    return _NONE


def unit_text(unit: tuple[int, int]) -> str:
    """``parameter**2``, ``loss/parameter**2``, or ``1``."""
    over: list[str] = []
    under: list[str] = []
    for name, power in zip(("loss", "parameter"), unit, strict=True):
        side = over if power > 0 else under
        if power:
            side.append(name if abs(power) == 1 else f"{name}**{abs(power)}")
    top = "*".join(over) or "1"
    return f"{top}/{'/'.join(under)}" if under else top

"""A straight-line program that any number type can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import sympy as sp

from theory.errors import TheoryError

__all__ = ["Arithmetic", "Instruction", "Program", "integer_value"]


class Arithmetic(Protocol):
    """What a number type must offer beyond ``+``, ``-``, ``*`` and ``/``.

    One with fast polynomials has an attribute ``polynomials`` besides: a ring of
    :mod:`theory.evaluate.polynomials`, for formulas over a population.
    """

    def constant(self, value: Fraction) -> Any:
        """A rational constant of the formula."""
        ...

    def power(self, base: Any, exponent: Any) -> Any:
        """``base**exponent`` for an integer, or one integer per point."""
        ...

    def lucas(self, exponent: Any, invariants: Sequence[Any]) -> Sequence[Any]:
        """All coefficients u_0(n), ..., u_{d-1}(n)."""
        ...

    def function(self, name: str, argument: Any) -> Any:
        """``pi`` (argument None), ``sqrt``, or a function of :mod:`theory.evaluate.compiler`."""
        ...


@dataclass(frozen=True, slots=True)
class Instruction:
    """One operation; ``arguments`` are registers, ``extra`` is what is no register."""

    operation: str
    arguments: tuple[int, ...] = ()
    extra: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A straight-line program; instruction i fills register i, the last one is the result.

    Attributes
    ----------
    instructions
        In order of execution.
    rational
        Whether it stays in the field of rational numbers.
    """

    instructions: tuple[Instruction, ...]
    rational: bool

    def run(
        self, values: Mapping[str, Any], integers: Mapping[str, Any], arithmetic: Arithmetic
    ) -> Any:
        """Run in the number type of ``values``; exponents are computed from ``integers``.

        A value is a tuple where every sample of a population has its own.
        """
        register: list[Any] = []
        for step in self.instructions:
            operation, at = step.operation, step.arguments
            if operation == "multiply":
                register.append(register[at[0]] * register[at[1]])
            elif operation == "add":
                register.append(register[at[0]] + register[at[1]])
            elif operation == "subtract":
                register.append(register[at[0]] - register[at[1]])
            elif operation == "divide":
                register.append(register[at[0]] / register[at[1]])
            elif operation == "negate":
                register.append(-register[at[0]])
            elif operation == "constant":
                register.append(arithmetic.constant(step.extra))
            elif operation == "input":
                register.append(values[step.extra])
            elif operation == "integer":
                register.append(arithmetic.constant(Fraction(integer_value(step.extra, integers))))
            elif operation == "power":
                exponent = integer_value(step.extra, integers)
                register.append(arithmetic.power(register[at[0]], exponent))
            elif operation == "lucas":
                exponent = integer_value(step.extra, integers)
                register.append(arithmetic.lucas(exponent, [register[i] for i in at]))
            elif operation == "population":
                register.append(step.extra.value(values, arithmetic))
            elif operation == "item":
                register.append(register[at[0]][step.extra])
            else:
                register.append(arithmetic.function(operation, register[at[0]] if at else None))
        return register[-1]


def integer_value(expression: sp.Expr | int, integers: Mapping[str, Any]) -> Any:
    """An exponent, as an int or an array of them.

    Raises
    ------
    TheoryError
        If the expression is no polynomial in whole-number parameters.
    """
    if isinstance(expression, int):
        return expression
    if expression.is_Integer:
        return int(expression)
    if expression.is_Symbol and expression.name in integers:
        return integers[expression.name]
    parts = [integer_value(a, integers) for a in expression.args]
    if expression.is_Add:
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total
    if expression.is_Mul:
        product = parts[0]
        for part in parts[1:]:
            product = product * part
        return product
    if isinstance(expression, sp.Mod):
        return parts[0] % parts[1]
    raise TheoryError(f"cannot evaluate the exponent {expression}: it must be a whole number")

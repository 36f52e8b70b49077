"""From a SymPy expression to a straight-line program.

Identical subtrees become one instruction, all coefficients of one Lucas sequence come from one
doubling, and quotients are taken once: ``a*b/(c*d)`` is two products and one division.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from theory.errors import TheoryError
from theory.evaluate.population import OverPopulation
from theory.evaluate.program import Instruction, Program
from theory.population import is_over_population
from theory.sequences import LucasSequence

__all__ = ["compile_program"]

#: functions that leave the field of rational numbers
TRANSCENDENTAL: Mapping[Any, str] = {
    sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.exp: "exp", sp.log: "log", sp.Abs: "abs",
}


@dataclass
class _Compiler:
    """Emits instructions, each distinct one once."""

    instructions: list[Instruction] = field(default_factory=list)
    register_of: dict[Instruction, int] = field(default_factory=dict)
    known: dict[sp.Basic, int] = field(default_factory=dict)
    rational: bool = True

    def emit(self, operation: str, *arguments: int, extra: Any = None) -> int:
        step = Instruction(operation, arguments, extra)
        if step not in self.register_of:
            self.register_of[step] = len(self.instructions)
            self.instructions.append(step)
        return self.register_of[step]

    def visit(self, node: sp.Basic) -> int:
        if node not in self.known:
            self.known[node] = self._visit(node)
        return self.known[node]

    def _visit(self, node: Any) -> int:
        if node.is_Rational:
            return self.emit("constant", extra=Fraction(int(node.p), int(node.q)))
        if node.is_Symbol:
            return self.emit("input", extra=node.name)
        if node.is_Add:
            return self._sum(node)
        if node.is_Mul:
            return self._product(node)
        if node.is_Pow:
            return self._power(node.base, node.exp)
        if isinstance(node, LucasSequence):
            k, n, *invariants = node.args
            whole = self.emit("lucas", *(self.visit(e) for e in invariants), extra=n)
            return self.emit("item", whole, extra=int(k))
        if is_over_population(node):
            return self.emit("population", extra=OverPopulation(node))
        if isinstance(node, sp.Mod):
            return self.emit("integer", extra=node)
        if isinstance(node, sp.Function) and node.func in TRANSCENDENTAL:
            self.rational = False
            return self.emit(TRANSCENDENTAL[node.func], self.visit(node.args[0]))
        if node is sp.pi:
            self.rational = False
            return self.emit("pi")
        if node is sp.E:
            return self._visit(sp.exp(1, evaluate=False))
        raise TheoryError(f"cannot evaluate {node}: no rule for {type(node).__name__}")

    def _sum(self, node: sp.Add) -> int:
        total: int | None = None
        # positive terms first, so that the sum starts without a negation
        for term in sorted(node.args, key=lambda t: t.could_extract_minus_sign()):
            if total is None:
                total = self.visit(term)
            elif term.could_extract_minus_sign():
                total = self.emit("subtract", total, self.visit(-term))
            else:
                total = self.emit("add", total, self.visit(term))
        assert total is not None
        return total

    def _product(self, node: sp.Mul) -> int:
        above: list[int] = []
        below: list[int] = []
        negative = False
        for factor in node.args:
            if factor.is_Rational:
                negative ^= bool(factor.p < 0)
                if abs(factor.p) != 1:
                    above.append(self.visit(sp.Integer(abs(factor.p))))
                if factor.q != 1:
                    below.append(self.visit(sp.Integer(factor.q)))
            elif factor.is_Pow and factor.exp.is_Rational and factor.exp.is_negative:
                below.append(self._power(factor.base, -factor.exp))
            else:
                above.append(self.visit(factor))
        result = self._multiply(above) if above else self.visit(sp.S.One)
        if below:
            result = self.emit("divide", result, self._multiply(below))
        return self.emit("negate", result) if negative else result

    def _multiply(self, factors: list[int]) -> int:
        result = factors[0]
        for factor in factors[1:]:
            result = self.emit("multiply", result, factor)
        return result

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> int:
        if exponent.is_Rational and exponent.is_negative:
            return self.emit("divide", self.visit(sp.S.One), self._power(base, -exponent))
        if exponent == 1:
            return self.visit(base)
        if exponent.is_integer:
            return self.emit("power", self.visit(base), extra=exponent)
        self.rational = False
        if (2 * exponent).is_integer:
            root = self.emit("sqrt", self.visit(base))
            return root if 2 * exponent == 1 else self.emit("power", root, extra=2 * exponent)
        logarithm = self.emit("log", self.visit(base))
        return self.emit("exp", self.emit("multiply", logarithm, self.visit(exponent)))


def compile_program(
    expression: sp.Expr, where: Sequence[tuple[sp.Symbol, sp.Expr]] = ()
) -> Program:
    """Compile ``expression``, whose names are defined in order by ``where``.

    Raises
    ------
    TheoryError
        If it holds a function that has no numerical rule.
    """
    compiler = _Compiler()
    for name, value in where:
        compiler.known[name] = compiler.visit(sp.sympify(value, strict=True))
    result = compiler.visit(sp.sympify(expression, strict=True))
    steps = compiler.instructions[: result + 1]
    return Program(instructions=tuple(steps), rational=compiler.rational)

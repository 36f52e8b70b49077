"""From a tree to a SymPy expression, with every number bounded before any arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import sympy as sp

from theory.population import ARRIVAL_TIMES
from theory.reading.bounds import DEAR, EXPONENT, IRRATIONAL, NUMBER_BITS
from theory.reading.error import ReadingError
from theory.reading.functions import EXPANDED, FUNCTIONS, apply_function, count_terms, lucas_sequence
from theory.reading.tree import (
    Area,
    Call,
    Cases,
    Expansion,
    Imaginary,
    Junction,
    Name,
    Node,
    Number,
    Power,
    Product,
    Relation,
    SequenceTerm,
    Series,
    Total,
    Truth,
)

__all__ = ["Builder"]

_RELATIONS: Mapping[str, Callable[..., sp.Basic]] = {
    "<": sp.StrictLessThan, "<=": sp.LessThan, ">": sp.StrictGreaterThan, ">=": sp.GreaterThan,
    "=": sp.Equality, "!=": sp.Unequality,
}
_TIMES = {variable.name: variable for variable in ARRIVAL_TIMES}
#: roots are taken of numbers up to this only: SymPy factors them
_LARGEST_RADICAND = 10**12
#: the largest numeric exponent after like powers are collected
_COLLECTED = 4 * EXPONENT
#: what SymPy raises of expressions that it cannot handle, KeyError included
_SYMPY_REFUSALS = (
    ValueError, TypeError, ArithmeticError, LookupError, NotImplementedError, AttributeError, RecursionError,
)


@dataclass(slots=True)
class Builder:
    """Builds expressions from the trees of one text.

    Sums and products are built flat, so that ``2*(a + b)/x`` keeps its factor 2 in front of the bracket as
    the catalogue's expressions do; relations, cases and sums over an index stay unevaluated.

    Attributes
    ----------
    text
        For the messages.
    names
        What the names mean; all others become symbols without assumptions.
    """

    text: str
    names: Mapping[str, sp.Expr]
    _bits: int = field(default=0, init=False)
    _dear: int = field(default=0, init=False)

    def expression(self, node: Node) -> sp.Expr:
        """The expression of a tree.

        Raises
        ------
        ReadingError
            If a value does not exist, or a number or a nesting is beyond its bound.
        """
        try:
            value = self._build(node)
        except _SYMPY_REFUSALS as error:
            if isinstance(error, ReadingError):
                raise
            self._refuse(node, f"{str(error) or type(error).__name__}")
        if not isinstance(value, sp.Expr):
            self._refuse(node, "a condition stands where a formula is expected",
                         "conditions go into Piecewise, or are given apart from the claim")
        return value

    def condition(self, node: Node) -> sp.Basic:
        """The condition of a tree: relations, unevaluated, joined by And and Or."""
        match node:
            case Truth(value=value):
                return sp.true if value else sp.false
            case Relation(sign=sign, left=left, right=right):
                sides = self.expression(left), self.expression(right)
                if any(side.has(sp.Piecewise) for side in sides):  # SymPy would start to simplify
                    self._refuse(node, "cases stand inside a condition", "write the cases out")
                return _RELATIONS[sign](*sides, evaluate=False)
            case Junction(word=word, parts=parts):
                return self.junction(node, word, [self.condition(part) for part in parts])
        self._refuse(node, "a formula stands where a condition is expected",
                            "write a relation, such as 0 <= momentum < 1")

    def junction(self, node: Node, word: str, parts: Sequence[sp.Basic]) -> sp.Basic:
        """Conditions joined by "and" or "or"; SymPy compares them, which fails for some."""
        try:
            return (sp.And if word == "and" else sp.Or)(*parts)
        except _SYMPY_REFUSALS:
            self._refuse(node, "these conditions cannot be joined", "write simpler relations")

    def _build(self, node: Node) -> sp.Expr:
        if isinstance(node, Call | Series | Area | Cases) and getattr(node, "name", "") != "LucasSequence":
            self._count(node)
        match node:
            case Number(value=value):
                return sp.Rational(value.numerator, value.denominator)
            case Imaginary():
                return sp.I
            case Name(name=name):
                return self.names[name] if name in self.names else sp.Symbol(name)
            case Total(terms=terms):
                return self._sane(node, sp.Add(*(self.expression(term) for term in terms)))
            case Product():
                return self._sane(node, sp.Mul(*self._factors(node, False)))
            case Power(base=base, exponent=exponent):
                return self._power(node, self.expression(base), self.expression(exponent))
            case Call(name="LucasSequence", arguments=(k, n, *invariants)):
                return self._sane(node, lucas_sequence(
                    self.expression(k), self.expression(n), [self.expression(e) for e in invariants]))
            case Call(name="sqrt", arguments=(radicand,)):
                return self._power(node, self.expression(radicand), sp.S.Half)
            case Call(name=name, arguments=arguments) if name in FUNCTIONS:
                return self._sane(node, apply_function(name, [self.expression(a) for a in arguments]))
            case SequenceTerm(k=k, n=n, invariants=invariants):
                return self._sane(node, lucas_sequence(
                    sp.Integer(k), self.expression(n), [self.expression(e) for e in invariants]))
            case Series(body=body, index=index, low=low, high=high):
                bounds = self.expression(low), self.expression(high)
                variable = sp.Symbol(index, integer=True)
                outer, self.names = self.names, {**self.names, index: variable}
                try:
                    term = self.expression(body)
                finally:
                    self.names = outer
                return sp.Sum(term, (variable, *bounds))
            case Area(body=body, index=index, low=low, high=high):
                bounds = self.expression(low), self.expression(high)
                variable = _TIMES.get(index, sp.Symbol(index, real=True))
                outer, self.names = self.names, {**self.names, index: variable}
                try:
                    term = self.expression(body)
                finally:
                    self.names = outer
                limits = (variable, *bounds)
                if isinstance(term, sp.Integral):  # the inner ranges come first
                    return sp.Integral(term.function, *term.limits, limits)
                return sp.Integral(term, limits)
            case Expansion(body=body):
                factored = self.expression(body)
                if count_terms(factored) > EXPANDED:
                    self._refuse(node, f"more than {EXPANDED} terms if this is multiplied out")
                return self._sane(node, sp.expand(factored))
            case Cases(pieces=pieces):
                pairs = [(self.expression(value), self.condition(condition)) for value, condition in pieces]
                return sp.Piecewise(*pairs, evaluate=False)
        self._refuse(node, "a condition stands where a formula is expected",
                            "conditions go into Piecewise, or are given apart from the claim")

    def _count(self, node: Node) -> None:
        """Functions and symbolic powers are dear: SymPy asks about each what it could be simplified to."""
        self._dear += 1
        if self._dear > DEAR:
            self._refuse(node, f"more than {DEAR} functions, sums and powers with letters",
                         "check a part of the formula at a time")

    def _factors(self, node: Product, below: bool) -> list[sp.Expr]:
        """All factors of a product of products, those of denominators inverted."""
        found: list[sp.Expr] = []
        for factor, inverted in node.factors:
            if isinstance(factor, Product):
                found += self._factors(factor, below != inverted)
                continue
            value = self.expression(factor)
            found.append(self._power(factor, value, sp.S.NegativeOne) if below != inverted else value)
        return found

    def _power(self, node: Node, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if base == 0 and not (exponent.is_Rational and exponent >= 0):
            self._refuse(node, "division by zero" if exponent.is_Rational else "0 to a power with a letter")
        if exponent.is_Rational:
            self._require_small(node, base, exponent)
        else:
            self._count(node)
        if any(not log.args[0].is_Symbol for log in exponent.atoms(sp.log)):
            self._refuse(node, "a logarithm in an exponent is read of a single letter only",
                         "write the power itself, a**M")
        return self._sane(node, sp.Pow(base, exponent))

    def _require_small(self, node: Node, base: sp.Expr, exponent: sp.Rational) -> None:
        """Refuse a numeric power before it is computed."""
        if abs(int(exponent.p)) > EXPONENT or int(exponent.q) > EXPONENT:
            self._refuse(node, f"the exponent {_number(exponent)} is beyond {EXPONENT}",
                         "write a letter for it")
        if not base.is_Rational:
            return
        top, bottom = abs(int(base.p)), int(base.q)
        if exponent.q != 1:
            if base.is_negative:
                self._refuse(node, "the root of a negative number is not real")
            if max(top, bottom) > _LARGEST_RADICAND:
                self._refuse(node, f"the root of a number beyond {_LARGEST_RADICAND}")
        self._bits += (top * bottom).bit_length() * abs(int(exponent.p)) if top * bottom != 1 else 0
        if self._bits > NUMBER_BITS:
            self._refuse(node, "powers of numbers grow too large", "write letters for the numbers")

    def _sane(self, node: Node, value: sp.Expr) -> sp.Expr:
        """Refuse what is no number, and what automatic evaluation made too large."""
        if value in (sp.nan, sp.zoo, sp.oo, -sp.oo):
            self._refuse(node, "this has no finite value: a division by zero, or of infinities")
        for part in (value, *(value.args if value.is_Mul else ())):
            power = part.exp if part.is_Pow and part.exp.is_Rational else sp.S.Zero
            if max(abs(int(power.p)), int(power.q)) > _COLLECTED:
                self._refuse(node, f"like powers add up to an exponent beyond {_COLLECTED}")
            if part.is_Rational and max(abs(int(part.p)), int(part.q)).bit_length() > NUMBER_BITS:
                self._refuse(node, "the numbers add up to one too large", "write letters for them")
        if value.is_number and not value.is_Rational and _parts(value, IRRATIONAL) > IRRATIONAL:
            self._refuse(node, f"a number in roots or functions of more than {IRRATIONAL} parts",
                         "write a letter for it")
        return value

    def _refuse(self, node: Node, message: str, suggestion: str = "") -> NoReturn:
        raise ReadingError(message, text=self.text, place=node.place, suggestion=suggestion)


def _parts(value: sp.Expr, limit: int) -> int:
    """How many nodes it has, counted to just beyond the limit."""
    count, waiting = 0, [value]
    while waiting and count <= limit:
        count += 1
        waiting += waiting.pop().args
    return count


def _number(value: sp.Rational) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:8]}... ({len(text)} digits)"

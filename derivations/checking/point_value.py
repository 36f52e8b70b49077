"""The value of an expression at one rational point: exact where it is rational, else to 50 digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from theory.errors import TheoryError
from theory.sequences import LucasSequence, power_coefficients

__all__ = ["Number", "UndefinedError", "value_at"]

Number = Any  # Fraction | mpmath.mpf
_DIGITS = 50
#: what cancels away entirely is zero if it is below this share of what was added
_NOISE = mpmath.mpf(10) ** -40
_MOST_TERMS = 5_000
_LARGEST_EXPONENT = 100_000
#: a longer power is a floating-point number
_MOST_BITS = 200_000


class UndefinedError(TheoryError):
    """The expression has no real value at the point."""


def value_at(expression: sp.Expr, point: Mapping[sp.Symbol, Fraction]) -> Number:
    """The real value of ``expression``.

    Parameters
    ----------
    point
        A rational value for every free symbol.

    Returns
    -------
    A Fraction where every operation stays rational, else an ``mpmath.mpf`` of 50 digits.

    Raises
    ------
    UndefinedError
        On a division by zero, a value that is not real, a symbol without value, or a construct
        that has no value (the message names it).
    """
    with mpmath.workdps(_DIGITS + 20):
        try:
            value = _Evaluator(point).of(expression)
        except (ZeroDivisionError, OverflowError) as error:
            raise UndefinedError(f"the expression is undefined at {_shown(point)}: {error}") from error
        if isinstance(value, mpmath.mpc):
            if abs(value.imag) > _NOISE * abs(value.real):
                raise UndefinedError(f"the value at {_shown(point)} is not real: {mpmath.nstr(value, 5)}")
            value = value.real
        if isinstance(value, mpmath.mpf) and not mpmath.isfinite(value):
            raise UndefinedError(f"the expression has no finite value at {_shown(point)}")
        return value


def _shown(point: Mapping[sp.Symbol, Fraction]) -> str:
    return ", ".join(f"{s} = {v}" for s, v in sorted(point.items(), key=lambda item: str(item[0])))


class _Evaluator:
    """One point; remembers every shared part."""

    def __init__(self, point: Mapping[sp.Symbol, Any]) -> None:
        self._point = point
        self._known: dict[sp.Basic, Any] = {}

    def of(self, node: sp.Basic) -> Any:
        if node not in self._known:
            self._known[node] = self._value(node)
        return self._known[node]

    def _value(self, node: sp.Basic) -> Any:
        if node in self._point:
            return self._point[node]
        if node.is_Rational:
            return Fraction(int(node.p), int(node.q))
        if node.is_Add:
            return _total([self.of(a) for a in node.args])
        if node.is_Mul:
            product = self.of(node.args[0])
            for factor in node.args[1:]:
                product = _times(product, self.of(factor))
            return product
        if isinstance(node, sp.Pow):
            return self._power(self.of(node.base), self.of(node.exp))
        if isinstance(node, LucasSequence):
            k, n, *invariants = node.args
            exponent = _whole(self.of(n), n)
            return power_coefficients(exponent, _same_type([self.of(e) for e in invariants]))[int(k)]
        if isinstance(node, sp.Sum):
            return self._sum(node)
        if isinstance(node, sp.Piecewise):
            for value, condition in node.args:
                if self._holds(condition):
                    return self.of(value)
            raise UndefinedError(f"no case of {node} applies at {_shown(self._point)}")
        if isinstance(node, sp.Mod):
            return self.of(node.args[0]) % self.of(node.args[1])
        if isinstance(node, (sp.Min, sp.Max)):
            return (min if isinstance(node, sp.Min) else max)(_same_type(map(self.of, node.args)))
        if isinstance(node, sp.Abs):
            return abs(self.of(node.args[0]))
        if type(node) in _FUNCTIONS:
            return _FUNCTIONS[type(node)](_floating(self.of(node.args[0])))
        if node is sp.pi:
            return +mpmath.pi
        if node is sp.E:
            return +mpmath.e
        if node is sp.I:
            return mpmath.mpc(0, 1)
        raise UndefinedError(f"no value for {node}: it is neither given nor a known function")

    def _power(self, base: Any, exponent: Any) -> Any:
        if isinstance(exponent, Fraction):
            if exponent.denominator == 1:
                n = int(exponent)
                if abs(n) > _LARGEST_EXPONENT:
                    raise UndefinedError(f"the exponent {_short(exponent)} is too large to evaluate")
                if isinstance(base, Fraction) and abs(n) * _bits(base) <= _MOST_BITS:
                    return base**n
                return mpmath.power(_floating(base), n)
            if exponent.denominator == 2 and isinstance(base, Fraction) and base >= 0:
                root = _exact_root(base)
                if root is not None:
                    return root ** int(exponent.numerator)
        base, exponent = _floating(base), _floating(exponent)
        if base == 0:
            return mpmath.mpf(0) if exponent > 0 else _undefined("0 to a power that is not positive")
        return mpmath.power(base, exponent)

    def _sum(self, node: sp.Sum) -> Any:
        return self._summed(node.function, node.limits)

    def _summed(self, term: sp.Expr, limits: Sequence[Any]) -> Any:
        """The last limit is the outermost sum."""
        if not limits:
            return self.of(term)
        variable, low, high = limits[-1]
        first, last = _whole(self.of(low), low, signed=True), _whole(self.of(high), high, signed=True)
        if last - first >= _MOST_TERMS:
            raise UndefinedError(f"a sum of {last - first + 1} terms is too long to evaluate")
        return _total([
            _Evaluator({**self._point, variable: Fraction(k)})._summed(term, limits[:-1])
            for k in range(first, last + 1)
        ])

    def _holds(self, condition: sp.Basic) -> bool:
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, (sp.And, sp.Or)):
            parts = [self._holds(c) for c in condition.args]
            return all(parts) if isinstance(condition, sp.And) else any(parts)
        if isinstance(condition, sp.Not):
            return not self._holds(condition.args[0])
        if isinstance(condition, sp.core.relational.Relational):
            return bool(_RELATIONS[condition.func](*_same_type(map(self.of, condition.args))))
        raise UndefinedError(f"cannot decide {condition}")


_FUNCTIONS: Mapping[Any, Callable[[Any], Any]] = {
    sp.cos: mpmath.cos, sp.sin: mpmath.sin, sp.tan: mpmath.tan, sp.exp: mpmath.exp,
    sp.log: mpmath.log, sp.cosh: mpmath.cosh, sp.sinh: mpmath.sinh, sp.tanh: mpmath.tanh,
    sp.cot: mpmath.cot,
}
_RELATIONS: Mapping[Any, Callable[[Any, Any], bool]] = {
    sp.Eq: lambda a, b: a == b, sp.Ne: lambda a, b: a != b, sp.StrictLessThan: lambda a, b: a < b,
    sp.LessThan: lambda a, b: a <= b, sp.StrictGreaterThan: lambda a, b: a > b,
    sp.GreaterThan: lambda a, b: a >= b,
}


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _undefined(what: str) -> Any:
    raise UndefinedError(f"undefined: {what}")


def _times(first: Any, second: Any) -> Any:
    """A product; fractions become floating only where they meet one."""
    if isinstance(first, Fraction) and isinstance(second, Fraction):
        return first * second
    return _floating(first) * _floating(second)


def _same_type(values: Iterable[Any]) -> list[Any]:
    """All fractions, or all floating."""
    listed = list(values)
    if all(isinstance(v, Fraction) for v in listed):
        return listed
    return [_floating(v) for v in listed]


def _total(values: Iterable[Any]) -> Any:
    """A sum; what cancels to rounding noise is zero."""
    listed = _same_type(values)
    total = sum(listed[1:], listed[0]) if listed else Fraction(0)
    if listed and not isinstance(total, Fraction) and abs(total) < _NOISE * max(map(abs, listed)):
        return mpmath.mpf(0)
    return total


def _floating(value: Any) -> Any:
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    return value


def _whole(value: Any, written: Any, *, signed: bool = False) -> int:
    if not isinstance(value, Fraction) or value.denominator != 1 or (value < 0 and not signed):
        raise UndefinedError(f"{written} = {_short(value)} must be a whole number here")
    if abs(value) > _LARGEST_EXPONENT:
        raise UndefinedError(f"{written} = {_short(value)} is too large to evaluate")
    return int(value)


def _short(value: Any) -> str:
    return str(mpmath.nstr(_floating(value), 8))


def _exact_root(value: Fraction) -> Fraction | None:
    """The rational square root, if there is one."""
    from math import isqrt

    p, q = isqrt(value.numerator), isqrt(value.denominator)
    return Fraction(p, q) if p * p == value.numerator and q * q == value.denominator else None

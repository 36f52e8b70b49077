"""Functions that a formula may call, built so that SymPy's automatic evaluation stays cheap."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import sympy as sp

from theory.population import MarkedProduct
from theory.reading.bounds import EXPONENT
from theory.sequences import LucasSequence

__all__ = [
    "EXPANDED", "FUNCTIONS", "INFINITE", "INFINITE_SUM", "LIMITS_APART", "ONE_DIRECTION", "REMAINDER",
    "SPECIAL_FORMS", "UNREAD_FUNCTIONS", "apply_function", "count_terms", "lucas_sequence",
]

#: terms of what is multiplied out
EXPANDED = 500
#: name in text -> how many arguments it takes (None: one or more)
FUNCTIONS: dict[str, int | None] = {
    "sqrt": 1, "exp": 1, "log": 1, "ln": 1, "cos": 1, "sin": 1, "Abs": 1, "abs": 1, "Mod": 2,
    "Min": None, "Max": None, "min": None, "max": None, "LucasSequence": None,
    "MarkedProduct": None,
}
#: written like functions, with arguments of their own kind
SPECIAL_FORMS = ("Sum", "Integral", "Piecewise")
#: names of infinity, which no formula contains
INFINITE = ("oo", "infinity", "infty")
LIMITS_APART = "limits are given apart from the claim, as in --limit 'M -> oo'"
INFINITE_SUM = "write its closed form, or a finite end, such as M - 1"
REMAINDER = "drop the O(...) and give --limit instead, as in --limit 'eta -> 0'"
ONE_DIRECTION = "formulas are of one direction: write its curvature lambda in place of a trace over them"
#: what to write for functions that are not read
UNREAD_FUNCTIONS = {
    "O": REMAINDER, "o": REMAINDER, "Order": REMAINDER, "tr": ONE_DIRECTION, "Tr": ONE_DIRECTION,
    "trace": ONE_DIRECTION, "Trace": ONE_DIRECTION,
    "tan": "sin(x)/cos(x)", "cot": "cos(x)/sin(x)", "sec": "1/cos(x)", "csc": "1/sin(x)",
    "sinh": "(exp(x) - exp(-x))/2", "cosh": "(exp(x) + exp(-x))/2",
    "tanh": "(exp(x) - exp(-x))/(exp(x) + exp(-x))", "coth": "(exp(x) + exp(-x))/(exp(x) - exp(-x))",
    "cbrt": "x**(1/3)", "pow": "x**y", "Rational": "p/q", "Integer": "the number itself",
    "Float": "the number itself", "Symbol": "the name itself", "summation": "Sum(term, (h, a, b))",
    "sum": "Sum(term, (h, a, b))", "product": "the factors", "Product": "the factors",
}
_LARGEST_INDEX = 64
_EXPANDED_INDEX = 4


def apply_function(name: str, arguments: Sequence[sp.Expr]) -> sp.Expr:
    """The function of its arguments; ``sqrt`` and the sequences are built elsewhere.

    Raises
    ------
    ValueError
        If the value does not exist or would be dear: the message says what to write.
    """
    first = arguments[0]
    if name == "MarkedProduct":
        return MarkedProduct(*arguments)
    if name == "exp":
        if any(not log.args[0].is_Symbol for log in first.atoms(sp.log)):
            raise ValueError("a logarithm in an exponent is read of a single letter only")
        return sp.exp(first)
    if name in ("log", "ln"):
        if first == 0:
            raise ValueError("the logarithm of 0 does not exist")
        return sp.log(first) if first.is_Symbol or first.is_Rational else sp.log(first, evaluate=False)
    if name in ("cos", "sin"):
        return (sp.cos if name == "cos" else sp.sin)(first)
    if name in ("Abs", "abs") and first.has(sp.I):
        return _modulus(first)
    if name in ("Abs", "abs"):
        return sp.Abs(first) if _is_linear(first) else sp.Abs(first, evaluate=False)
    if name == "Mod":
        if arguments[1] == 0:
            raise ValueError("Mod by 0 does not exist")
        return sp.Mod(first, arguments[1], evaluate=False)
    build: Callable[..., sp.Expr] = sp.Min if name in ("Min", "min") else sp.Max
    return first if len(arguments) == 1 else build(*arguments, evaluate=False)


def _modulus(value: sp.Expr) -> sp.Expr:
    """The absolute value of a complex number of which every letter is real.

    Raises
    ------
    ValueError
        For a large one.
    """
    square = value * value.xreplace({sp.I: -sp.I})
    inside = [a for part in value.atoms(sp.Function, sp.Pow) for a in part.args]  # expanded as well
    large = any(count_terms(part) > EXPANDED for part in (square, *inside))
    if large or value.has(sp.Sum, sp.Piecewise, LucasSequence, sp.Mod, sp.Min, sp.Max):
        raise ValueError("the absolute value of a complex number like this is not read")
    return sp.sqrt(sp.expand(square))


def count_terms(value: sp.Expr) -> int:
    """How many terms it has at most when it is multiplied out."""
    if value.is_Add:
        return sum(count_terms(term) for term in value.args)
    if value.is_Mul:
        return math.prod(count_terms(factor) for factor in value.args)
    if value.is_Pow and value.exp.is_Integer and value.exp > 0:
        return math.prod([min(count_terms(value.base), EXPANDED + 1)] * min(int(value.exp), EXPONENT))
    return 1


def _is_linear(value: sp.Expr) -> bool:
    """A few letters, numbers and absolute values, added up: SymPy decides its sign at once."""
    parts = sp.Add.make_args(value)
    return len(parts) <= 8 and all(
        factor.is_Symbol or factor.is_Rational or isinstance(factor, sp.Abs)
        for part in parts for factor in sp.Mul.make_args(part)
    )


def lucas_sequence(k: sp.Expr, n: sp.Expr, invariants: Sequence[sp.Expr]) -> sp.Expr:
    """``LucasSequence(k, n, *invariants)``, expanded at a whole n only where that is cheap.

    Raises
    ------
    ValueError
        If k is not one of 0..d-1, or n is a number but no whole one from 0 to 64.
    """
    d = len(invariants)
    if not 1 <= d <= 8:
        raise ValueError(f"LucasSequence(k, n, e1, ..., ed) needs 1 to 8 invariants; got {d}")
    if not (k.is_Integer and 0 <= int(k) < d):
        raise ValueError(f"the k of LucasSequence(k, n, e1, ..., ed) is a whole number from 0 to {d - 1}")
    if n.is_number and not (n.is_Integer and 0 <= int(n) <= _LARGEST_INDEX):
        raise ValueError(f"the n of LucasSequence is a letter or a whole number from 0 to {_LARGEST_INDEX}")
    if n.is_Integer and (int(n) > _EXPANDED_INDEX or not all(e.is_Atom for e in invariants)):
        return LucasSequence(k, n, *invariants, evaluate=False)
    return LucasSequence(k, n, *invariants)

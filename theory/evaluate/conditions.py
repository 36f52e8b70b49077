"""Whether a point lies where the formula holds, decided exactly."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import sympy as sp

from theory.errors import TheoryError, UnstableError
from theory.evaluate.balls import run_in_balls
from theory.evaluate.bounded import BoundedArithmetic, BoundedDouble, Unvectorised
from theory.evaluate.compiler import compile_program
from theory.evaluate.inputs import is_whole
from theory.evaluate.program import Program
from theory.evaluate.zeros import is_exact_zero
from theory.formula import Formula
from theory.numbers import show
from theory.symbols import learning_rate

__all__ = ["conditions_of", "difference_program", "require_valid",
    "require_valid_arrays", "sign_decides",
]

_MOST_BITS = 1 << 16


_PARTS: WeakKeyDictionary[Formula, tuple[Any, ...]] = WeakKeyDictionary()


def conditions_of(formula: Formula) -> tuple[Any, ...]:
    """The parts of ``valid_if`` that must all hold, in the parameters alone."""
    if formula not in _PARTS:
        _PARTS[formula] = _parts(formula)
    return _PARTS[formula]


def _parts(formula: Formula) -> tuple[Any, ...]:
    known: dict[sp.Symbol, sp.Expr] = {}
    for name, value in formula.where:
        known[name] = value.xreplace(known)
    return sp.And.make_args(formula.valid_if.xreplace(known))  # type: ignore[no-any-return]


@lru_cache(maxsize=1024)
def difference_program(relation: Any) -> Program:
    """``lhs - rhs`` of a relation."""
    return compile_program(relation.lhs - relation.rhs)


def sign_decides(relation: Any, sign: Any) -> Any:
    """Whether ``lhs - rhs`` of this sign (-1, 0, 1; or an array) fulfils the relation."""
    table = {
        sp.StrictGreaterThan: lambda s: s > 0, sp.GreaterThan: lambda s: s >= 0,
        sp.StrictLessThan: lambda s: s < 0, sp.LessThan: lambda s: s <= 0,
        sp.Equality: lambda s: s == 0, sp.Unequality: lambda s: s != 0,
    }
    return table[relation.func](sign)


def _sign(program: Program, values: Mapping[str, Fraction], integers: Mapping[str, int]) -> int:
    """Exact sign: balls until they exclude zero, and a test for zero itself."""
    bits = 128
    while bits <= _MOST_BITS:
        ball = run_in_balls(program, values, integers, bits)
        if ball > 0:
            return 1
        if ball < 0:
            return -1
        if ball.is_zero() or (bits == 128 and is_exact_zero(program, values, integers)):
            return 0
        bits *= 4
    return 0


def _holds(
    condition: Any, values: Mapping[str, Fraction], integers: Mapping[str, int]
) -> bool:
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [_holds(c, values, integers) for c in condition.args]
        return all(parts) if isinstance(condition, sp.And) else any(parts)
    if isinstance(condition, sp.Not):
        return not _holds(condition.args[0], values, integers)
    sign = _sign(difference_program(condition), values, integers)
    return bool(sign_decides(condition, sign))


def _limit(condition: Any, values: Mapping[str, Fraction]) -> str:
    """The largest stable learning rate, where the condition is linear in it."""
    gap = condition.lhs - condition.rhs
    here = {
        s: sp.Rational(values[s.name].numerator, values[s.name].denominator)
        for s in gap.free_symbols if s != learning_rate
    }
    gap = gap.subs(here)
    if not gap.is_polynomial(learning_rate):
        return ""
    polynomial = sp.Poly(gap, learning_rate)
    if polynomial.degree() != 1:
        return ""
    root = -polynomial.coeff_monomial(1) / polynomial.coeff_monomial(learning_rate)
    return f"; at these values the limit is learning_rate = {float(root):.6g}"


def require_valid_arrays(
    formula: Formula, parameters: tuple[sp.Symbol, ...], chunk: Mapping[str, Any]
) -> None:
    """Check many points: in doubles with an error bound, exactly where that does not decide.

    Raises
    ------
    UnstableError, TheoryError
        As :func:`require_valid`, for the first point that fails.
    """
    size = next(iter(chunk.values())).size
    doubtful = np.zeros(size, dtype=bool)
    inputs = {n: BoundedDouble(a) for n, a in chunk.items()}
    integers = {s.name: chunk[s.name].astype(np.int64) for s in parameters if is_whole(s)}
    for condition in conditions_of(formula):
        if condition is sp.true:
            continue
        try:
            with np.errstate(all="ignore"):
                program = difference_program(condition)
                gap = program.run(inputs, integers, BoundedArithmetic(BoundedDouble))
                certain = (np.abs(gap.v) > gap.e) | (gap.e == 0)
                doubtful |= ~(certain & sign_decides(condition, np.sign(gap.v)))
        except (Unvectorised, AttributeError, KeyError):  # not a relation of rational functions
            doubtful[:] = True
    for i in np.flatnonzero(doubtful):
        point = {n: Fraction(float(a[i])) for n, a in chunk.items()}
        require_valid(formula, point, {n: int(a[i]) for n, a in integers.items()})


def require_valid(
    formula: Formula, values: Mapping[str, Fraction], integers: Mapping[str, int],
    *, at_one_step: bool = False,
) -> None:
    """Check every part of ``valid_if`` at one point, exactly.

    ``at_one_step`` leaves out the parts that compare whole numbers only: a scheme that is silent
    at M = 1 has a value there although its closed form has none.

    Raises
    ------
    UnstableError
        If a part that involves a hyperparameter fails: there is no stationary law.
    TheoryError
        If a part about whole numbers fails: the formula does not hold there.
    """
    for condition in conditions_of(formula):
        names = sorted(s.name for s in condition.free_symbols)
        whole = bool(names) and all(n in integers for n in names)
        if (at_one_step and whole) or _holds(condition, values, integers):
            continue
        given = ", ".join(f"{n}={show(values[n])}" for n in names)
        if whole or not hasattr(condition, "lhs"):
            way_out = "Use the formula for that range, or change the numbers"
            if formula.elsewhere and "lag" in names:
                way_out = formula.elsewhere.format(sibling=formula.slug.removesuffix("-beyond"))
            raise TheoryError(
                f"{formula.slug} does not hold at {given}: it needs {condition}. {way_out}"
            )
        ball = run_in_balls(difference_program(condition), values, integers, 256)
        detail = (
            f"no stationary law: {given} violates {condition} "
            f"(lhs - rhs is {float(ball.mid()):.6g})"
        )
        if learning_rate in condition.free_symbols:
            raise UnstableError(f"{detail}{_limit(condition, values)}. Lower the learning rate")
        raise UnstableError(f"{detail}. Move {names[0]} inside its limit")

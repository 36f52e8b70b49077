"""Letters that count: differences of two times, and what may stand in an exponent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import sympy as sp

from derivations.checking.compare import quick_test, same_value
from derivations.checking.point_value import UndefinedError, value_at
from derivations.checking.points import fixed_points
from derivations.checking.replacing import replaced
from derivations.checking.target import Target
from theory.sequences import LucasSequence
from theory.symbols import batch_size, samples, steps_per_epoch

__all__ = ["counts_samples_as_steps", "needs_coupling", "time_differences", "whole_letters"]


def whole_letters(claim: sp.Expr) -> set[sp.Symbol]:
    """Letters of exponents, of indices of sequences and of limits of sums."""
    return set().union(*(e.free_symbols for e in _whole_parts(claim)))


def _whole_parts(claim: sp.Expr) -> Iterator[sp.Expr]:
    for power in claim.atoms(sp.Pow):
        if not power.exp.is_Rational:
            yield power.exp
    for sequence in claim.atoms(LucasSequence):
        yield sequence.args[1]
    for total in claim.atoms(sp.Sum):
        for _, *bounds in total.limits:
            yield from bounds


def counts_samples_as_steps(expression: sp.Expr) -> bool:
    """Whether an exponent holds N or S otherwise than as N/S: a number of samples where steps belong."""
    twice = {samples: 2 * samples, batch_size: 2 * batch_size}
    return any(part.xreplace(twice) != part for part in _whole_parts(expression))


def time_differences(
    claim: sp.Expr, unknown: Sequence[sp.Symbol]
) -> Iterator[tuple[sp.Symbol, sp.Symbol]]:
    """Pairs (t, s) of unknown letters of exponents on which the claim depends through t - s only."""
    whole = whole_letters(claim)
    lag = sp.Dummy("lag", integer=True)
    for t, s in permutations([u for u in unknown if u in whole], 2):
        if s not in replaced(claim, {t: s + lag}).free_symbols:
            yield t, s


def needs_coupling(expression: sp.Expr, target: Target) -> bool:
    """Whether N = M S makes the expression agree with the truth, which does not contain N.

    The points of the quick test fulfil N = M S; an expression that agrees there and changes with N alone
    is right only under that equation, which full batches force.
    """
    if samples in target.scheme.parameters or steps_per_epoch not in target.scheme.parameters:
        return False
    if samples not in expression.free_symbols or not quick_test(expression, target):
        return False
    for point, truth in fixed_points(target):
        try:
            if not same_value(value_at(expression, {**point, samples: 2 * point[samples] + 1}), truth):
                return True
        except UndefinedError:
            return True
    return False

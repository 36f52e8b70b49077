"""Is a ratio or a difference one recognisable product, and what does it usually mean?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from derivations.factored import Factored
from theory.sequences import LucasSequence
from theory.symbols import (
    PARAMETERS,
    batch_size,
    curvature,
    learning_rate,
    momentum,
    samples,
    steps_per_epoch,
)

__all__ = ["is_product_of_atoms", "is_term", "meanings"]

#: names of the field of rational functions, such as w for a root of unity, mean nothing to a reader
_DECLARED = {p.symbol for p in PARAMETERS.values()}
_MOST_ATOMS = 6
_LARGEST_POWER = 4
_LONGEST_ATOM = 4
_LARGEST_DEGREE = 3
_LARGEST_NUMBER = 1000


def is_product_of_atoms(product: Factored) -> bool:
    """Whether it is a small number times powers of atoms: a symbol, 1 - beta, 2(1 + beta) - eta lambda.

    An atom has at most four terms and degree three, and no sequence: a ratio that needs more is no
    slip of the pen but another formula.
    """
    return _is_simple(product) and not any(
        f.has(LucasSequence) or any(not p.exp.is_number for p in f.atoms(sp.Pow)) for f, _ in product.factors
    )


def is_term(product: Factored) -> bool:
    """The same for one term of a sum, which may hold powers and sequences at symbolic arguments."""
    return _is_simple(product)


def _is_simple(product: Factored) -> bool:
    number = product.constant
    symbols = {s for f, _ in product.factors for s in f.free_symbols}
    return (
        symbols <= _DECLARED and number != 0
        and max(abs(number.numerator), number.denominator) <= _LARGEST_NUMBER
        and len(product.factors) <= _MOST_ATOMS + 2
        and all(abs(e) <= _LARGEST_POWER and _is_atom(f) for f, e in product.factors)
    )


def _is_atom(factor: sp.Expr) -> bool:
    terms = sp.Add.make_args(factor)
    if len(terms) > _LONGEST_ATOM:
        return False
    for term in terms:
        number, rest = term.as_coeff_Mul()
        degree = sum(int(e) if e.is_Integer else 1 for e in rest.as_powers_dict().values())
        if abs(number) > 12 or (rest != 1 and degree > _LARGEST_DEGREE):
            return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Habit:
    """A factor that papers lose or gain, and the usual reason."""

    matches: Callable[[sp.Expr], bool]
    says: str


def _equals(value: sp.Expr) -> Callable[[sp.Expr], bool]:
    """The factor or its inverse."""
    def matches(factor: sp.Expr) -> bool:
        return bool(sp.cancel(factor / value) == 1 or sp.cancel(factor * value) == 1)
    return matches


def _power_of(value: sp.Expr, *powers: int) -> Callable[[sp.Expr], bool]:
    def matches(factor: sp.Expr) -> bool:
        return any(bool(sp.cancel(factor / value**p) == 1) for p in powers)
    return matches


_x = learning_rate * curvature
_HABITS = (
    _Habit(matches=_equals(sp.Integer(2)), says="a factor 2: one-sided against two-sided spectra, "
           "half the mean square as the loss, the factor 2 in the correlation time, or diffusion D "
           "against noise strength 2D"),
    _Habit(matches=_equals(sp.Integer(4)), says="a factor 4: two conventions that differ by 2 at once"),
    _Habit(matches=_equals(2 * sp.pi), says="a factor 2 pi: spectra per radian or per cycle"),
    _Habit(matches=_equals(sp.S.NegativeOne), says="a sign: the sign of the lag or of the update"),
    _Habit(matches=_power_of(1 - momentum, 1, -1), says="a missing or extra (1 - momentum): learning rate of "
           "the exponential average (dampening) against heavy ball, in one of the places it enters"),
    _Habit(matches=_power_of(1 - momentum, 2, -2), says="(1 - momentum) squared: the effective learning rate "
           "learning_rate/(1 - momentum), squared"),
    _Habit(matches=_power_of(1 + momentum, 1, -1), says="a missing (1 + momentum): the damping of momentum "
           "in continuous time, where 1 + momentum is set to 2 or left out"),
    _Habit(matches=_equals(2 - _x), says="a dropped 1/(2 - learning_rate*curvature): the finite step size"),
    _Habit(matches=_equals((2 - _x) / 2), says="a dropped finite step size: 2 - learning_rate*curvature "
           "against 2"),
    _Habit(matches=_equals(2 * (1 + momentum) - _x), says="a dropped 1/(2(1 + momentum) - "
           "learning_rate*curvature): the finite step size"),
    _Habit(matches=_equals((2 * (1 + momentum) - _x) / (2 * (1 + momentum))), says="a dropped finite step "
           "size: 2(1 + momentum) - learning_rate*curvature against 2(1 + momentum)"),
    _Habit(matches=_equals((2 * (1 + momentum) - _x) / (1 + momentum)), says="a dropped finite step size "
           "and a factor of the continuous-time limit"),
    _Habit(matches=_power_of(learning_rate, 2, -2), says="learning_rate squared: noise before or after the "
           "learning rate, or a velocity in units of the gradient"),
    _Habit(matches=_power_of(learning_rate, 1, -1), says="one power of the learning rate: noise as a "
           "diffusion coefficient, or a rate per unit of time learning_rate"),
    _Habit(matches=_power_of(curvature, 1, -1), says="one power of the curvature: noise covariance taken "
           "proportional to the Hessian, or a loss against a variance"),
    _Habit(matches=_power_of(batch_size, 1, -1), says="the batch size: per-sample against per-batch noise"),
    _Habit(matches=_equals(steps_per_epoch / (steps_per_epoch - 1)), says="M/(M - 1): the noise of "
           "sampling without replacement against independent batches"),
    _Habit(matches=_equals(samples / (samples - 1)), says="N/(N - 1): covariance of the sample against "
           "that of the population"),
    _Habit(matches=_equals((samples - batch_size) / samples), says="1 - S/N: finite-population correction"),
    _Habit(matches=_equals((samples - batch_size) / (samples - 1)), says="(N - S)/(N - 1): "
           "finite-population correction"),
    _Habit(matches=_equals(steps_per_epoch), says="a factor M: per epoch against per step"),
)


def meanings(product: Factored) -> tuple[str, ...]:
    """What the factor usually means: the whole of it first, else each of its parts."""
    whole = [habit.says for habit in _HABITS if habit.matches(product.expression)]
    if whole:
        return tuple(whole)
    found: list[str] = []
    number = sp.Rational(product.constant.numerator, product.constant.denominator)
    rest = product.factors
    for kept in _subsets(rest):
        part = sp.Mul(*(f**e for f, e in kept))
        for scaled in (part, number * part):
            found += [h.says for h in _HABITS if h.matches(scaled) and h.says not in found]
    if number != 1:
        found += [h.says for h in _HABITS if h.matches(number) and h.says not in found]
    return tuple(found)


def _subsets(factors: tuple[tuple[sp.Expr, int], ...]) -> list[tuple[tuple[sp.Expr, int], ...]]:
    """Single factors and pairs."""
    single = [(f,) for f in factors]
    return single + [(a, b) for i, a in enumerate(factors) for b in factors[i + 1 :]]

r"""Closed forms of the sums that papers print: polynomials times powers of the index.

Every rule is one telescoping identity. With :math:`Q` the polynomial of degree p that solves
:math:`XQ(n+1)-Q(n)=n^p`,

.. math:: \sum_{h=a}^{b}h^pX^h=X^{b+1}Q(b+1)-X^aQ(a),

and for X = 1 the polynomial :math:`Q(n+1)-Q(n)=n^p` of degree p + 1 does the same. The sum is empty
for b = a - 1, where both sides are 0; for :math:`X\ne1` as an indeterminate the identity is one
between rational functions. For b < a - 1 a sum is empty too, but the right side is not 0: the caller
must prove that this does not occur.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from derivations.evaluation import NotRationalError
from theory.sequences import LucasSequence

__all__ = ["closed_sum"]

_LARGEST_POWER = 6


def closed_sum(
    node: sp.Sum, never_negative: Callable[[sp.Expr], bool] = lambda count: count.is_nonnegative is True
) -> sp.Expr:
    """The sum without its sign; inner sums first.

    Parameters
    ----------
    never_negative
        Proves that a number of terms cannot be negative where the claim is made; by default from the
        symbols' assumptions alone.

    Raises
    ------
    NotRationalError
        If the number of terms may be negative, or a term is no polynomial in the index times powers
        whose exponents are linear in it.
    """
    term = node.function
    for variable, low, high in node.limits:
        if isinstance(term, sp.Sum):
            term = closed_sum(term, never_negative)
        if not never_negative(high - low + 1):
            raise NotRationalError(
                f"the sum from {low} to {high} may be empty: its closed form holds where {high - low + 1} "
                "is not negative, which does not follow from the conditions"
            )
        term = _summed(term, variable, low, high)
    return term


def _summed(term: sp.Expr, h: sp.Symbol, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    if low.is_Integer and high.is_Integer and high - low < 64:
        return sp.Add(*(term.subs(h, k) for k in range(int(low), int(high) + 1)))
    if term.has(sp.Abs(h)):
        return _two_sided(term, h, low, high)
    total: sp.Expr = sp.S.Zero
    for part in sp.Add.make_args(_expanded(_in_powers(term, h), h)):
        constant, power, base = _split(part, h)
        total += constant * (_antidifference(power, base, high + 1) - _antidifference(power, base, low))
    return total


def _two_sided(term: sp.Expr, h: sp.Symbol, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """Where |h| occurs, the negative half of the range is summed over -h."""
    if not (low.is_nonpositive and high.is_nonnegative):
        raise NotRationalError(f"|{h}| in a sum from {low} to {high}: 0 must lie in the range")
    size = sp.Abs(h)
    upper = _summed(term.xreplace({size: h}), h, sp.S.Zero, high)
    mirrored = term.xreplace({size: sp.Dummy("size")})
    (size_name,) = mirrored.free_symbols - term.free_symbols
    lower = mirrored.subs(h, -h).xreplace({size_name: h})
    return upper + _summed(lower, h, sp.S.One, -low)


def _in_powers(term: sp.Expr, h: sp.Symbol) -> sp.Expr:
    """Cosines, sines and two-term sequences of the index as powers."""
    table: dict[sp.Expr, sp.Expr] = {}
    for node in term.atoms(sp.cos, sp.sin):
        if node.has(h):
            up, down = sp.exp(sp.I * node.args[0]), sp.exp(-sp.I * node.args[0])
            table[node] = (up + down) / 2 if isinstance(node, sp.cos) else (up - down) / (2 * sp.I)
    for node in term.atoms(LucasSequence):
        k, n, *invariants = node.args
        if not n.has(h):
            continue
        if len(invariants) == 1:
            table[node] = invariants[0] ** n
        elif len(invariants) == 2:
            t, d = invariants
            root = sp.sqrt(t**2 - 4 * d)
            plus, minus = (t + root) / 2, (t - root) / 2
            table[node] = (
                (plus**n - minus**n) / root if k == 1 else (minus * plus**n - plus * minus**n) / root
            )
    return term.xreplace(table)


def _expanded(term: sp.Expr, h: sp.Symbol) -> sp.Expr:
    """Expand products of sums that contain the index, and nothing else."""
    if not term.has(h):
        return term
    if term.is_Add:
        return sp.Add(*(_expanded(a, h) for a in term.args))
    if isinstance(term, sp.Pow) and term.base.has(h) and term.exp.is_Integer and term.exp > 0:
        term = sp.Mul(*([term.base] * int(term.exp)), evaluate=False)
    if term.is_Mul:
        factors = [_expanded(a, h) for a in term.args]
        sums = [f for f in factors if f.is_Add and f.has(h)]
        rest = sp.Mul(*(f for f in factors if not (f.is_Add and f.has(h))))
        terms = [rest]
        for factor in sums:
            terms = [t * a for t in terms for a in factor.args]
        return sp.Add(*terms)
    return term


def _split(part: sp.Expr, h: sp.Symbol) -> tuple[sp.Expr, int, sp.Expr]:
    """(constant, p, X) with part = constant h^p X^h."""
    constant, power, base = sp.S.One, 0, sp.S.One
    for factor in sp.Mul.make_args(part):
        if not factor.has(h):
            constant *= factor
        elif factor == h:
            power += 1
        elif isinstance(factor, sp.Pow) and factor.base == h and factor.exp.is_Integer and factor.exp > 0:
            power += int(factor.exp)
        elif isinstance(factor, sp.exp):
            argument = sp.expand(factor.args[0])
            slope = argument.coeff(h, 1)
            if sp.expand(argument - slope * h).has(h):
                raise NotRationalError(f"{factor} is no power of the index {h}")
            base *= sp.exp(slope)
            constant *= sp.exp(sp.expand(argument - slope * h))
        elif isinstance(factor, sp.Pow) and not factor.base.has(h):
            slope = sp.expand(factor.exp).coeff(h, 1)
            rest = sp.expand(factor.exp - slope * h)
            if rest.has(h) or not slope.is_Integer:
                raise NotRationalError(f"the exponent {factor.exp} is not linear in the index {h}")
            base *= factor.base**slope
            constant *= factor.base**rest
        else:
            raise NotRationalError(f"cannot sum {factor} over {h}: it is no polynomial and no power")
    if power > _LARGEST_POWER:
        raise NotRationalError(f"{h}**{power} in a sum: powers up to {_LARGEST_POWER} are summed")
    return constant, power, base


def _antidifference(p: int, base: sp.Expr, n: sp.Expr) -> sp.Expr:
    """F(n) with F(n + 1) - F(n) = n^p X^n."""
    coefficients = _polynomial(p, base == 1)
    x = sp.Dummy("x")
    value: sp.Expr = sum(
        (c.subs(_X, base) if base != 1 else c) * x**i for i, c in enumerate(coefficients)
    )
    polynomial = sp.sympify(value, strict=True).xreplace({x: n})
    return polynomial if base == 1 else base**n * polynomial


_X = sp.Dummy("X")


@lru_cache(maxsize=32)
def _polynomial(p: int, plain: bool) -> tuple[sp.Expr, ...]:
    """Coefficients of Q in X Q(n+1) - Q(n) = n^p (X = 1 if ``plain``), lowest first."""
    x = sp.S.One if plain else _X
    degree = p + 1 if plain else p
    unknown = [sp.S.Zero] * (degree + 1)
    # the coefficient of n^i in X Q(n+1) - Q(n) is (X - 1) q_i + X sum_{j>i} binomial(j, i) q_j
    for i in range(p, -1, -1):
        target = sp.Integer(int(i == p))
        if plain:  # q_i drops out: solve for q_{i+1}
            above = sum((sp.binomial(j, i) * unknown[j] for j in range(i + 2, degree + 1)), sp.S.Zero)
            unknown[i + 1] = (target - above) / (i + 1)
        else:
            above = sum((sp.binomial(j, i) * unknown[j] for j in range(i + 1, degree + 1)), sp.S.Zero)
            unknown[i] = sp.cancel((target - x * above) / (x - 1))
    return tuple(unknown)

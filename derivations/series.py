"""Truncated power series of roots and their powers, each checked coefficient by coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from derivations.step import Step

__all__ = ["limit_power", "power_series", "power_step", "root_series", "root_steps"]


def _coefficients(expression: sp.Expr, x: sp.Symbol, order: int) -> list[sp.Expr]:
    poly = sp.Poly(sp.expand(expression), x)
    return [sp.factor(poly.coeff_monomial(x**k)) for k in range(order)]


def root_series(
    invariants: Sequence[sp.Expr], second: sp.Expr, x: sp.Symbol, order: int
) -> list[list[sp.Expr]]:
    """Coefficients of the poles: the one that starts at 1, and the other, at ``second``."""
    if len(invariants) == 1:
        return [_coefficients(invariants[0], x, order)]
    t, d = (_coefficients(e, x, order) for e in invariants)
    one, two = [sp.S.One], [second]
    for k in range(1, order):
        inner = sp.Add(*(one[i] * two[k - i] for i in range(1, k)))
        first = sp.factor((d[k] - inner - t[k]) / (second - 1))
        one.append(first)
        two.append(sp.factor(t[k] - first))
    return [one, two]


def power_series(root: Sequence[sp.Expr], n: sp.Expr, leading: sp.Expr) -> list[sp.Expr]:
    """Coefficients of root**n, from z p' = n z' p; ``leading`` is the value at zero."""
    relative = [sp.S.One]
    for k in range(1, len(root)):
        total = sp.Add(*((n * i - (k - i)) * root[i] * relative[k - i] for i in range(1, k + 1)))
        relative.append(sp.factor(total / (k * root[0])))
    return [leading * c for c in relative]


def horner(coefficients: Sequence[sp.Expr], x: sp.Symbol) -> sp.Expr:
    """The truncated series as an expression."""
    return sp.Add(*(c * x**k for k, c in enumerate(coefficients)))


def slope(coefficients: Sequence[sp.Expr], x: sp.Symbol) -> sp.Expr:
    """Its derivative."""
    return sp.Add(*(k * c * x ** (k - 1) for k, c in enumerate(coefficients) if k))


def root_steps(
    invariants: Sequence[sp.Expr], names: Sequence[sp.Symbol], given: Any, x: sp.Symbol, order: int
) -> list[Step]:
    """Each series satisfies the characteristic polynomial up to the remainder."""
    d = len(invariants)
    steps = []
    for name in names:
        polynomial = name**d + sp.Add(*(
            (-1) ** (i + 1) * e * name ** (d - 1 - i) for i, e in enumerate(invariants)
        ))
        steps.append(Step(
            because=f"The pole ${sp.latex(name)}$ as a power series: it satisfies the characteristic "
            f"polynomial, "
            "coefficient by coefficient.",
            lhs=polynomial, rhs=sp.S.Zero, given=given, modulo=(x, order),
        ))
    return steps


def power_step(
    name: sp.Symbol, power: sp.Symbol, slopes: tuple[sp.Symbol, sp.Symbol], n: sp.Expr, given: Any,
    x: sp.Symbol, order: int,
) -> Step:
    """z p' = n z' p for p = z**n."""
    return Step(
        because=f"The power ${sp.latex(power)}={sp.latex(name)}^n$ with $n$ as in the sequences solves "
        "$zp'=n\\,z'p$ coefficient by coefficient (primes: derivatives of the series).",
        lhs=name * slopes[1], rhs=n * power * slopes[0], given=given, modulo=(x, order - 1),
    )


def limit_power(
    root: Sequence[sp.Expr], base: sp.Expr, x: sp.Symbol
) -> tuple[sp.Expr, sp.Expr, list[Step]]:
    r"""z(x)**(1/x) = E f(x) for z = 1 - r x + ..., E = exp(-r): log z, f and their checks."""
    order = len(root)
    log = [sp.S.Zero]
    for k in range(1, order):
        # l' z = z'
        total = k * root[k] - sp.Add(*(i * log[i] * root[k - i] for i in range(1, k)))
        log.append(sp.factor(total / k))
    # f = exp(log/x - log_1): f' = (log/x)' f
    inner = log[1:]
    f = [sp.S.One]
    for k in range(1, order - 1):
        f.append(sp.factor(sp.Add(*(i * inner[i] * f[k - i] for i in range(1, k + 1))) / k))
    z, l, p = sp.symbols(r"z \ell p")
    dz, dl, dp = sp.symbols(r"z' \ell' p'")
    scaled = [base * c for c in f]
    given = {z: horner(root, x), dz: slope(root, x), l: horner(log, x), dl: slope(log, x),
             p: horner(scaled, x), dp: slope(scaled, x)}
    steps = [
        Step(because=r"The logarithm $\ell=\ln z$ of the slow pole: $\ell'z=z'$.", lhs=dl * z, rhs=dz,
             given=given, modulo=(x, order - 1)),
        Step(because=r"Its $M$-th power, $p=z^{1/\epsilon}$, is $e^{\ell/\epsilon}$ and solves "
             r"$\epsilon^2p'=(\epsilon\ell'-\ell)p$; at $\epsilon=0$ it is $E=e^{-\kappa}$ with the first "
             r"coefficient of $\ell$ in the exponent.",
             lhs=x**2 * dp, rhs=(x * dl - l) * p, given=given, modulo=(x, order)),
    ]
    return horner(log, x), horner(scaled, x), steps

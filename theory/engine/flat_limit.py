r"""The exact limit of zero curvature, by power series in :math:`x=\eta\lambda`.

At x = 0 one pole of a rule is 1 and, for one- and two-state rules, the other is rational in the
hyperparameters. Both continue as power series :math:`z_i(x)` with rational coefficients, and
:math:`z_i^n=z_i(0)^n\exp(n\log(z_i(x)/z_i(0)))` has coefficients polynomial in n. So every sequence
is a series over the field of rational functions in the hyperparameters, M and :math:`z_i(0)^M`;
the quotient of the leading coefficients of numerator and denominator is the limit.
"""

from __future__ import annotations

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.fields import FracElement, field

from theory.engine.present import Presentation
from theory.engine.rational_matrix import Polynomial, PolynomialRing
from theory.engine.setting import Setting
from theory.errors import TheoryError
from theory.symbols import curvature, learning_rate, steps_per_epoch, weight_decay

__all__ = ["flat_limit"]

Series = list[FracElement]


def flat_limit(setting: Setting, numerator: Polynomial, denominator: Polynomial) -> sp.Expr:
    """Limit of the fraction as the curvature goes to zero.

    Raises
    ------
    TheoryError
        If the rule has more than two states, or the quantity diverges.
    """
    rule = setting.rule
    if rule.state_size > 2 or weight_decay in rule.parameters:
        raise TheoryError(
            f"the flat limit is derived for rules of at most two states without weight decay; "
            f"{rule.name} has {rule.state_size}"
        )
    symbols = setting.ring.symbols
    invariants = [e.subs(learning_rate, 1) for e in setting.invariants("left")]
    second = sp.factor(invariants[0].subs(curvature, 0)) - 1 if len(invariants) == 2 else sp.S.One
    power = sp.Dummy("power")
    generators = setting.generators["left", "M"] if "M" in setting.segments else ()
    own = [s for s in symbols if s not in generators and s != curvature]
    ground, *elements = field([*own, power], QQ)
    table = dict(zip([*own, power], elements, strict=True))
    shift = 1 if setting.remembering else 0
    place = symbols.index(curvature)
    lowest = min(e[place] for e in denominator.to_dict())
    for order in range(lowest + 1, lowest + 9, 2):
        values = _values(order, own, table, ground)
        if generators:
            traces = [_series(e, order, ground) for e in invariants]
            n = table[steps_per_epoch] - shift
            found = _sequences(traces, second, n, table[power], ground, shift)
            values |= dict(zip(generators, found, strict=True))
        top = _insert(numerator, symbols, values, ground)
        bottom = _insert(denominator, symbols, values, ground)
        lead = next((k for k, c in enumerate(bottom) if c), None)
        if lead is not None:
            break
    else:
        raise TheoryError("the quantity has no limit at zero curvature to the order tried")
    if any(top[:lead]):
        raise TheoryError("the quantity diverges at zero curvature")
    ring = PolynomialRing(symbols=(power, *own))
    shown = Presentation(ring=ring, count=1, replacements={power: second**steps_per_epoch})
    return shown.closed_form(*ring.fraction((top[lead] / bottom[lead]).as_expr()))


def _series(expression: sp.Expr, order: int, ground: FracElement) -> Series:
    """Coefficients of a polynomial in x."""
    found = [ground(0)] * order
    for (k,), c in sp.Poly(expression, curvature).terms():
        if k < order:
            found[k] = ground.from_expr(c)
    return found


def _values(
    order: int, own: list[sp.Symbol], table: dict[sp.Symbol, FracElement], ground: FracElement
) -> dict[sp.Symbol, Series]:
    """Series of the ring's symbols that are no sequences."""
    values = {curvature: _series(curvature, order, ground)}
    return values | {s: [table[s], *[ground(0)] * (order - 1)] for s in own}


def _mul(a: Series, b: Series, ground: FracElement) -> Series:
    out = [ground(0)] * len(a)
    for i, p in enumerate(a):
        if p:
            for j, q in enumerate(b[: len(a) - i]):
                if q:
                    out[i + j] += p * q
    return out


def _inverse(a: Series, ground: FracElement) -> Series:
    out = [1 / a[0]]
    for k in range(1, len(a)):
        out.append(-sum((a[i] * out[k - i] for i in range(1, k + 1)), ground(0)) / a[0])
    return out


def _power(root: Series, n: FracElement, leading: FracElement, ground: FracElement) -> Series:
    """root**n with root**n = leading at x = 0, from f' root = n root' f."""
    out = [leading]
    for k in range(1, len(root)):
        total = ground(0)
        for i in range(1, k + 1):
            total += (n * i - (k - i)) * root[i] * out[k - i]
        out.append(total / (k * root[0]))
    return out


def _roots(traces: list[Series], second: FracElement, ground: FracElement) -> tuple[Series, Series]:
    """Both poles as series: z1 = 1 + ..., z1 + z2 and z1 z2 given, coefficient by coefficient."""
    t, d = traces
    one, two = [ground(1)], [second]
    for k in range(1, len(t)):
        # z1_k + z2_k = t_k;  z1_0 z2_k + z1_k z2_0 = d_k - sum of the inner products
        inner = sum((one[i] * two[k - i] for i in range(1, k)), ground(0))
        first = (d[k] - inner - t[k]) / (second - 1)
        one.append(first)
        two.append(t[k] - first)
    return one, two


def _sequences(
    traces: list[Series], second: sp.Expr, n: FracElement, power: FracElement,
    ground: FracElement, shift: int,
) -> list[Series]:
    """The generators u_0(n), u_1(n) (or z**n for one state) as series."""
    if len(traces) == 1:
        return [_power(traces[0], n, ground(1), ground)]
    z0 = ground.from_expr(sp.sympify(second))
    one, two = _roots(traces, z0, ground)
    p1 = _power(one, n, ground(1), ground)
    p2 = _power(two, n, power / z0**shift, ground)
    gap = _inverse([a - b for a, b in zip(one, two, strict=True)], ground)
    u = _mul([a - b for a, b in zip(p1, p2, strict=True)], gap, ground)
    # W_n = z1 z2 U_{n-1} = (z2 z1^n - z1 z2^n) / (z1 - z2)
    crossed = [a - b for a, b in zip(_mul(two, p1, ground), _mul(one, p2, ground), strict=True)]
    return [_mul(crossed, gap, ground), u]


def _insert(
    polynomial: Polynomial, symbols: tuple[sp.Symbol, ...], values: dict[sp.Symbol, Series],
    ground: FracElement,
) -> Series:
    """Evaluate a polynomial at power series."""
    order = len(next(iter(values.values())))
    total = [ground(0)] * order
    powers: dict[tuple[int, int], Series] = {}

    def power(i: int, e: int) -> Series:
        if (i, e) not in powers:
            base = values[symbols[i]]
            powers[i, e] = base if e == 1 else _mul(power(i, e - 1), base, ground)
        return powers[i, e]

    for exponents, c in polynomial.to_dict().items():
        term = [ground(int(c)), *[ground(0)] * (order - 1)]
        for i, e in enumerate(exponents):
            if e:
                term = _mul(term, power(i, int(e)), ground)
        total = [a + b for a, b in zip(total, term, strict=True)]
    return total

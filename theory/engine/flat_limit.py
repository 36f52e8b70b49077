r"""The exact limit of zero curvature, by power series in :math:`x=\eta\lambda`.

At x = 0 one pole of a rule is 1 and, for one- and two-state rules, the other is rational in the
hyperparameters. Both continue as power series :math:`z_i(x)` with rational coefficients, and
:math:`z_i^n=z_i(0)^n\exp(n\log(z_i(x)/z_i(0)))` has coefficients polynomial in n. So every sequence
is a series over the field of rational functions in the hyperparameters, M and :math:`z_i(0)^M`;
the quotient of the leading coefficients of numerator and denominator is the limit.
"""

from __future__ import annotations

import sympy as sp

from theory.engine.present import Presentation
from theory.engine.rational_function import RationalField, RationalFunction
from theory.engine.rational_matrix import Polynomial, PolynomialRing
from theory.engine.setting import Setting
from theory.errors import TheoryError
from theory.symbols import curvature, learning_rate, steps_per_epoch, weight_decay

__all__ = ["flat_limit"]

Series = list[RationalFunction]


def flat_limit(setting: Setting, numerator: Polynomial, denominator: Polynomial) -> sp.Expr:
    """Limit of the fraction as the curvature goes to zero.

    Raises
    ------
    TheoryError
        If the rule has more than two states, or the quantity diverges.
    """
    rule = setting.rule
    decays = weight_decay in rule.parameters
    if rule.state_size > 2 or decays or not (rule.neutral and rule.scales):
        raise TheoryError(
            "the flat limit is derived for rules of at most two states without weight decay; "
            f"{rule.name} has {rule.state_size} and poles {'' if rule.neutral else 'not '}at 1"
        )
    symbols = setting.ring.symbols
    invariants = [e.subs(learning_rate, 1) for e in setting.invariants("left")]
    second = sp.factor(invariants[0].subs(curvature, 0)) - 1 if len(invariants) == 2 else sp.S.One
    power = sp.Dummy("power")
    generators = setting.generators["left", "M"] if "M" in setting.segments else ()
    own = [s for s in symbols if s not in generators and s != curvature]
    ring = PolynomialRing(symbols=(power, *own))
    ground = RationalField(ring)
    table = {s: ground.element(s) for s in (power, *own)}
    shift = 1 if setting.remembering else 0
    place = symbols.index(curvature)
    lowest = min(e[place] for e in denominator.to_dict())
    for order in range(lowest + 1, lowest + 9, 2):
        values = _values(order, own, table, ground)
        if generators:
            traces = [_series(e, order, ground) for e in invariants]
            n = table[steps_per_epoch] - ground(shift)
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
    shown = Presentation(ring=ring, count=1, replacements={power: second**steps_per_epoch})
    limit = top[lead] / bottom[lead]
    return shown.closed_form(limit.numerator, limit.denominator)


def _series(expression: sp.Expr, order: int, ground: RationalField) -> Series:
    """Coefficients of a polynomial in x."""
    found = [ground(0)] * order
    for (k,), c in sp.Poly(expression, curvature).terms():
        if k < order:
            found[k] = ground.element(c)
    return found


def _values(
    order: int, own: list[sp.Symbol], table: dict[sp.Symbol, RationalFunction], ground: RationalField
) -> dict[sp.Symbol, Series]:
    """Series of the ring's symbols that are no sequences."""
    values = {curvature: _series(curvature, order, ground)}
    return values | {s: [table[s], *[ground(0)] * (order - 1)] for s in own}


def _mul(a: Series, b: Series, ground: RationalField) -> Series:
    out = [ground(0)] * len(a)
    for i, p in enumerate(a):
        if p:
            for j, q in enumerate(b[: len(a) - i]):
                if q:
                    out[i + j] = out[i + j] + p * q
    return out


def _inverse(a: Series, ground: RationalField) -> Series:
    out = [ground(1) / a[0]]
    for k in range(1, len(a)):
        known = sum((a[i] * out[k - i] for i in range(1, k + 1)), ground(0))
        out.append(-known / a[0])
    return out


def _power(root: Series, n: RationalFunction, leading: RationalFunction, ground: RationalField) -> Series:
    """root**n with root**n = leading at x = 0, from f' root = n root' f."""
    out = [leading]
    for k in range(1, len(root)):
        total = ground(0)
        for i in range(1, k + 1):
            total = total + (n * ground(i) - ground(k - i)) * root[i] * out[k - i]
        out.append(total / (ground(k) * root[0]))
    return out


def _roots(traces: list[Series], second: RationalFunction, ground: RationalField) -> tuple[Series, Series]:
    """Both poles as series: z1 = 1 + ..., z1 + z2 and z1 z2 given, coefficient by coefficient."""
    t, d = traces
    one, two = [ground(1)], [second]
    for k in range(1, len(t)):
        # z1_k + z2_k = t_k;  z1_0 z2_k + z1_k z2_0 = d_k - sum of the inner products
        inner = sum((one[i] * two[k - i] for i in range(1, k)), ground(0))
        first = (d[k] - inner - t[k]) / (second - ground(1))
        one.append(first)
        two.append(t[k] - first)
    return one, two


def _sequences(
    traces: list[Series], second: sp.Expr, n: RationalFunction, power: RationalFunction,
    ground: RationalField, shift: int,
) -> list[Series]:
    """The generators u_0(n), u_1(n) (or z**n for one state) as series."""
    if len(traces) == 1:
        return [_power(traces[0], n, ground(1), ground)]
    z0 = ground.element(second)
    one, two = _roots(traces, z0, ground)
    p1 = _power(one, n, ground(1), ground)
    p2 = _power(two, n, power / z0 if shift else power, ground)
    gap = _inverse([a - b for a, b in zip(one, two, strict=True)], ground)
    u = _mul([a - b for a, b in zip(p1, p2, strict=True)], gap, ground)
    # W_n = z1 z2 U_{n-1} = (z2 z1^n - z1 z2^n) / (z1 - z2)
    crossed = [a - b for a, b in zip(_mul(two, p1, ground), _mul(one, p2, ground), strict=True)]
    return [_mul(crossed, gap, ground), u]


def _insert(
    polynomial: Polynomial, symbols: tuple[sp.Symbol, ...], values: dict[sp.Symbol, Series],
    ground: RationalField,
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

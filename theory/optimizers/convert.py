"""From one momentum convention to another: the same trajectory, other hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any, NoReturn

import sympy as sp

from theory import symbols
from theory.errors import ConversionError, TheoryError, require_known
from theory.numbers import exact_number
from theory.optimizers.rule import LinearRule

__all__ = ["convert"]

Values = dict[sp.Symbol, Any]

#: values at which a hyperparameter does nothing, tried first where the target has a choice;
#: for hyperparameters of a user's own rule, 1
NEUTRAL: Values = {
    symbols.dampening: sp.S.Zero,
    symbols.weight_decay: sp.S.Zero,
    symbols.immediate_discount: sp.S.Zero,
    symbols.momentum: sp.S.Zero,
    symbols.averaging_rate: sp.S.One,
}


def convert(
    source: LinearRule, target: LinearRule, values: Mapping[str, Any] | None = None
) -> dict[Any, Any]:
    r"""Hyperparameters at which ``target`` reports the same weights as ``source``.

    Equivalent means the same transfer function from gradient noise to reported weights at every
    curvature, :math:`T_s(z;\lambda)=T_t(z;\lambda)`: the same weights from the same gradient noise,
    up to the initial transient (none if both start at rest). Cleared of denominators this is a
    polynomial in z and :math:`\lambda` whose coefficients must vanish; they are solved for the
    hyperparameters of the target, with as many of them as possible at the value where they do
    nothing (no dampening, no weight decay, ...).

    Parameters
    ----------
    source, target
        The two rules; rules of your own work as well.
    values
        Hyperparameters of the source by name: numbers, or SymPy expressions. None leaves all
        symbolic, in the symbols of :mod:`theory.symbols`.

    Returns
    -------
    The hyperparameters of the target. For None or expressions: symbol to expression, in the
    symbols of the source. For numbers: name to number, exact ``Fraction`` unless a float was given.

    Raises
    ------
    ConversionError
        If there are none; the message says at which hyperparameters of the source there would be.
    TheoryError
        If a value is missing, unknown or outside the source's own domain.

    References
    ----------
    Ma & Yarats (2019), appendix C, lists pairs; here they are solved for.
    """
    own = (symbols.learning_rate, *source.parameters)
    given = _read(source, own, values)
    outside: list[Values] = []
    for found in _solutions(source, given, target):
        if not _violated(target, found):
            break
        outside.append(found)
    else:
        _raise_impossible(source, target, given, outside)
    if values is None or any(_is_symbolic(v) for v in values.values()):
        return {s: sp.factor(e) for s, e in found.items()}
    exact = all(isinstance(v, (int, Fraction, sp.Rational)) for v in values.values())
    return {
        s.name: Fraction(int(e.p), int(e.q)) if exact else float(e) for s, e in found.items()
    }


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, sp.Basic) and not value.is_Number


def _read(
    source: LinearRule, own: tuple[sp.Symbol, ...], values: Mapping[str, Any] | None
) -> Values:
    """The source's hyperparameters as SymPy objects; floats stand for their binary values."""
    if values is None:
        return {s: s for s in own}
    names = {s.name for s in own}
    for name in values:
        require_known(name, names, f"hyperparameter of {source.name}")
    missing = [s.name for s in own if s.name not in values]
    if missing:
        raise TheoryError(f"rule {source.name!r} needs {', '.join(missing)}")
    out: Values = {}
    for s in own:
        value = values[s.name]
        if not isinstance(value, sp.Basic):
            ratio = exact_number(s.name, value)
            value = sp.Rational(ratio.numerator, ratio.denominator)
        out[s] = value
    broken = _violated(source, out)
    if broken:
        given = ", ".join(f"{s} = {sp.N(value, 6)}" for s, value in out.items())
        raise TheoryError(f"{source.name} needs {' and '.join(broken)}; got {given}")
    return out


def _solutions(source: LinearRule, given: Values, target: LinearRule) -> Iterator[Values]:
    """Hyperparameters of the target, those with the most neutral values first."""
    z = sp.Dummy("z")
    wanted = source.transfer_function(z).subs(given, simultaneous=True)
    offered = target.transfer_function(z)
    unknown = (symbols.learning_rate, *target.parameters)
    optional = target.parameters
    for size in range(len(optional), -1, -1):
        for chosen in combinations(optional, size):
            fixed = {s: NEUTRAL.get(s, sp.S.One) for s in chosen}
            free = [s for s in unknown if s not in fixed]
            for solution in _match(wanted, sp.together(offered.subs(fixed)), z, free):
                yield {s: fixed[s] if s in fixed else solution[s] for s in unknown}


def _match(
    wanted: sp.Expr, offered: sp.Expr, z: sp.Symbol, free: list[sp.Symbol]
) -> list[dict[sp.Symbol, sp.Expr]]:
    """Solve wanted = offered, for all z and curvatures, for the symbols in ``free``.

    A symbol that stays undetermined (two factors of one product, say) becomes 1.
    """
    names = {s: sp.Dummy(s.name) for s in free}
    first, second = sp.fraction(sp.cancel(wanted))
    third, fourth = sp.fraction(sp.cancel(offered.xreplace(names)))
    gap = sp.Poly(sp.expand(first * fourth - third * second), z, symbols.curvature)
    unknown = list(names.values())
    equations = [sp.factor_terms(c) for c in gap.coeffs()]
    if any(c != 0 and not c.has(*unknown) for c in equations):
        return []
    basis = sp.groebner(equations, *unknown, order="lex")
    if basis.exprs == [1]:
        return []
    found = sp.solve(basis.exprs, unknown, dict=True)
    out = []
    for one in found:
        undetermined = {u: sp.S.One for u in unknown if u not in one}
        full = {s: sp.cancel(one.get(u, u).subs(undetermined)) for s, u in names.items()}
        if not any(e.has(sp.nan, sp.zoo) for e in full.values()):
            out.append(full)
    return out


def _violated(target: LinearRule, found: Values) -> list[str]:
    """What numbers or signs forbid; an undecided condition is left to the caller's numbers."""
    conditions = [c.subs(found) for c in target.domain]
    broken = [f"{c}" for c, now in zip(target.domain, conditions, strict=True) if now == sp.false]
    for s, value in found.items():
        if (s.is_positive and value.is_positive is False) or (
            s.is_nonnegative and value.is_negative
        ):
            broken.append(f"{s} {'>' if s.is_positive else '>='} 0")
    return broken


def _raise_impossible(
    source: LinearRule, target: LinearRule, given: Values, outside: list[Values]
) -> NoReturn:
    """Say why: outside the target's domain, or only at special hyperparameters."""
    head = f"{target.name} cannot follow {source.name}: "
    if outside:
        numbers = ", ".join(f"{s} = {sp.N(e, 6)}" for s, e in outside[0].items())
        broken = " and ".join(_violated(target, outside[0]))
        raise ConversionError(f"{head}it would take {numbers}, but needs {broken}")
    numbers = ", ".join(f"{s} = {sp.N(e, 6)}" for s, e in given.items() if e != s)
    head += (
        f"no hyperparameters give the same response of the reported weights to gradient noise at "
        f"every curvature{' (got ' + numbers + ')' if numbers else ''}"
    )
    way = _special_case(source, target, given)
    if way:
        raise ConversionError(f"{head}; there are some if {source.name} has {way}")
    raise ConversionError(f"{head}. Use a rule that reports the same point")


def _special_case(source: LinearRule, target: LinearRule, given: Values) -> str:
    """The fewest hyperparameters of the source to switch off for a conversion to exist."""
    active = [s for s in source.parameters if s in NEUTRAL and given[s] != NEUTRAL[s]]
    for size in range(1, len(active) + 1):
        ways = []
        for chosen in combinations(active, size):
            off = {s: NEUTRAL[s] for s in chosen}
            if next(_solutions(source, {**given, **off}, target), None) is not None:
                ways.append(" and ".join(f"{s} = {e}" for s, e in off.items()))
        if ways:
            return " or ".join(ways)
    return ""

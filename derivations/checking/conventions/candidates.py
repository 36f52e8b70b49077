"""Single conventions and compositions of two, filtered by symbols and by units before translating."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain, islice

import sympy as sp

from derivations.checking.candidate import Candidate
from derivations.checking.compare import quick_test
from derivations.checking.conventions.compositions import (
    LOOK_AHEAD,
    both_change,
    compose,
    compositions,
    families,
)
from derivations.checking.conventions.convention import Convention
from derivations.checking.conventions.epochs import COUNTED_OTHERWISE, units_set_to_one
from derivations.checking.conventions.laws import (
    Law,
    other_quantities,
    other_rules,
    other_schemes,
    special_cases,
)
from derivations.checking.conventions.noise import CONTINUOUS_TIME
from derivations.checking.conventions.quantity import ERRORS_OF_SCALE
from derivations.checking.homogeneity import DECLARED_UNITS, Homogeneity, Unit, homogeneity
from derivations.checking.replacing import symbols_after
from derivations.checking.target import Target

__all__ = ["conventions", "explanations"]

_MOST_COMPOSITIONS = 100
_UNITS = ("unit-learning-rate", "unit-curvature")


def conventions(
    claim: sp.Expr, target: Target, fixed: frozenset[sp.Symbol] = frozenset()
) -> Iterator[Candidate]:
    """Conventions in which the claim may be right: single ones; if none agrees, compositions of two.

    ``expression`` is the claim translated, so that it equals ``target.truth`` if the convention is the
    explanation. For the law L of another momentum rule it is truth + (claim - L), and ``proof`` holds
    (claim, L): the two are equal if and only if ``expression`` equals the truth.

    None takes a symbol of ``fixed``, written in full or declared by the user, for something else.
    Candidates whose unit is not the target's, or that lack a symbol of the truth, are left out: they
    cannot be equal. At most 150: 100 compositions, and fewer than 50 single ones.
    """
    singles = [
        c for c in families(target) if c.applies(target.rule.name, target.quantity)
        and (c.name not in LOOK_AHEAD or target.rule.name.startswith("averaged:"))
        and not fixed & set(c.rereads)
    ]
    pairs = (
        compose(a, b) for a, b in compositions(target)
        if both_change(a, b, claim.free_symbols) and not fixed & {*a.rereads, *b.rereads}
    )
    seen = {claim}
    laws = _as_laws(claim, other_rules(claim, target), target) if _may_be_law(claim, target) else ()
    agrees = False
    for candidate in chain(_translated(claim, singles, target, seen), laws):
        agrees = agrees or quick_test(candidate.expression, target)
        yield candidate
    if not agrees:
        yield from islice(_translated(claim, pairs, target, seen), _MOST_COMPOSITIONS)


def explanations(claim: sp.Expr, target: Target) -> Iterator[Candidate]:
    """What a claim that is not right may have been meant to be: for the diagnosis, not the verdict.

    Constant factors of other conventions (they make the claim wrong by that factor), noise strengths of
    continuous time, lags and positions counted otherwise, the laws of other quantities and sampling
    schemes, special cases. ``summary`` completes "perhaps meant: ..."; expressions and proofs as in
    :func:`conventions`.
    """
    unit_noise = replace(
        units_set_to_one(target.unit)[0], summary="the formula with the noise variance set to 1"
    )
    singles = [
        c for c in (*ERRORS_OF_SCALE, *CONTINUOUS_TIME, *COUNTED_OTHERWISE, unit_noise)
        if c.applies(target.rule.name, target.quantity)
    ]
    yield from _translated(claim, singles, target, {claim})
    if _may_be_law(claim, target):
        yield from _as_laws(claim, other_schemes(claim, target), target)
        yield from _as_laws(claim, special_cases(claim, target), target)
    if _unit_of(claim) is not None:
        yield from _as_laws(claim, other_quantities(claim, target), target)


def _translated(
    claim: sp.Expr, candidates: Iterable[Convention], target: Target, seen: set[sp.Expr]
) -> Iterator[Candidate]:
    used, wanted = claim.free_symbols, target.truth.free_symbols
    units = homogeneity(claim)
    goal: Unit = (Fraction(target.unit[0]), Fraction(target.unit[1]))
    for convention in candidates:
        if not _possible(convention, used, wanted) or _unit_in(convention, units, used) != goal:
            continue
        after = symbols_after(used | convention.factor.free_symbols, convention.replace)
        if not wanted <= after:
            continue
        expression = convention.translate(claim)
        if expression in seen or (convention.name in _UNITS and _is_monomial(expression / claim)):
            continue
        seen.add(expression)
        table = {s: e for s, e in convention.replace.items() if s != e}
        yield Candidate(
            kind="convention", summary=convention.summary, expression=expression, table=table
        )


def _is_monomial(ratio: sp.Expr) -> bool:
    """Then a unit set to one is a dropped factor, no convention."""
    return all(f.is_number or f.as_base_exp()[0].is_Symbol for f in sp.Mul.make_args(ratio))


def _possible(convention: Convention, used: set[sp.Symbol], wanted: set[sp.Symbol]) -> bool:
    """Nothing that is absent occurs, what is replaced occurs, what is new is in the truth."""
    if used & set(convention.absent):
        return False
    replaced = used & convention.replace.keys()
    if convention.replace and not replaced and convention.factor == 1 and convention.power == 1:
        return False
    new: set[sp.Symbol] = set(convention.factor.free_symbols)
    for s in replaced:
        new |= convention.replace[s].free_symbols
    return new - used <= wanted


def _unit_in(convention: Convention, units: Homogeneity, used: set[sp.Symbol]) -> Unit | None:
    """The unit of the translated claim, from that of the claim."""
    own = dict(DECLARED_UNITS)
    for s in used & convention.replace.keys():
        unit = homogeneity(convention.replace[s]).unit(DECLARED_UNITS)
        if unit is None:
            return None
        own[s] = unit
    found = units.unit(own)
    factor = homogeneity(convention.factor.xreplace(dict(convention.replace))).unit(DECLARED_UNITS)
    if found is None or factor is None:
        return None
    power = convention.power
    return found[0] * power + factor[0], found[1] * power + factor[1]


def _unit_of(claim: sp.Expr) -> Unit | None:
    return homogeneity(claim).unit(DECLARED_UNITS)


def _may_be_law(claim: sp.Expr, target: Target) -> bool:
    """Whether the claim has the unit of the quantity."""
    return _unit_of(claim) == (Fraction(target.unit[0]), Fraction(target.unit[1]))


def _as_laws(claim: sp.Expr, laws: Iterable[Law], target: Target) -> Iterator[Candidate]:
    for summary, law in laws:
        yield Candidate(
            kind="convention", summary=summary, expression=target.truth + claim - law,
            proof=(claim, law),
        )

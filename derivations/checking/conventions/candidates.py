"""Single conventions and compositions of two, filtered by symbols and by units before translating."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, islice, product

import sympy as sp

from derivations.checking.candidate import Candidate
from derivations.checking.conventions.convention import Convention
from derivations.checking.conventions.epochs import COUNTED_OTHERWISE, COUPLED, EPOCHS, units_set_to_one
from derivations.checking.conventions.laws import (
    Law,
    other_quantities,
    other_rules,
    other_schemes,
    special_cases,
    variance_of,
)
from derivations.checking.conventions.momentum import MOMENTUM, ONE_MINUS
from derivations.checking.conventions.noise import CONTINUOUS_TIME, NOISE
from derivations.checking.conventions.quantity import ERRORS_OF_SCALE, QUANTITY
from derivations.checking.homogeneity import DECLARED_UNITS, Homogeneity, Unit, homogeneity
from derivations.checking.replacing import symbols_after
from derivations.checking.target import Target
from theory.symbols import noise_variance, samples, steps_per_epoch

__all__ = ["conventions", "explanations"]

_MOST_CANDIDATES = 150
_UNITS = ("unit-learning-rate", "unit-curvature")
#: alone, the law of the other rule is compared: it has no singularity at eta lambda = 1
_LOOK_AHEAD = ("nesterov", "heavy-ball-for-nesterov")


def conventions(
    claim: sp.Expr, target: Target, fixed: frozenset[sp.Symbol] = frozenset()
) -> Iterator[Candidate]:
    """Conventions in which the claim may be right: single ones first, then compositions of two.

    ``expression`` is the claim translated, so that it equals ``target.truth`` if the convention is the
    explanation. For the law L of another momentum rule it is truth + (claim - L), and ``proof`` holds
    (claim, L): the two are equal if and only if ``expression`` equals the truth.

    None takes a symbol of ``fixed``, written in full or declared by the user, for something else.
    Candidates whose unit is not the target's, or that lack a symbol of the truth, are left out: they
    cannot be equal. At most 150.
    """
    singles = [
        c for c in _families(target) if c.applies(target.rule.name, target.quantity)
        and (c.name not in _LOOK_AHEAD or target.rule.name.startswith("averaged:"))
        and not fixed & set(c.rereads)
    ]
    used = claim.free_symbols
    pairs = (
        compose(a, b) for a, b in _compositions(target)
        if _both_change(a, b, used) and not fixed & {*a.rereads, *b.rereads}
    )
    seen = {claim}
    laws = _as_laws(claim, other_rules(claim, target), target) if _may_be_law(claim, target) else ()
    found = chain(_translated(claim, singles, target, seen), laws, _translated(claim, pairs, target, seen))
    yield from islice(found, _MOST_CANDIDATES)


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


def compose(first: Convention, second: Convention) -> Convention:
    """Translate by ``first``, then by ``second``, whose factor ``first`` must not replace."""
    inner = dict(second.replace)
    replace = {s: e.xreplace(inner) for s, e in first.replace.items()}
    replace |= {s: e for s, e in inner.items() if s not in replace}
    return Convention(
        name=f"{first.name}, {second.name}", summary=f"{first.summary}, and {second.summary}",
        replace=replace, power=first.power * second.power,
        factor=first.factor**second.power * second.factor, absent=(*first.absent, *second.absent),
    )


def _both_change(first: Convention, second: Convention, used: set[sp.Symbol]) -> bool:
    """Whether a composition says more than either half: each must change the claim itself."""
    if first.replace and not used & first.replace.keys():
        return False
    if second.factor != 1 or second.power != 1:
        return True
    inner = used | first.factor.free_symbols
    if second is COUPLED:  # N comes from the first
        inner = inner.union(*(e.free_symbols for s, e in first.replace.items() if s in used))
    return bool(inner & second.replace.keys())


def _families(target: Target) -> Iterable[Convention]:
    return (*MOMENTUM, *QUANTITY, *NOISE, *EPOCHS, *_relative(target), *ONE_MINUS,
            *units_set_to_one(target.unit)[1:])


def _compositions(target: Target) -> Iterator[tuple[Convention, Convention]]:
    """Pairs that make sense, in the order in which they are undone."""
    def own(family: Sequence[Convention]) -> list[Convention]:
        return [c for c in family if c.applies(target.rule.name, target.quantity)]

    momentum, noise, epochs, quantity = map(own, (MOMENTUM, NOISE, EPOCHS, QUANTITY))
    units = units_set_to_one(target.unit)
    yield from product(noise, epochs)
    if samples not in target.scheme.parameters and steps_per_epoch in target.scheme.parameters:
        yield from product(noise, [COUPLED])
    yield from product(quantity, momentum)
    yield from product(noise, momentum)
    yield from product(momentum, epochs)
    yield from ((a, b) for a in momentum for b in momentum if b.name in _LOOK_AHEAD and a is not b)
    yield from product(ONE_MINUS, momentum)
    yield from product(quantity, noise)
    yield from ((a, units[0]) for a in units[1:])
    yield from product(momentum, units[:1])
    yield from product(ONE_MINUS, noise)
    yield from product(epochs, epochs)


def _relative(target: Target) -> Iterator[Convention]:
    """Values divided by another law: an autocorrelation, a ratio to white noise."""
    variance = variance_of(target)
    if variance is not None:
        yield Convention(
            name="autocorrelation", summary="for the autocorrelation, divided by the variance",
            factor=variance, absent=(noise_variance,),
        )
    scale = target.formula.scale
    if scale is not None and scale.unit == target.unit:
        yield Convention(
            name="relative-to-white", summary="relative to the weight variance under white noise",
            factor=scale.expression, absent=(noise_variance,),
        )


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

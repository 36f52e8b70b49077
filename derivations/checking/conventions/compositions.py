"""Which conventions there are for a target, and which two of them make sense together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

import sympy as sp

from derivations.checking.conventions.convention import Convention
from derivations.checking.conventions.epochs import COUPLED, EPOCHS, units_set_to_one
from derivations.checking.conventions.laws import variance_of
from derivations.checking.conventions.momentum import MOMENTUM, ONE_MINUS
from derivations.checking.conventions.noise import NOISE
from derivations.checking.conventions.quantity import QUANTITY
from derivations.checking.target import Target
from theory.symbols import noise_variance, samples, steps_per_epoch

__all__ = ["LOOK_AHEAD", "both_change", "compose", "compositions", "families"]

#: alone, the law of the other rule is compared: it has no singularity at eta lambda = 1
LOOK_AHEAD = ("nesterov", "heavy-ball-for-nesterov")


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


def both_change(first: Convention, second: Convention, used: set[sp.Symbol]) -> bool:
    """Whether a composition says more than either half: each must change the claim itself."""
    if first.replace and not used & first.replace.keys():
        return False
    if second.factor != 1 or second.power != 1:
        return True
    inner = used | first.factor.free_symbols
    if second is COUPLED:  # N comes from the first
        inner = inner.union(*(e.free_symbols for s, e in first.replace.items() if s in used))
    return bool(inner & second.replace.keys())


def families(target: Target) -> Iterable[Convention]:
    return (*MOMENTUM, *QUANTITY, *NOISE, *EPOCHS, *_relative(target), *ONE_MINUS,
            *units_set_to_one(target.unit)[1:])


def compositions(target: Target) -> Iterator[tuple[Convention, Convention]]:
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
    yield from ((a, b) for a in momentum for b in momentum if b.name in LOOK_AHEAD and a is not b)
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

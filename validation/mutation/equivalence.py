"""Mutants that are no errors: the same function, the same region, or the same limit.

Two exact values that differ settle most of them; the rest needs a proof by both polynomial engines.
What is neither refuted nor proved counts as a mutant.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp

from derivations import Step
from derivations.step import Outcome
from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.formula import Formula
from theory.symbols import curvature, learning_rate, momentum, steps_per_epoch
from validation.evidence.limits import law_of
from validation.evidence.numbers import NotRational, rational_value
from validation.evidence.points import parameters_of
from validation.evidence.subjects import subject_of
from validation.evidence.subjects.additive_noise import ADDITIVE_NOISE
from validation.mutation.mutants import Mutant
from validation.mutation.regions import same_region

__all__ = ["is_equivalent"]

_epsilon, _kappa, _g = (sp.Symbol(name, positive=True) for name in ("epsilon", "kappa", "g"))
_LONG = {steps_per_epoch: 1 / _epsilon}
_KINETIC = {learning_rate: _epsilon**2, momentum: 1 - _g * _epsilon}
#: the limit a formula states, and up to which order: a mutant that differs beyond it states the same
_LIMITS: Mapping[str, tuple[Mapping[sp.Symbol, sp.Expr], int]] = {
    "flat-weight-variance-long-epoch": (_LONG, 1),
    "correlation-time-flat": (_LONG, 1),
    "reshuffled-weight-variance-long-epoch": (_LONG, 2),
    "reshuffled-weight-variance-small-step": (
        {**_LONG, curvature: _kappa * (1 - momentum) * _epsilon / learning_rate}, 1,
    ),
    "kinetic-weight-variance": (_KINETIC, 1),
    "kinetic-velocity-variance": (_KINETIC, 1),
    "continuous-time-weight-variance": ({learning_rate: _epsilon, momentum: sp.S.Zero}, 1),
    "kinetic-flat-weight-variance": ({**_LONG, momentum: 1 - _g * _epsilon}, 1),
}


def is_equivalent(entry: Entry, mutant: Mutant) -> bool:
    """Whether the mutant says the same as the entry's formula: proved, never guessed."""
    original = entry.formula
    if mutant.part == "unit":
        return False
    if mutant.part == "condition":
        return same_region(original, mutant.formula)
    if _different_values(entry, original, mutant.formula):
        return _same_limit(entry, mutant.formula)
    return _proved_equal(original, mutant.formula) or _same_limit(entry, mutant.formula)


def _different_values(entry: Entry, original: Formula, mutant: Formula) -> bool:
    """Whether exact values at two random points show a difference."""
    for point in _points(entry, mutant):
        try:
            values = [
                rational_value(f, {s.name: point[s.name] for s in f.parameters})
                for f in (original, mutant)
            ]
        except NotRational:
            continue
        except (ArithmeticError, ValueError):
            return True  # undefined where the original is not
        if values[0] != values[1]:
            return True
    return False


def _points(entry: Entry, mutant: Formula) -> Iterator[Mapping[str, Any]]:
    """Two random points, for two choices of the whole numbers where the formula has some."""
    rng, law = random.Random(f"equivalence/{entry.slug}"), law_of(entry)
    subject, names = subject_of(law), parameters_of(law, mutant)
    if subject is ADDITIVE_NOISE:
        cases: Sequence[Mapping[str, int]] = [
            {"steps_per_epoch": m, "position": 2, "lag": 2 + m * ("beyond" in entry.slug)} for m in (4, 5)
        ]
    else:
        cases = subject.wholes(law, law.formula).cases[-2:]
    for case in cases:
        yield subject.point(law, names, case, rng)


def _proved_equal(original: Formula, mutant: Formula) -> bool:
    """The identity, through the named quantities of either side."""
    renamed = {name: sp.Symbol(f"{name}_mutant", real=True) for name, _ in mutant.where}
    given: dict[Any, Any] = dict(original.where)
    given |= {renamed[name]: value.xreplace(renamed) for name, value in mutant.where}
    step = Step(
        because="the mutant is the formula", lhs=mutant.compact.xreplace(renamed),
        rhs=original.compact, given=given, domain=original.valid_if,
    )
    return _proved(step)


def _same_limit(entry: Entry, mutant: Formula) -> bool:
    """Of a formula that states a limit: whether the mutant differs only beyond its order."""
    if entry.slug not in _LIMITS:
        return False
    scaling, order = _LIMITS[entry.slug]
    sides = [f.expression.subs(scaling) for f in (mutant, entry.formula)]
    decays = {
        atom: _decay(atom.args[0], place)
        for place, atom in enumerate(sorted(set().union(*(s.atoms(sp.exp) for s in sides)), key=str))
    }
    if None in decays.values():
        return False
    ratio = sides[0].xreplace(decays) / sides[1].xreplace(decays)
    return _proved(Step(
        because="the limit is the same", lhs=ratio, rhs=sp.S.One, modulo=(_epsilon, order)
    ))


def _decay(exponent: sp.Expr, place: int) -> sp.Expr | None:
    """exp(a + b epsilon + ...) is exp(a) (1 + R epsilon) with a bounded R; None if it has no limit."""
    reduced = sp.cancel(exponent)
    if sp.fraction(reduced)[1].subs(_epsilon, 0) == 0:
        return None
    start = sp.cancel(reduced.subs(_epsilon, 0))
    rest = sp.Symbol(f"R_{place}") * _epsilon if sp.cancel(reduced - start) != 0 else sp.S.Zero
    return sp.exp(start) * (1 + rest)


def _proved(step: Step) -> bool:
    try:
        return step.check().outcome is Outcome.PROVED
    except (TheoryError, ZeroDivisionError, ArithmeticError):
        return False

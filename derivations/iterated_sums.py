"""The one-line form of the reshuffled weight variance: two sequences with one recurrence."""

from __future__ import annotations

import sympy as sp

from derivations.derivation import Derivation
from derivations.moments import derive_moment
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.law import stationary_law
from theory.symbols import (
    curvature,
    learning_rate,
    momentum,
    noise_variance,
    steps_per_epoch,
)

__all__ = ["derive_iterated_sums"]

_M = steps_per_epoch


def derive_iterated_sums(entry: Entry, formula: Formula) -> Derivation:
    r"""Derive the closed form in U and W first, then show that both numerators are one sequence.

    Clear both forms of :math:`M(M-1)`. Each numerator is a sequence in M that the operator
    :math:`(E-1)^3(E^2-sE+\beta)` (E shifts M by one) annihilates: in U, W and powers of M by
    calculation, in F by definition. Equal at five values of M in a row, they are equal.
    """
    law = stationary_law(entry.rule, entry.scheme).weight_variance
    base = derive_moment(entry.rule, entry.scheme, "weight-variance", law)
    clear = (
        _M * (_M - 1) * (1 - momentum) * (2 * (1 + momentum) - learning_rate * curvature)
        / (2 * learning_rate**2 * noise_variance)
    )
    known = sp.expand(sp.cancel(sp.together(law.compact * clear)))
    claimed = sp.expand(formula.compact * clear)
    z = sp.Dummy("z")
    trace = 1 + momentum - learning_rate * curvature
    operator = sp.Poly(sp.expand((z - 1) ** 3 * (z**2 - trace * z + momentum)), z)
    steps = [*base.steps]
    for name, sequence in (
        ("The numerator of this form, in $U$, $W$ and $M$, obeys a recurrence of order five in $M$,",
         known),
        ("and so does the numerator in $F$:", claimed),
    ):
        steps.append(Step(
            because=name,
            lhs=sp.Add(*(c * sequence.subs(_M, _M + k) for (k,), c in operator.terms())),
            rhs=sp.S.Zero,
        ))
    rests = sp.Symbol("N_{UW}"), sp.Symbol("N_{F}")
    for rest, value, whole, words in (
        (rests[0], known, law.compact, "This numerator belongs to the law derived above:"),
        (rests[1], claimed, formula.compact, "and that one to the printed formula:"),
    ):
        steps.append(Step(because=words, lhs=rest / clear, rhs=whole, given={rest: value},
                          domain=formula.valid_if))
    for m in range(5):
        steps.append(Step(
            because=f"The two numerators agree at $M={m}$" + (", hence at every $M$." if m == 4 else ","),
            lhs=_at(known, m), rhs=_at(claimed, m),
        ))
    return Derivation(
        slug=formula.slug, title=formula.title, steps=tuple(steps), result=formula,
        setting=(*base.setting, r"$F$ is the Lucas sequence $U$ summed three times."),
    )


def _at(sequence: sp.Expr, m: int) -> sp.Expr:
    """Integer values of the sequences are polynomials in the hyperparameters."""
    return sequence.subs(_M, m)

"""Limits and expansions: the exact law with the scaling put in, its first coefficients checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.flat_direction import EXACT, LIMIT, binet_steps, derive_flat, published_flat_steps
from derivations.moments import derive_moment
from derivations.series import limit_power, root_series
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.engine.law import setting_for
from theory.errors import TheoryError
from theory.formula import Formula
from theory.law import stationary_law
from theory.sequences import LucasSequence
from theory.symbols import curvature, learning_rate, momentum, steps_per_epoch

__all__ = ["LIMITS", "derive_limit"]

_M, _beta, _eta, _lambda = steps_per_epoch, momentum, learning_rate, curvature
_small = sp.Symbol("epsilon", positive=True)
log = sp.Symbol(r"\ell")
_slow = sp.Symbol("E", positive=True)


def derive_limit(entry: Entry, formula: Formula) -> Derivation:
    """The derivation of the exact quantity, then its limit.

    Raises
    ------
    TheoryError
        If the limit has no derivation.
    """
    if entry.slug not in LIMITS:
        raise TheoryError(f"no derivation for the limit {entry.slug!r}; there is one for {', '.join(LIMITS)}")
    exact = stationary_law(entry.rule, entry.scheme).quantity(entry.quantity)
    flat = entry.quantity.startswith("flat-")
    derive = derive_flat if flat else derive_moment
    parent = derive(entry.rule, entry.scheme, entry.quantity, exact)
    return Derivation(
        slug=formula.slug, title=formula.title,
        setting=(*parent.setting, "First the exact law, then its limit."),
        steps=(*parent.steps, *LIMITS[entry.slug](entry, exact, formula)), result=formula,
    )


def _ratio(
    because: str, exact: Formula, formula: Formula, given: Mapping[Any, Any], order: int = 1
) -> Step:
    return Step(
        because=because, lhs=EXACT / LIMIT, rhs=sp.S.One,
        given={**given, EXACT: exact.expression, LIMIT: formula.compact},
        domain=formula.valid_if, modulo=(_small, order),
    )


def _decays(formula: Formula, scaling: Mapping[Any, Any], rate: sp.Symbol) -> dict[Any, Any]:
    """The exponentials of a formula as powers of E = exp(-rate).

    Raises
    ------
    TheoryError
        If the scaling makes one of them no whole power of E.
    """
    given: dict[Any, Any] = {}
    for atom in formula.compact.atoms(sp.exp):
        power = sp.cancel(-atom.args[0].subs(scaling) / rate)
        if not power.is_Integer:
            raise TheoryError(f"{atom} is no whole power of exp(-{rate}) in this limit")
        given[atom] = _slow**power
    return given


def _long_flat(entry: Entry, exact: Formula, formula: Formula) -> list[Step]:
    return published_flat_steps(exact, formula.compact)


def _long_epoch(entry: Entry, exact: Formula, formula: Formula) -> list[Step]:
    sequences = exact.expression.atoms(LucasSequence)
    return [_ratio(
        r"At fixed curvature both poles lie inside the unit circle, so the sequences decay exponentially "
        r"in $M$ and "
        r"drop out of an expansion in $\epsilon=1/M$. The first two terms are the printed ones:",
        exact, formula, {**dict.fromkeys(sequences, sp.S.Zero), _M: 1 / _small}, order=2,
    )]


def _small_step(entry: Entry, exact: Formula, formula: Formula) -> list[Step]:
    kappa = sp.Symbol("kappa", positive=True)
    setting = setting_for(entry.rule, entry.scheme, "mean", cross=False, velocity=False)
    invariants = setting.invariants("left")
    scaling = kappa * (1 - _beta) * _small / _eta
    scaled = [sp.expand(e.subs(_lambda, scaling)) for e in invariants]
    order = 4
    roots = root_series(scaled, _beta, _small, order)
    first, power, steps = limit_power(roots[0], _slow, _small)
    z1, z2, p1 = sp.symbols("z_1 z_2 p_1")
    given: dict[Any, Any] = {
        z1: sp.Add(*(c * _small**k for k, c in enumerate(roots[0]))),
        z2: sp.Add(*(c * _small**k for k, c in enumerate(roots[1]))),
        p1: power, _lambda: scaling, _M: 1 / _small,
        LucasSequence(1, _M, *invariants): p1 / (z1 - z2),
        LucasSequence(0, _M, *invariants): z2 * p1 / (z1 - z2),
    } | _decays(formula, {_lambda: scaling, _M: 1 / _small}, kappa)
    checks = [
        Step(
            because=rf"With $\epsilon=1/M$ the scaling is $\lambda=\kappa(1-\beta)\epsilon/\eta$; the "
            rf"pole ${sp.latex(z)}$ as a series in "
            r"$\epsilon$ satisfies the characteristic polynomial,",
            lhs=z**2 - invariants[0] * z + invariants[1], rhs=sp.S.Zero, given=given, modulo=(_small, order),
        )
        for z in (z1, z2)
    ]
    rate = Step(because=r"and the slow one is $e^{-\kappa\epsilon}$ to first order, so $E=e^{-\kappa}$.",
                lhs=log, rhs=-kappa * _small, given={log: first}, modulo=(_small, 2))
    return [*binet_steps(2), *checks, *steps, rate, _ratio(
        r"$z_2^M\to\beta^M$ vanishes exponentially, $z_1^M=p$. The exact law over the printed one:",
        exact, formula, given,
    )]


def _kinetic_flat(entry: Entry, exact: Formula, formula: Formula) -> list[Step]:
    mu = sp.Symbol("mu", positive=True)
    root = [sp.S.One, -mu, sp.S.Zero, sp.S.Zero]
    first, power, steps = limit_power(root, _slow, _small)
    given: dict[Any, Any] = {_beta**_M: power, _beta: 1 - mu * _small, _M: 1 / _small}
    given |= _decays(formula, {_beta: 1 - mu * _small, _M: 1 / _small}, mu)
    rate = Step(because=r"With $\epsilon=1/M$ the scaling is $\beta=1-\mu\epsilon$, so $E=e^{-\mu}$.",
                lhs=log, rhs=-mu * _small, given={log: first}, modulo=(_small, 2))
    return [*steps, rate, _ratio("The exact flat law over the printed one:", exact, formula, given)]


def _kinetic(entry: Entry, exact: Formula, formula: Formula) -> list[Step]:
    rate = sp.Symbol("g", positive=True)
    given = {_eta: _small**2, _beta: 1 - rate * _small}
    return [_ratio(
        r"Kinetic scaling: $\eta=\epsilon^2$, $1-\beta=g\epsilon$ at fixed $g$. The exact law over the "
        r"printed one:",
        exact, formula, given,
    )]


def _continuous(entry: Entry, exact: Formula, formula: Formula) -> list[Step]:
    return [_ratio(
        r"Plain SGD has $\beta=0$; with $\eta=\epsilon\to0$ the exact law over the printed one is",
        exact, formula, {_eta: _small, _beta: sp.S.Zero},
    )]


LIMITS: Mapping[str, Callable[[Entry, Formula, Formula], list[Step]]] = {
    "flat-weight-variance-long-epoch": _long_flat,
    "correlation-time-flat": _long_flat,
    "reshuffled-weight-variance-long-epoch": _long_epoch,
    "reshuffled-weight-variance-small-step": _small_step,
    "kinetic-weight-variance": _kinetic,
    "kinetic-velocity-variance": _kinetic,
    "continuous-time-weight-variance": _continuous,
    "kinetic-flat-weight-variance": _kinetic_flat,
}

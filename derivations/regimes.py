"""Where the regimes meet: crossover of the correlation times, critical damping, stability limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from derivations.derivation import Derivation
from derivations.flat_direction import derive_flat, published_flat_steps
from derivations.moments import combined
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.law import stationary_law
from theory.sampling import fresh_batches, reshuffled
from theory.symbols import curvature, learning_rate, momentum, steps_per_epoch

__all__ = ["REGIMES"]

_M, _beta, _eta, _lambda = steps_per_epoch, momentum, learning_rate, curvature


#: trace and determinant of one step of heavy ball
t, p = sp.symbols("t p")
_coefficients = {t: 1 + _beta - _eta * _lambda, p: _beta}


def _prose(formula: Formula, text: str) -> tuple[str, ...]:
    return (text,)


def crossover(entry: Entry, formula: Formula) -> Derivation:
    """Equal correlation times of the steep and the flat regime."""
    flat = stationary_law(entry.rule, reshuffled()).quantity("flat-correlation-time")
    steep = stationary_law(entry.rule, fresh_batches()).quantity("correlation-time")
    one = combined("correlation-time", steep, entry.rule, fresh_batches())
    two = derive_flat(entry.rule, reshuffled(), "flat-correlation-time", flat)
    time = sp.Symbol(r"\tau_{steep}")
    long_epoch = _M * (1 + _beta) / (3 * (1 - _beta))
    steps = [
        *one.steps,
        Step(because="In steep directions the correlation time is that of white noise,",
             lhs=time, rhs=(1 + _beta) / (_eta * _lambda), given={time: steep.expression}),
        *two.steps, *published_flat_steps(flat, long_epoch),
        Step(because="The two regimes meet where the two times are equal: at the printed curvature.",
             lhs=(1 + _beta) / (_eta * _lambda), rhs=long_epoch, given={_lambda: formula.compact},
             domain=formula.valid_if),
    ]
    return Derivation(
        slug=formula.slug, title=formula.title, steps=tuple(steps), result=formula, setting=(
            *one.setting, r"The crossover is where the correlation times of the two regimes agree: first "
                          r"that of steep "
            "directions, then that of flat ones for long epochs.",
        ),
    )


def _polynomial(entry: Entry, z: sp.Expr) -> sp.Expr:
    dummy = sp.Dummy("z")
    return entry.rule.characteristic_polynomial(dummy).subs(dummy, z)


def _characteristic(entry: Entry) -> Step:
    z, x, y = sp.symbols("z delta v")
    after = entry.rule.step((x, y), lambda point: _lambda * point)
    matrix = sp.Matrix(after).jacobian([x, y])
    return Step(
        because=r"Without noise one step is linear; its matrix has the characteristic polynomial $\chi(z)$,",
        lhs=(z * sp.eye(2) - matrix).det(method="berkowitz"),
        rhs=z**2 - (1 + _beta - _eta * _lambda) * z + _beta,
    )


def discriminant(entry: Entry, formula: Formula) -> Derivation:
    """(z1 - z2)², from the trace and the determinant."""
    z1, z2 = sp.symbols("z_1 z_2")
    steps = (
        _characteristic(entry),
        Step(because=r"so $z_1+z_2=1+\beta-\eta\lambda$ and $z_1z_2=\beta$; the discriminant is "
        r"$(z_1-z_2)^2$,",
             lhs=(z1 - z2) ** 2, rhs=(z1 + z2) ** 2 - 4 * z1 * z2),
        Step(because="in the hyperparameters the printed formula.",
             lhs=t**2 - 4 * p, rhs=formula.compact, given=_coefficients, domain=formula.valid_if),
    )
    return Derivation(
        slug=formula.slug, title=formula.title, steps=steps, result=formula,
        setting=_prose(formula, "Heavy ball on a quadratic loss: a pair of real poles is overdamped, a "
                                "complex pair oscillates."),
    )


def critical(entry: Entry, formula: Formula) -> Derivation:
    """The smaller zero of the discriminant."""
    r = sp.Symbol("r", nonnegative=True)
    disc = (1 + _beta - _eta * _lambda) ** 2 - 4 * _beta
    given = {_beta: r**2}
    steps = (
        _characteristic(entry),
        Step(because=r"whose discriminant factors, with $r=\sqrt\beta$.",
             lhs=disc, rhs=((1 - r) ** 2 - _eta * _lambda) * ((1 + r) ** 2 - _eta * _lambda), given=given),
        Step(because="The first factor vanishes at the printed curvature,",
             lhs=(1 - r) ** 2 - _eta * _lambda, rhs=sp.S.Zero,
             given={_lambda: formula.compact.subs(_beta, r**2)}),
        Step(because=r"and below $(1+r)^2/\eta$, where the second one vanishes.",
             lhs=(1 + r) ** 2 - (1 - r) ** 2, rhs=4 * r),
    )
    return Derivation(
        slug=formula.slug, title=formula.title, steps=steps, result=formula,
        setting=_prose(formula, "Heavy ball on a quadratic loss: critical damping is where the two poles "
                                "meet."),
    )


def stability(entry: Entry, formula: Formula) -> Derivation:
    """The Jury conditions of a quadratic."""
    steps = (
        _characteristic(entry),
        Step(because=r"Both zeros of $z^2-tz+p$ lie inside the unit circle exactly if $\chi(1)>0$, "
        r"$\chi(-1)>0$ and $p<1$ "
             r"(the triangle of stability). Here $\chi(1)=\eta\lambda$ is positive,",
             lhs=1 - t + p, rhs=_eta * _lambda, given=_coefficients),
        Step(because=r"$p=\beta<1$, and $\chi(-1)=1+t+p$ is",
             lhs=1 + t + p, rhs=_polynomial(entry, -sp.S.One), given=_coefficients),
        Step(because=r"positive exactly below the printed learning rate,",
             lhs=_polynomial(entry, -sp.S.One), rhs=_lambda * (formula.compact - _eta),
             domain=formula.valid_if),
        Step(because=r"where a pole reaches $-1$.",
             lhs=_polynomial(entry, -sp.S.One), rhs=sp.S.Zero, given={_eta: formula.compact},
             domain=formula.valid_if),
    )
    return Derivation(
        slug=formula.slug, title=formula.title, steps=steps, result=formula,
        setting=_prose(formula, "Heavy ball on a quadratic loss, one direction of curvature $\\lambda$."),
    )


REGIMES: Mapping[str, Callable[[Entry, Formula], Derivation]] = {
    "crossover-curvature": crossover,
    "critical-damping-curvature": critical,
    "damping-discriminant": discriminant,
    "stability-limit": stability,
}

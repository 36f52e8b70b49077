r"""Independent steps in one direction whose batch curvature fluctuates: law, threshold, label noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.frame import n
from derivations.multiplicative_law import fluctuating_law
from derivations.powers import power_steps
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.errors import TheoryError
from theory.formula import Formula
from theory.symbols import (
    batch_size,
    curvature,
    curvature_variance,
    label_variance,
    lag,
    learning_rate,
    momentum,
    noise_variance,
)

__all__ = ["derive_multiplicative"]

_eta, _beta, _lambda, _psi, _c = learning_rate, momentum, curvature, curvature_variance, noise_variance
_m4 = sp.Symbol("m_4")
_SETTING = (
    r"The batch of step $k$ has curvature $\lambda+\Delta_k$ and gradient noise $\xi_k$. The pairs "
    r"$(\Delta_k,\xi_k)$ are independent from step to step, with mean zero, variances $\psi$ and $c$, and "
    r"any covariance between the two.",
    r"$s_k$ is the state of the direction, its first entry the weight, measured from the minimum; "
    r"$v_k=\theta_k-\theta_{k-1}$.",
)


def derive_multiplicative(entry: Entry, formula: Formula) -> Derivation:
    """The derivation of an entry whose model is "multiplicative".

    Raises
    ------
    TheoryError
        If the entry is none of them.
    """
    known = {
        "mean-square-stability-limit": _threshold,
        "label-noise-weight-variance": _label_noise,
        "label-noise-momentum-weight-variance": _label_noise,
    }
    if entry.model != "multiplicative":
        raise TheoryError(f"{entry.slug} is no law of independent steps with fluctuating curvature")
    steps = known.get(entry.slug, _moment)(entry, formula)
    return Derivation(
        slug=formula.slug, title=formula.title, result=formula, steps=tuple(steps),
        setting=(f"Update rule {entry.rule.name}, scheme {entry.scheme.name}, a quadratic loss.", *_SETTING),
    )


def _moment(entry: Entry, formula: Formula) -> list[Step]:
    law = fluctuating_law(entry, formula.valid_if)
    frame, p, steps = law.frame, law.second, law.steps
    w = frame.rows("weights")
    a = frame.A()
    because, lhs = r"The printed formula is the entry of the weights.", w * p * w.T
    if entry.quantity in ("weight-velocity-covariance", "velocity-variance"):
        now, before = sp.symbols("theta_k theta_{k-1}")
        because = (
            r"The noise of a step does not know where it starts, so $\langle s_ks_{k-1}^\top\rangle=AP$ and "
            r"$\langle\theta_kv_k\rangle=[(I-A)P]_{11}$."
        )
        lhs = w * (frame.identity - a) * p * w.T
        if entry.quantity == "velocity-variance":
            steps.append(frame.step(
                r"With $\langle\theta_k^2\rangle=\langle\theta_{k-1}^2\rangle$ the velocity variance is "
                r"twice the covariance of weight and velocity: the difference averages to nothing.",
                (now - before) ** 2 - 2 * now * (now - before), before**2 - now**2,
            ))
            lhs = 2 * lhs
    if entry.quantity == "weight-autocovariance":
        steps += power_steps(frame)
        steps.append(frame.step(
            r"Later steps neither know the state: $\langle s_{k+\tau+1}s_k^\top\rangle=A\langle "
            r"s_{k+\tau}s_k^\top\rangle$, hence $A^\tau P$.",
            frame.power(n + 1) * p, a * (frame.power(n) * p),
        ))
        because, lhs = r"The printed formula is its entry of the weights.", w * (frame.power(lag) * p) * w.T
    if formula.published is not None:
        steps.append(frame.step(
            r"Without fluctuating curvature ($\psi=0$) it is the published law.",
            lhs, formula.published, {**frame.given, _psi: sp.S.Zero},
        ))
    return [*steps, frame.step(because, lhs, formula.compact)]


def _threshold(entry: Entry, formula: Formula) -> list[Step]:
    law = fluctuating_law(entry, formula.valid_if)
    frame, steps, gap = law.frame, law.steps, law.mode.gap
    slope = (1 - _beta) * _lambda**2 + (1 + _beta) * _psi
    rest = frame.step(
        r"This is linear in $\eta$ and falls; where the mean becomes unstable, $\eta\lambda=2(1+\beta)$, it "
        r"is no longer positive.",
        gap, -2 * (1 + _beta) ** 2 * _psi / _lambda, {_eta: 2 * (1 + _beta) / _lambda},
    )
    zero = frame.step(
        "Its zero is the printed learning rate.", _eta + gap / slope, formula.compact,
    )
    if formula.published is None:
        return [*steps, rest, zero]
    plain = frame.step(
        "Without momentum it is the published threshold in one dimension.",
        (_eta + gap / slope), formula.published, {_beta: sp.S.Zero},
    )
    return [*steps, rest, plain, zero]


def _label_noise(entry: Entry, formula: Formula) -> list[Step]:
    law = fluctuating_law(entry, formula.valid_if)
    frame, p, steps = law.frame, law.second, law.steps
    w = frame.rows("weights")
    own: Mapping[Any, Any] = {
        _psi: 2 * _lambda**2 / batch_size, _c: _lambda * label_variance / batch_size,
    }
    steps += [
        frame.step(
            r"A sample $(x,\,x\theta_*+\epsilon)$ has curvature $x^2$ and, at the minimum, gradient "
            r"$-x\epsilon$. With $\langle x^2\rangle=\lambda$ and, for Gaussian $x$, "
            r"$\langle x^4\rangle=m_4=3\lambda^2$, the average over $S$ independent samples has "
            r"$\psi=(m_4-\lambda^2)/S$,",
            (_m4 - _lambda**2) / batch_size, own[_psi], {_m4: 3 * _lambda**2},
        ),
    ]
    if formula.published_agrees:
        steps.append(Step(
            because=f"and $c=\\lambda y/S$. The published form ({formula.source}) is the law,",
            lhs=w * p * w.T, rhs=formula.published, given={**frame.given, **own}, domain=formula.valid_if,
        ))
    steps.append(frame.step(
        r"With $c=\lambda y/S$ the entry of the weights is the printed formula.", w * p * w.T,
        formula.compact, {**frame.given, **own},
    ))
    return steps

r"""The stationary mean of a flat direction, from the exact one: a finite sum of responses, term by term."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.frame import n
from derivations.step import Step
from theory.formula import Formula
from theory.sequences import LucasSequence
from theory.symbols import curvature, curvature_gradient_covariance, learning_rate, momentum, steps_per_epoch

__all__ = ["flat_direction_steps"]

_M, _eta, _beta, _lambda = steps_per_epoch, learning_rate, momentum, curvature
_chi = curvature_gradient_covariance
#: the shift over this is :math:`T_M`, the sum over an epoch
_FACTOR = _chi / (_lambda * _M * (_M - 1))


def flat_direction_steps(exact: Formula, formula: Formula) -> list[Step]:
    """Heavy ball: 1. the shift as a sum of responses, 2. the responses and 3. the sum at zero curvature,
    4. the published case, 5. the printed formula."""
    domain = formula.valid_if
    return [
        *_sum_of_responses(exact, domain), *_responses_without_curvature(domain),
        *_sum_without_curvature(domain), *_published(formula),
        Step(because=r"So the shift tends to $\frac{\chi}{\lambda M(M-1)}T_M$ at $\lambda=0$ in $T_M$: the "
             r"printed formula.", lhs=_FACTOR * _total(_M), rhs=formula.compact, domain=domain),
    ]


def _sum_of_responses(exact: Formula, domain: sp.Basic) -> list[Step]:
    """At any curvature: recurrence of the responses, and the sum from its second difference."""
    invariants = (1 + _beta - _eta * _lambda, _beta)
    first, second, third = (-_eta * LucasSequence(1, n + k, *invariants) for k in (1, 2, 3))
    return [
        Step(because=r"Heavy ball has the response $\Psi_n=-\eta U_{n+1}$, with "
             r"$\Psi_{n+2}=(1+\beta-\eta\lambda)\Psi_{n+1}-\beta\Psi_n$.",
             lhs=third, rhs=invariants[0] * second - _beta * first, domain=domain),
        Step(because=r"The exact shift is $\frac{\chi}{\lambda M(M-1)}T_M$ with $T_M=\sum_{n=0}^{M-2}(M-1-n)"
             r"\Psi_n$, whose second difference is $\Psi_{M}$:",
             lhs=_second_difference(exact.expression / _FACTOR),
             rhs=-_eta * LucasSequence(1, _M + 1, *invariants), domain=domain),
    ]


def _responses_without_curvature(domain: sp.Basic) -> list[Step]:
    """The recurrence at zero curvature, solved."""
    return [
        Step(because=r"$T_M$ is a finite sum of polynomials in $\lambda$: its limit is its value at "
             r"$\lambda=0$. There $\Psi_n=-\eta(1-\beta^{n+1})/(1-\beta)$ obeys the recurrence,",
             lhs=_response(n + 2), rhs=(1 + _beta) * _response(n + 1) - _beta * _response(n), domain=domain),
        Step(because=r"from $\Psi_0=-\eta$ and $\Psi_1=-\eta(1+\beta)$.", lhs=_response(sp.S.One),
             rhs=-_eta * (1 + _beta), domain=domain),
    ]


def _sum_without_curvature(domain: sp.Basic) -> list[Step]:
    """T, as the sum of the sums of the responses."""
    return [
        Step(because=r"Its sums grow by $\Psi_n$,", lhs=_step_response(n + 1) - _step_response(n),
             rhs=_response(n), domain=domain),
        Step(because=r"from 0,", lhs=_step_response(sp.S.Zero), rhs=sp.S.Zero, domain=domain),
        Step(because=r"and $T_n$ by these sums,", lhs=_total(n + 1) - _total(n), rhs=_step_response(n),
             domain=domain),
        Step(because=r"from 0.", lhs=_total(sp.S.Zero), rhs=sp.S.Zero, domain=domain),
    ]


def _published(formula: Formula) -> list[Step]:
    """Without momentum, where a published loss has its minimum."""
    if formula.published is None:
        return []
    return [
        Step(
            because=r"Without momentum it is the minimum of $\frac\lambda2\theta^2+\frac\eta4\mathbb E"
            r"[((\lambda+\Delta)\theta+\xi)^2]$, the published modified loss, to leading order: there the "
            r"slope $\lambda\theta+\frac\eta2\chi$ vanishes.",
            lhs=_lambda * formula.published + _eta * _chi / 2, rhs=sp.S.Zero, domain=formula.valid_if,
        ),
        Step(
            because="In the same limit the printed shift is the published one.",
            lhs=formula.compact, rhs=formula.published, given={_beta: sp.S.Zero, _beta**_M: sp.S.Zero},
            domain=formula.valid_if,
        ),
    ]


def _response(k: Any) -> Any:
    """To a kick of one, k steps later, at zero curvature."""
    return -_eta * (1 - _beta ** (k + 1)) / (1 - _beta)


def _step_response(k: Any) -> Any:
    """The sum of the first k responses."""
    return -_eta * (k - _beta * (1 - _beta**k) / (1 - _beta)) / (1 - _beta)


def _total(k: Any) -> Any:
    """The sum of the first k of these sums."""
    return -_eta / (1 - _beta) * (
        k * (k - 1) / 2 - _beta * (k * (1 - _beta) - 1 + _beta**k) / (1 - _beta) ** 2
    )


def _second_difference(value: sp.Expr) -> sp.Expr:
    one, two = (value.subs(_M, _M + k) for k in (1, 2))
    return two - 2 * one + value

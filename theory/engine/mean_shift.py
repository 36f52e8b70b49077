r"""The stationary mean of a direction whose batch curvature fluctuates, for any (rule, scheme), in symbols.

A batch of curvature :math:`\lambda+\Delta_k` and gradient noise :math:`\xi_k` takes the state to
:math:`(A+\Delta_kA')s+B\xi_k`, :math:`A'=\partial A/\partial\lambda`. To first order in the fluctuations
:math:`s_k=\sum_{h\ge0}A^hB\xi_{k-h}`, and the mean of the next order is pushed by
:math:`\mathbb E[\Delta_kA's_{k-1}]`. Both are sums over the samples of a batch, so
:math:`\mathbb E[\Delta_k\xi_{k-h}]=\chi\rho(h)` with the autocovariance :math:`\rho` of the scheme's noise
over the variance of a batch, averaged over the position:

.. math:: \bar s = \chi\,(I-A)^{-1}A'GB, \qquad G=\sum_{h\ge1}\rho(h)A^{h-1} .
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from theory.engine.mode import Mode
from theory.engine.present import presentation
from theory.engine.rational_matrix import RationalMatrix
from theory.engine.setting import Setting
from theory.engine.staged import StagedSetting
from theory.errors import TheoryError
from theory.formula import Formula
from theory.noise import Frozen, LastStep, NoiseComponent, Periodic, PeriodicLastStep, SharedInEpoch, White
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from theory.symbols import curvature, curvature_gradient_covariance, noise_variance, steps_per_epoch

__all__ = ["mean_shift_expression", "mean_shift_formula"]

_M = steps_per_epoch
#: terms of the numerator plus twice those of the denominator; beyond, the shift is shown in stages
_LONGEST_SINGLE_FRACTION = 190


def _once_an_epoch(mode: Mode[Any]) -> Any:
    return mode.power("before") @ mode.epoch_resolvent


#: sum over the lags h >= 1 of the component's mean autocovariance times A^(h-1); None where it is zero
_MEMORY: dict[type[Any], Callable[[Mode[Any]], Any] | None] = {
    White: None,
    LastStep: None,
    SharedInEpoch: lambda mode: (
        mode.resolvent - (mode.resolvent @ mode.sum("M")).scale(1 / _M)
    ),
    Frozen: lambda mode: mode.resolvent,
    Periodic: _once_an_epoch,
    PeriodicLastStep: lambda mode: _once_an_epoch(mode).scale(1 / _M),
}


def mean_shift_expression(
    rule: LinearRule, scheme: SamplingScheme
) -> tuple[sp.Expr, tuple[tuple[sp.Symbol, sp.Expr], ...]]:
    """Mean displacement, and the names it uses; see :func:`mean_shift_formula`."""
    parts = [(_memory(c, scheme), w) for c, w in scheme.noise]
    remembered = [(memory, w) for memory, w in parts if memory is not None]
    if not remembered:
        return sp.S.Zero, ()
    setting = _setting(rule, scheme)
    scale = setting.unit / noise_variance * curvature_gradient_covariance
    left = _read_off(setting)
    if rule.state_size <= 2:
        top, bottom = _entry(left, setting.pair.left, remembered)
        if len(top.to_dict()) + 2 * len(bottom.to_dict()) <= _LONGEST_SINGLE_FRACTION:
            return scale * presentation(setting).closed_form(top, bottom), ()
    staged = StagedSetting(setting)
    total = _total(staged.row(left), staged.pair.left, remembered)
    value, where = staged.names.needed(staged.value(total))
    return scale * value, where


def mean_shift_formula(rule: LinearRule, scheme: SamplingScheme) -> Formula:
    r"""Mean displacement of the weight from the minimum, averaged over the epoch, in one direction.

    To leading order in the fluctuations, :math:`\chi` being the covariance of curvature and gradient of
    one (full) batch; for heavy ball and reshuffled epochs
    :math:`\lambda\mu=\frac{1}{M(M-1)}\sum_{n=0}^{M-2}(M-1-n)\chi\Psi_n`. Independent steps have no shift
    at any order, and the formula is zero. In several directions see
    :func:`theory.multiplicative.mean_shift`.

    Raises
    ------
    TheoryError
        If the scheme has an elementary noise of its own.

    References
    ----------
    New here.
    """
    expression, where = mean_shift_expression(rule, scheme)
    return Formula(
        slug=f"{rule.name}/{scheme.name}/mean-shift",
        title="mean displacement from the minimum to leading order in the fluctuations, averaged over the "
        f"epoch ({rule.name}, {scheme.name})",
        left=r"\langle\theta\rangle", compact=expression, where=where,
        valid_if=sp.And(rule.valid_if, *scheme.conditions), unit=(0, 1),
    )


def _memory(component: NoiseComponent, scheme: SamplingScheme) -> Callable[[Mode[Any]], Any] | None:
    if type(component) not in _MEMORY:
        raise TheoryError(
            f"the scheme {scheme.name!r} has an elementary noise of its own, {component.name!r}: its sum "
            f"over lags is not known; known are {', '.join(sorted(kind.__name__ for kind in _MEMORY))}"
        )
    return _MEMORY[type(component)]


def _setting(rule: LinearRule, scheme: SamplingScheme) -> Setting:
    """Noise that repeats meets itself M - 1 powers later."""
    if scheme.periodic:
        return Setting(rule=rule, segments=("before",), layout={"M": ("before", "1")})
    return Setting(rule=rule)


def _read_off(setting: Setting) -> RationalMatrix:
    """The weights' row of (I - A)^-1 A'."""
    transition, _ = setting.rule.scaled
    slope = setting.ring.matrix(transition.diff(curvature))
    row = setting.weights_row @ setting.pair.left.resolvent @ slope
    return row.reduced()


def _total(row: Any, mode: Mode[Any], remembered: Any) -> Any:
    total = row.constant(0)
    for memory, weight in remembered:
        total = total + (row @ memory(mode) @ mode.injection).reduced().scale(weight)
    return total


def _entry(row: RationalMatrix, mode: Mode[RationalMatrix], remembered: Any) -> tuple[Any, Any]:
    return _total(row, mode, remembered).entry(0, 0)  # type: ignore[no-any-return]

"""Quasi-hyperbolic momentum."""

from __future__ import annotations

from functools import cache

from theory.optimizers.rule import Gradient, LinearRule, State
from theory.symbols import immediate_discount, learning_rate, momentum

__all__ = ["quasi_hyperbolic"]


@cache
def quasi_hyperbolic() -> LinearRule:
    r"""Quasi-hyperbolic momentum (QHM), with immediate discount :math:`\nu`.

    .. math:: b_k = \beta b_{k-1} + (1-\beta)\,g_k(\theta_{k-1}), \qquad
              \theta_k = \theta_{k-1} - \eta\,[(1-\nu)\,g_k + \nu\,b_k] .

    :math:`\nu=0` is plain SGD, :math:`\nu=1` exponential-average momentum,
    :math:`\nu=\beta` Nesterov's look-ahead point.
    """

    def step(state: State, gradient: Gradient) -> State:
        weights, average = state
        slope = gradient(weights)
        average = momentum * average + (1 - momentum) * slope
        mixed = (1 - immediate_discount) * slope + immediate_discount * average
        return weights - learning_rate * mixed, average

    return LinearRule(
        name="quasi-hyperbolic", step=step, state_size=2,
        parameters=(momentum, immediate_discount),
        domain=(momentum < 1, immediate_discount <= 1),
        source="Ma & Yarats (2019), eq. (3)-(4)",
    )

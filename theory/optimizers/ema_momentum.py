"""Exponential-average momentum."""

from __future__ import annotations

from functools import cache

from theory.optimizers.rule import Gradient, LinearRule, State
from theory.symbols import learning_rate, momentum

__all__ = ["ema_momentum"]


@cache
def ema_momentum() -> LinearRule:
    r"""Momentum as an exponential moving average of the gradients (as inside Adam).

    .. math:: b_k = \beta b_{k-1} + (1-\beta)\,g_k(\theta_{k-1}), \qquad
              \theta_k = \theta_{k-1} - \eta\,b_k .
    """

    def step(state: State, gradient: Gradient) -> State:
        weights, average = state
        average = momentum * average + (1 - momentum) * gradient(weights)
        return weights - learning_rate * average, average

    return LinearRule(
        name="ema-momentum", step=step, state_size=2, parameters=(momentum,),
        domain=(momentum < 1,), source="Kingma & Ba (2015), first moment",
    )

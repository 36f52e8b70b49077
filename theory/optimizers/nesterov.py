"""Nesterov's accelerated gradient with constant momentum."""

from __future__ import annotations

from functools import cache

from theory.optimizers.rule import Gradient, LinearRule, State
from theory.symbols import learning_rate, momentum

__all__ = ["nesterov"]


@cache
def nesterov() -> LinearRule:
    r"""Nesterov momentum; the weights reported are :math:`\theta`, not the look-ahead point.

    .. math:: v_k = \beta v_{k-1} - \eta\,g_k(\theta_{k-1} + \beta v_{k-1}), \qquad
              \theta_k = \theta_{k-1} + v_k .

    PyTorch reports the look-ahead point instead: :func:`theory.pytorch_sgd`.
    """

    def step(state: State, gradient: Gradient) -> State:
        weights, velocity = state
        ahead = gradient(weights + momentum * velocity)
        velocity = momentum * velocity - learning_rate * ahead
        return weights + velocity, velocity

    return LinearRule(
        name="nesterov", step=step, state_size=2, parameters=(momentum,),
        domain=(momentum < 1,), source="Nesterov (1983); Sutskever et al. (2013), eq. (3)-(4)",
    )

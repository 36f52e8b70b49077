"""Plain SGD."""

from __future__ import annotations

from functools import cache

from theory.optimizers.rule import Gradient, LinearRule, State
from theory.symbols import learning_rate

__all__ = ["sgd"]


@cache
def sgd() -> LinearRule:
    r"""Plain SGD, :math:`\theta_k = \theta_{k-1} - \eta\,g_k(\theta_{k-1})`."""

    def step(state: State, gradient: Gradient) -> State:
        (weights,) = state
        return (weights - learning_rate * gradient(weights),)

    return LinearRule(
        name="sgd", step=step, state_size=1, source="Robbins & Monro (1951)",
    )

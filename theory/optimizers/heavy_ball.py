"""Heavy-ball momentum."""

from __future__ import annotations

from functools import cache

from theory.optimizers.rule import Gradient, LinearRule, State
from theory.symbols import learning_rate, momentum

__all__ = ["heavy_ball"]


@cache
def heavy_ball() -> LinearRule:
    r"""Heavy ball (Polyak), the project's default.

    .. math:: v_k = \beta v_{k-1} - \eta\,g_k(\theta_{k-1}), \qquad
              \theta_k = \theta_{k-1} + v_k .
    """

    def step(state: State, gradient: Gradient) -> State:
        weights, velocity = state
        velocity = momentum * velocity - learning_rate * gradient(weights)
        return weights + velocity, velocity

    return LinearRule(
        name="heavy-ball", step=step, state_size=2, parameters=(momentum,),
        domain=(momentum < 1,), source="Polyak (1964); kuhn2023 (arXiv 2306.05300)",
    )

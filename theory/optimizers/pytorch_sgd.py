"""PyTorch's SGD: dampening, Nesterov flag and weight decay."""

from __future__ import annotations

from functools import cache

from theory.optimizers.rule import Gradient, LinearRule, State
from theory.symbols import dampening, learning_rate, momentum, weight_decay

__all__ = ["pytorch_sgd"]


@cache
def pytorch_sgd(*, nesterov: bool = False) -> LinearRule:
    r"""``torch.optim.SGD`` at constant learning rate.

    .. math:: g = g_k(\theta_{k-1}) + \rho\,\theta_{k-1}, \quad
              b_k = \beta b_{k-1} + (1-d)\,g, \quad
              \theta_k = \theta_{k-1} - \eta\,b_k
              \;\;(\text{Nesterov: } \theta_k = \theta_{k-1} - \eta(g+\beta b_k)) .

    Deviations and noise refer to the minimum of the regularised loss. Like PyTorch, the Nesterov
    flag excludes dampening.
    """

    def step(state: State, gradient: Gradient) -> State:
        weights, buffer = state
        direction = gradient(weights) + weight_decay * weights
        if nesterov:
            buffer = momentum * buffer + direction
            return weights - learning_rate * (direction + momentum * buffer), buffer
        buffer = momentum * buffer + (1 - dampening) * direction
        return weights - learning_rate * buffer, buffer

    own = (momentum, weight_decay) if nesterov else (momentum, dampening, weight_decay)
    domain = (momentum < 1,) if nesterov else (momentum < 1, dampening < 1)
    return LinearRule(
        name="pytorch-sgd-nesterov" if nesterov else "pytorch-sgd", step=step, state_size=2,
        parameters=own, domain=domain, source="PyTorch, torch.optim.SGD",
    )

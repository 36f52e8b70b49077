"""Exponential iterate averaging on top of any rule."""

from __future__ import annotations

from functools import cache

from theory.optimizers.rule import Gradient, LinearRule, State
from theory.symbols import averaging_rate

__all__ = ["averaged"]


@cache
def averaged(rule: LinearRule) -> LinearRule:
    r"""Report the exponential average of the iterates of ``rule``.

    .. math:: \bar\theta_k = (1-\alpha)\,\bar\theta_{k-1} + \alpha\,\theta_k .

    The gradient is still taken where ``rule`` takes it; weights, velocity and variances refer
    to the average.
    """

    def step(state: State, gradient: Gradient) -> State:
        average, *inner = state
        inner_next = rule.step(tuple(inner), gradient)
        average = average + averaging_rate * (inner_next[0] - average)
        return (average, *inner_next)

    return LinearRule(
        name=f"averaged:{rule.name}", step=step, state_size=rule.state_size + 1,
        parameters=(*rule.parameters, averaging_rate),
        domain=(*rule.domain, averaging_rate <= 1),
        source="Polyak & Juditsky (1992); exponential weights",
    )

r"""The trajectories that every moment of one epoch is made of, order by order in the fluctuations.

Distinct steps of an epoch use distinct samples. For fluctuations :math:`u_n` with
:math:`\sum_nu_n=0` and distinct n, n', n''

.. math:: \mathbb E[u_nu_{n'}] = -\frac{1}{N-1}\,\overline{u\,u}, \qquad
          \mathbb E[u_nu_{n'}u_{n''}] = \frac{2}{(N-1)(N-2)}\,\overline{u\,u\,u},

whatever the batch sizes: a batch is a mean of samples, and samples of two batches differ. In an
expansion of the epoch each order meets every step at most once. So the mean of a term of second or
third order is that constant times the mean over n of the same term *with sample n in every step*, a
trajectory of its own:

.. math:: s^{(q)}_k = \mathcal A\,s^{(q)}_{k-1} + b\,A_n\,a\!\cdot\!s^{(q-1)}_{k-1}
          \;(+\,b\,\xi_n\ \text{for } q=1), \qquad s^{(q)}_0=0 .
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

__all__ = ["Permuted", "perturbed_paths", "stepped"]


class Permuted(Protocol):
    """What is permuted: arrays of doubles, or of exact numbers as objects."""

    @property
    def gradients(self) -> Any: ...

    def times(self, vectors: Any) -> Any: ...


def stepped(transition: Any, state: Any) -> Any:
    r""":math:`\mathcal A s`, direction by direction. Shapes (d, n, n) and (..., n, d) to (..., n, d)."""
    return np.stack(
        [sum(transition[:, i, j] * state[..., j, :] for j in range(state.shape[-2]))
         for i in range(state.shape[-2])], axis=-2,
    )


def read_off(evaluate_at: Any, state: Any) -> Any:
    """Where the gradient is taken. Shape (..., n, d) to (..., d)."""
    return sum(evaluate_at[i] * state[..., i, :] for i in range(state.shape[-2]))


def perturbed_paths(
    permuted: Permuted, transition: Any, inject: Any, evaluate_at: Any, base: Any, orders: int,
    *, forced: bool = True,
) -> Iterator[list[Any]]:
    r"""Yield :math:`[s^{(1)},\dots,s^{(q)}]` after each step, for every n at once.

    Parameters
    ----------
    permuted
        :math:`A_n` and :math:`\xi_n`.
    transition, inject, evaluate_at
        :math:`\mathcal A` (d, n, n), b (n,), a (n,).
    base
        :math:`s^{(0)}_0,\dots,s^{(0)}_{m-1}`. Shape (m, n, d).
    orders
        How many orders.
    forced
        Whether :math:`\xi_n` acts.

    Yields
    ------
    One array of shape (N, n, d) per order.
    """
    gradients = permuted.gradients
    shape = (len(gradients), *base.shape[1:])
    zero = np.zeros(shape, dtype=base.dtype)
    if base.dtype == object:
        zero = zero + 0 * gradients[0, 0]
    paths = [zero] * orders
    for before in base:
        point = np.broadcast_to(read_off(evaluate_at, before), gradients.shape)
        pushes = [permuted.times(point) + gradients if forced else permuted.times(point)]
        pushes += [permuted.times(read_off(evaluate_at, path)) for path in paths[:-1]]
        paths = [
            stepped(transition, path) + inject[:, None] * push[:, None, :]
            for path, push in zip(paths, pushes, strict=True)
        ]
        yield paths

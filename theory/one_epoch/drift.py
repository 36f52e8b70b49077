r"""Where an epoch without replacement ends on average, beyond gradient descent.

**With replacement** (fresh batches, or samples drawn independently) the mean is exactly that of gradient
descent: :math:`s_k=T_ks_{k-1}+c_k` with :math:`(T_k,c_k)` independent of :math:`s_{k-1}`, so
:math:`\mathbb E s_k=\mathbb E[T_k]\,\mathbb E s_{k-1}+\mathbb E c_k`, one step of gradient descent; by
induction at every k. So the drift below is measured from both.

**Without replacement** the same expansion holds with :math:`\mathbb E[u_ku_j]=-\overline{uu}/(N-1)` for
:math:`k\ne j`; for plain SGD, with :math:`P=1-\eta H`,

.. math:: \mathbb E[\theta_m-\theta_m^{GD}] = -\frac{\eta^2}{N-1}\sum_{1\le j<k\le m}P^{m-k}\,
   \overline{A_nP^{k-1-j}(\xi_n+A_n\delta^{GD}_{j-1})} + O(3),

the mean over what is permuted: N samples, or N = m fixed batches. In the eigenbasis of H the sums over j
and k are divided differences of :math:`z^m`, symmetric in their arguments:

.. math:: \mathrm{drift}_i = -\frac{\eta^2}{N-1}\Big\{\sum_j z^m[p_i,p_j,1]\,\overline{A_{ij}\xi_j}
   + \sum_{jl} z^m[p_i,p_j,p_l]\,\overline{A_{ij}A_{jl}}\,\delta_l\Big\}.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.one_epoch.epoch import Epoch
from theory.one_epoch.perturbation import Permuted, perturbed_paths, stepped

__all__ = ["ExpectedDrift", "descent_path", "drift_terms", "expected_drift", "state_at"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDrift:
    """Expected state after one epoch, minus that of gradient descent. All shapes (n, d).

    Attributes
    ----------
    second
        The term of second order in the fluctuations.
    third
        The term of third order, exactly; zero if m < 3.
    neglected
        Estimate of the size of what ``second`` leaves out: the third order and twice the fourth in
        absolute value (its quadruples exactly, its pairs as three times the successive ones), times
        :math:`1+r+r^2` for the orders after them, r being the ratio of these together to ``second``.
    """

    second: FloatArray
    third: FloatArray
    neglected: FloatArray


def state_at(epoch: Epoch, start: npt.ArrayLike | None) -> FloatArray:
    """The state an epoch starts from: weights (d,) at rest, or a whole state (n, d); zero if None.

    Raises
    ------
    TheoryError
        For another shape, or a number that is not finite.
    """
    d, n = epoch.quadratics.dimension, len(epoch.rule.inject)
    state = np.zeros((n, d))
    if start is not None:
        given = np.asarray(start, dtype=np.float64)
        if given.shape not in ((d,), (n, d)) or not np.isfinite(given).all():
            raise TheoryError(
                f"start must be finite, of shape ({d},) for weights at rest or ({n}, {d}) for a state; "
                f"got shape {given.shape}"
            )
        if given.ndim == 1:
            state[0] = given
        else:
            state = given
    return state


def descent_path(transition: Any, start: Any, steps: int) -> Any:
    """Full-batch descent before each step, and after the last. Shape (steps + 1, n, d)."""
    path = [start]
    for _ in range(steps):
        path.append(stepped(transition, path[-1]))
    return np.stack(path)


def drift_terms(
    permuted: Permuted, transition: Any, inject: Any, evaluate_at: Any, start: Any, steps: int
) -> tuple[Any, Any, Any]:
    """(second order, third order, second order after each step); in any numbers.

    Shapes (n, d), (n, d) and (steps + 1, n, d). The averages over distinct samples are
    those of :mod:`theory.one_epoch.perturbation`.
    """
    count = len(permuted.gradients)
    base = descent_path(transition, start, steps)[:-1]
    third = 0 * start
    means = [0 * start]
    for _, two, three in perturbed_paths(permuted, transition, inject, evaluate_at, base, 3):
        means.append(-two.sum(axis=0) / (count * (count - 1)))
        if count > 2:
            third = 2 * three.sum(axis=0) / (count * (count - 1) * (count - 2))
    return means[-1], third, np.stack(means)


def _fourth(epoch: Epoch, start: FloatArray, drift: FloatArray) -> FloatArray:
    """Size of the fourth order. With p2, p4 sums over n, distinct quadruples have (3 p2² - 6 p4) / (N)_4."""
    count, transition = epoch.quadratics.samples, epoch.transition

    def last(base: FloatArray, orders: int, forced: bool) -> Any:
        b, a = epoch.rule.inject, epoch.rule.evaluate_at
        paths = perturbed_paths(epoch.fluctuations, transition, b, a, base, orders, forced=forced)
        return deque(paths, maxlen=1)[0][-1]

    pairs = last(drift, 2, False)
    size: FloatArray = 3 * np.abs(pairs.sum(axis=0)) / (count * (count - 1))
    if count > 3:
        same = last(descent_path(transition, start, len(drift))[:-1], 4, True).sum(axis=0)
        size = size + 6 * np.abs(same) / (count * (count - 1) * (count - 2) * (count - 3))
    return size


def expected_drift(epoch: Epoch, start: npt.ArrayLike | None = None) -> ExpectedDrift:
    r"""Expected state after one epoch minus gradient descent's, for one start.

    O(m N r d) by the trajectories of :mod:`theory.one_epoch.perturbation`; for the whole map, from
    any start at once, see :func:`theory.one_epoch.expected_map`.

    Parameters
    ----------
    start
        Deviation from the point where the mean gradient vanishes, in the eigenbasis: weights (d,) at
        rest, or a state (n, d). At that point unless given. Unit: parameter.

    Raises
    ------
    TheoryError
        If ``start`` has another shape.
    """
    state, rule = state_at(epoch, start), epoch.rule
    parts = (epoch.fluctuations, epoch.transition, rule.inject, rule.evaluate_at)
    second, third, path = drift_terms(*parts, state, epoch.steps)
    next_orders = np.abs(third) + 2 * _fourth(epoch, state, path[:-1])
    size = float(np.linalg.norm(second))
    ratio = float(np.linalg.norm(next_orders)) / size if size else 0.0
    return ExpectedDrift(second=second, third=third, neglected=next_orders * (1 + ratio + ratio**2))

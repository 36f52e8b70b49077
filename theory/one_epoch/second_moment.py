r"""The spread of the end of one epoch, to second order in the fluctuations, for any start.

With :math:`z_{n,k}=\xi_n+A_n\,a\!\cdot\!s^{GD}_{k-1}` and
:math:`\mathcal G_n=\sum_k\mathcal A^{m-k}b\,z_{n,k}`, the first order of the trajectory in
which every step uses sample n,

.. math:: \operatorname{cov}(s_m) = \frac{N}{N-1}\sum_k\frac1{S_k}\,\mathcal A^{m-k}b\,
   \overline{z_{n,k}z_{n,k}^\top}\,b^\top\mathcal A^{m-k\,\top}
   - \frac1{N-1}\,\overline{\mathcal G_n\mathcal G_n^\top} + O(3),

because batches k, l of one pass have the covariance :math:`\frac N{N-1}(\delta_{kl}/S_k-1/N)` of the
permuted losses. Steps that are independent of each other have the first sum alone, with
:math:`\frac{N}{N-1}(1/S-1/N)` (fresh batches) or :math:`1/S` (with replacement) for the factor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from theory.errors import require_known
from theory.one_epoch.drift import descent_path, drift_terms, state_at
from theory.one_epoch.epoch import Epoch
from theory.one_epoch.perturbation import Permuted, perturbed_paths, read_off

__all__ = ["EpochEnd", "covariance_terms", "end_of_epoch"]

FloatArray = npt.NDArray[np.float64]
Draws = Literal["epoch", "batch", "sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnd:
    r"""Where an epoch ends, to second order in the fluctuations.

    Attributes
    ----------
    start, descent
        State before it, and after it under gradient descent. Shape (n, d). Unit: parameter.
    drift
        Expected state after it minus ``descent``. Shape (n, d).
    covariance
        Of the state after it. Shape (n, d, n, d). Unit: parameter².
    """

    start: FloatArray
    descent: FloatArray
    drift: FloatArray
    covariance: FloatArray

    @property
    def displacement(self) -> FloatArray:
        """Expected displacement of the weights. Shape (d,)."""
        out: FloatArray = (self.descent + self.drift - self.start)[0]
        return out

    @property
    def displacement_second_moment(self) -> FloatArray:
        r""":math:`\mathbb E[\Delta\Delta^\top]` of the weights, second order and no further. Shape (d, d)."""
        plain, extra = (self.descent - self.start)[0], self.drift[0]
        cross = np.outer(plain, extra)
        out: FloatArray = np.outer(plain, plain) + cross + cross.T + self.covariance[0, :, 0, :]
        return out


def covariance_terms(
    permuted: Permuted, transition: Any, inject: Any, evaluate_at: Any, start: Any,
    factors: Sequence[Any], shared: Any,
) -> Any:
    r""":math:`\sum_kf_k\mathcal A^{m-k}b\overline{zz^\top}(\cdot)^\top-\sigma\overline{\mathcal{GG}^\top}`.

    In any numbers; ``factors`` holds the :math:`f_k`, ``shared`` is :math:`\sigma`. Shape (n, d, n, d).
    """
    count, base = len(permuted.gradients), descent_path(transition, start, len(factors))[:-1]
    total: Any = 0
    outer = np.outer(inject, inject)[:, None, :, None]
    for factor, before in zip(factors, base, strict=True):
        point = np.broadcast_to(read_off(evaluate_at, before), permuted.gradients.shape)
        push = permuted.times(point) + permuted.gradients
        own = (push.T @ push) * (factor / count)
        if np.ndim(total):
            total = np.einsum("ixy,yizl->xizl", transition, total)
            total = np.einsum("lwz,xizl->xiwl", transition, total)
        total = total + outer * own[None, :, None, :]
    paths = perturbed_paths(permuted, transition, inject, evaluate_at, base, 1)
    last = deque(paths, maxlen=1)[0][0]
    n, d = start.shape
    flat = last.reshape(count, n * d)
    return total - (flat.T @ flat).reshape(n, d, n, d) * (shared / count)


def end_of_epoch(
    epoch: Epoch, start: npt.ArrayLike | None = None, *, draws: Draws = "epoch"
) -> EpochEnd:
    r"""Mean and covariance after one epoch from one start, to second order. O(m N d (r + d)).

    Parameters
    ----------
    start
        As :func:`theory.one_epoch.expected_drift`.
    draws
        ``"epoch"``: one pass without replacement. For comparison, ``"batch"``: independent batches of
        the same sizes without repeats inside; ``"sample"``: independent samples. Both without a drift.

    Raises
    ------
    TheoryError
        If ``start`` has another shape, or ``draws`` is none of these.
    """
    require_known(draws, ("epoch", "batch", "sample"), "kind of draws")
    state, rule, n = state_at(epoch, start), epoch.rule, epoch.quadratics.samples
    sizes = np.array(epoch.batch_sizes, dtype=np.float64)
    factors, shared = n / (n - 1) / sizes, 1 / (n - 1)
    if draws != "epoch":
        shared = 0.0
        factors = 1 / sizes if draws == "sample" else factors - 1 / (n - 1)
    parts = (epoch.fluctuations, epoch.transition, rule.inject, rule.evaluate_at)
    drift = drift_terms(*parts, state, epoch.steps)[0] if draws == "epoch" else np.zeros_like(state)
    return EpochEnd(
        start=state, descent=descent_path(epoch.transition, state, epoch.steps)[-1], drift=drift,
        covariance=covariance_terms(*parts, state, list(factors), shared),
    )

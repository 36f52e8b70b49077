r"""SGD on per-sample quadratic losses with batches that are independent from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import sympy as sp

from theory.errors import NoStationaryLawError, TheoryError
from theory.multiplicative.quadratics import FloatArray, SampleQuadratics
from theory.optimizers import LinearRule
from theory.optimizers.rule import NumericRule
from theory.sampling import SamplingScheme
from theory.symbols import curvature, learning_rate

__all__ = ["IndependentSteps"]

#: squared size, against the largest, below which a direction without curvature counts as still: its
#: factors and gradients are the rounding errors (1e-16 of the largest) of an eigendecomposition
_ROUNDING = 1e-24


@dataclass(frozen=True, kw_only=True, eq=False)
class IndependentSteps:
    r"""One update rule at numbers, on given samples, with an independent batch each step.

    .. math:: s_k = (A + b\,a^\top\!\otimes\Delta H_k)\,s_{k-1} + b\otimes\xi_k, \qquad
              A = K\otimes I + b\,a^\top\!\otimes H,

    with the rule's :math:`K, b, a`. Batch averages have f times the covariance of the population,
    :math:`f=\frac1S` for draws with replacement and :math:`\frac{N-S}{S(N-1)}` for batches
    without repeats. States are measured from the minimum; shape (n, d), [state entry, direction].

    Attributes
    ----------
    quadratics
        The samples.
    rule, scheme
        Any linear rule; a scheme whose batches are independent.
    batch_size
        S, at most N.
    hyperparameters
        Numbers of the rule by name, e.g. ``{"learning_rate": 0.1, "momentum": 0.9}``.

    Raises
    ------
    TheoryError
        If batches of the scheme are not independent, S does not suit it, a hyperparameter is
        missing or not finite, or the weight decay is not the one the minimum was found with.

    Notes
    -----
    The second moment of any start obeys :math:`P\mapsto APA^\top+bb^\top\otimes f\{C+\mathcal
    H[a^\top Pa]+G+G^\top\}` with the population's :math:`C=\frac1N\sum g_ng_n^\top`,
    :math:`\mathcal H[Q]=\frac1N\sum H_nQH_n-HQH`, and :math:`G=\frac1N\sum g_n(H_na^\top\mu)^\top`,
    where :math:`\mu` is the mean: the map is linear in (second moment, mean, 1), and exact.
    """

    quadratics: SampleQuadratics
    rule: LinearRule
    scheme: SamplingScheme
    batch_size: int
    hyperparameters: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.scheme.lasting not in ("sample", "batch"):
            raise TheoryError(
                f"the batches of {self.scheme.name!r} are not independent from step to step; this law "
                "holds for fresh-batches and with-replacement"
            )
        self.scheme.steps_per_epoch(self.quadratics.samples, self.batch_size)
        self.rule.require_own(self.hyperparameters)
        values = {k: float(v) for k, v in self.hyperparameters.items()}
        for name, value in values.items():
            if not np.isfinite(value):
                raise TheoryError(f"{name} must be finite; got {value}")
        decay = values.get("weight_decay", 0.0)
        if decay != self.quadratics.weight_decay:
            raise TheoryError(
                f"weight_decay is {decay} in the hyperparameters but {self.quadratics.weight_decay} in "
                "the samples, whose minimum depends on it; give both the same"
            )
        object.__setattr__(self, "hyperparameters", MappingProxyType(values))
        if not values.get("learning_rate", 1.0) > 0:
            raise TheoryError(f"learning_rate must be positive; got {values['learning_rate']}")
        _ = self.numeric  # raises if a hyperparameter is missing

    @cached_property
    def numeric(self) -> NumericRule:
        """K, b and a in numbers."""
        return self.rule.numeric(self.hyperparameters)

    @cached_property
    def slack(self) -> FloatArray:
        r""":math:`I-K`, subtracted before rounding: a slow mode lives in it. Shape (n, n)."""
        symbols = (learning_rate, *self.rule.parameters)
        exact = {s: sp.Rational(self.hyperparameters[s.name]) for s in symbols}
        keep = self.rule.transition.subs(curvature, 0).subs(exact)
        return np.array((sp.eye(self.rule.state_size) - keep).tolist(), dtype=np.float64)

    @property
    def state_size(self) -> int:
        """n."""
        return self.rule.state_size

    @property
    def fluctuation(self) -> float:
        r"""f: batch covariances in units of the population's (with :math:`\frac1N`)."""
        n, s = self.quadratics.samples, self.batch_size
        factor = self.scheme.variance_factor(n, s) * n
        return float(factor / (n - 1))

    @cached_property
    def sizes(self) -> FloatArray:
        r"""Size of the batch noise per direction, up to one factor; zero where nothing moves.

        :math:`w_i^2=\frac{\frac1N\sum_n|H_n|_{ii}}{\max}+\frac{C_{ii}}{\max}`: the noise equation is
        solved for :math:`R_{ij}/w_iw_j`, so that a flat direction counts as much as a steep one.
        Shape (d,).
        """
        q = self.quadratics
        bent = np.einsum("nqi,nq->i", q.factors**2, np.abs(q.signs)) / q.samples
        noise = np.einsum("ni,ni->i", q.gradients, q.gradients) / q.samples
        total = np.zeros(q.dimension)
        for part in (bent, noise):
            largest = part.max(initial=0.0)
            if largest > 0:
                total += part / largest
        flat = q.curvatures + q.weight_decay == 0
        total[flat & (total < _ROUNDING)] = 0.0
        if (flat & (total > 0)).any():
            raise NoStationaryLawError(
                f"direction {int(np.argmax(flat & (total > 0)))} has no mean curvature but its batches "
                "pull: there the weights diffuse for ever. Give a weight decay, or leave it out"
            )
        return np.sqrt(total)

    @property
    def moving(self) -> np.typing.NDArray[np.bool_]:
        """Directions with curvature or noise; the others keep their start. Shape (d,)."""
        out: np.typing.NDArray[np.bool_] = self.sizes > 0
        return out

    @cached_property
    def transitions(self) -> FloatArray:
        """A, per direction. Shape (d, n, n)."""
        return np.eye(self.state_size) - self.drifts

    @cached_property
    def drifts(self) -> FloatArray:
        r""":math:`I-A=(I-K)-\lambda_i\,b\,a^\top` per direction. Shape (d, n, n)."""
        rank_one = np.outer(self.numeric.inject, self.numeric.evaluate_at)
        out: FloatArray = self.slack - self.quadratics.curvatures[:, None, None] * rank_one
        return out

    def noise(self, seen: FloatArray, mean_seen: FloatArray | None = None) -> FloatArray:
        r"""Covariance of one step's gradient noise, given the second moment where it is taken.

        .. math:: R = f\{C + \mathcal H[Q] + G + G^\top\}, \qquad
                  G = \frac1N\sum_n g_n(H_n\mu)^\top .

        Parameters
        ----------
        seen
            :math:`Q=a^\top Pa`, second moment of the point where the gradient is taken. (d, d).
        mean_seen
            Its mean :math:`\mu`. Shape (d,); zero if not given.
        """
        q = self.quadratics
        total = q.gradient_covariance + q.covariance_action(seen)
        if mean_seen is not None and mean_seen.any():
            pulled = q.hessian_times(np.broadcast_to(mean_seen, q.gradients.shape))
            cross = q.gradients.T @ pulled / q.samples
            total = total + cross + cross.T
        return self.fluctuation * total

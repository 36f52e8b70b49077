"""What one epoch needs to know: the scaled problem, the rule in numbers, batch sizes, permutations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import NoStationaryLawError, TheoryError
from theory.multiplicative import SampleQuadratics
from theory.optimizers.rule import LinearRule
from theory.sampling import SamplingScheme

__all__ = ["EpochSystem", "FloatArray", "IndexArray", "embed"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochSystem:
    r"""One epoch in natural units.

    .. math:: s_k = (K\otimes I + b\,a^\top\!\otimes H_{B_k})\,s_{k-1} + b\otimes g_{B_k}

    Curvatures are in units of the largest, weights in units of ``unit`` (largest gradient over
    largest curvature), every state entry in units of its own response: nothing depends on the
    user's units but ``unit``. Directions that neither bend nor are pushed are left out (``active``).

    Attributes
    ----------
    factors, signs, gradients, curvatures
        As in :class:`theory.multiplicative.SampleQuadratics`, active directions only.
    keep, inject, evaluate_at
        K, b, a, scaled.
    sizes
        Batch sizes by position. Shape (M,).
    unit
        One scaled weight. Unit: parameter.
    active
        Shape (d,), Boolean.
    """

    factors: FloatArray
    signs: FloatArray
    gradients: FloatArray
    curvatures: FloatArray
    keep: FloatArray
    inject: FloatArray
    evaluate_at: FloatArray
    sizes: npt.NDArray[np.int64]
    unit: float
    active: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls, quadratics: SampleQuadratics, rule: LinearRule, scheme: SamplingScheme, *,
        batch_size: int, hyperparameters: Mapping[str, float],
    ) -> EpochSystem:
        """Scale, and refuse what has no law.

        Raises
        ------
        TheoryError
            If the scheme does not pass through the data once per epoch, or the weight decay of rule
            and problem differ.
        NoStationaryLawError
            If a direction without curvature is pushed.
        """
        if scheme.lasting not in ("epoch", "run") or scheme.draw_epoch is not None:
            raise TheoryError(
                f"the averaged epoch map needs one permutation per epoch or per run, but "
                f"{scheme.name!r} lasts for one {scheme.lasting}; use 'reshuffled', 'dropped-batch', "
                "'kept-batch' or 'shuffled-once'"
            )
        rule.require_own(hyperparameters)
        for name, number in hyperparameters.items():
            if not math.isfinite(number):
                raise TheoryError(f"{name} must be finite; got {number}")
        decay = float(hyperparameters.get("weight_decay", 0.0))
        if decay != quadratics.weight_decay:
            raise TheoryError(
                f"weight_decay is {decay} in the hyperparameters but {quadratics.weight_decay} in the "
                "problem, whose minimum depends on it; give both the same"
            )
        sizes = np.array(scheme.batch_sizes(quadratics.samples, batch_size), dtype=np.int64)
        numeric = rule.numeric(hyperparameters)
        steep = float(np.abs(quadratics.curvatures).max())
        push = float(np.abs(quadratics.gradients).max())
        bend = float(np.abs(quadratics.factors).max())
        if not steep > 0:
            raise NoStationaryLawError("all curvatures are zero: the loss does not depend on the weights")
        flat = quadratics.curvatures + decay <= 0
        idle = (np.abs(quadratics.factors).max(axis=(0, 1)) <= 1e-9 * bend) & (
            np.abs(quadratics.gradients).max(axis=0) <= 1e-9 * push
        )
        if (flat & ~idle).any():
            i = int(np.flatnonzero(flat & ~idle)[0])
            raise NoStationaryLawError(
                f"no stationary law: direction {i} has curvature {quadratics.curvatures[i]:.4g} "
                "(weight decay included: not positive) but its samples push it. Add weight decay, or "
                "remove the direction"
            )
        active = ~(flat & idle)
        pushed = np.abs(numeric.inject)  # entries of the state in units of what a gradient does to them
        unit_of = np.where(pushed > 0, pushed, pushed.max())
        t = unit_of / unit_of[0]
        return cls(
            factors=np.ascontiguousarray(quadratics.factors[:, :, active] / math.sqrt(steep)),
            signs=quadratics.signs,
            gradients=np.ascontiguousarray(quadratics.gradients[:, active] / (push or 1.0)),
            curvatures=quadratics.curvatures[active] / steep,
            keep=numeric.keep * t / t[:, None], inject=steep * numeric.inject / t,
            evaluate_at=numeric.evaluate_at * t, sizes=sizes, unit=push / steep, active=active,
        )

    @property
    def samples(self) -> int:
        """N."""
        return int(self.factors.shape[0])

    @property
    def dimension(self) -> int:
        """Number of active directions."""
        return int(self.factors.shape[2])

    @property
    def entries(self) -> int:
        """n, number of state entries of one direction."""
        return int(self.inject.size)

    @property
    def steps(self) -> int:
        """M."""
        return int(self.sizes.size)

    @property
    def transitions(self) -> FloatArray:
        """A of every direction. Shape (d, n, n)."""
        out: FloatArray = self.keep + self.curvatures[:, None, None] * np.outer(
            self.inject, self.evaluate_at
        )
        return out

    def indices(self, seed: int, first: int, count: int) -> IndexArray:
        """Permutations ``first`` ... of a seed, as far as batches reach. Shape (count, sum of S_k)."""
        from validation.epoch_map.follow import draw_permutations

        out: IndexArray = draw_permutations(self.samples, int(self.sizes.sum()), seed, first, count)
        return out

    def propagate(
        self, indices: IndexArray, starts: FloatArray, *,
        path: tuple[FloatArray, FloatArray] | None = None, matrices: bool = False,
        positions: bool = False, paths: bool = False,
    ) -> dict[str, Any]:
        r"""One epoch per row of ``indices`` from ``starts``, shape (1 or P, n, d, columns).

        The last column carries the affine part. Returns ``ends`` (P, orders, n, d, columns) and, summed
        over positions, ``squares`` (P, orders, d) of the weights over all columns, ``means``
        (P, orders, d) of the last column, ``matrices`` (P, 3, d, d), by position ``positions``
        (P, M, d) and ``paths`` (P, M, d, columns). There is one order, the whole, unless ``path``, points
        and weights without fluctuations, is given: then three, with the parts linear and quadratic in
        the fluctuations.
        """
        from validation.epoch_map.follow import follow_orders, follow_permutations

        p, d, m = indices.shape[0], self.dimension, self.steps
        orders, follow = (1, follow_permutations) if path is None else (3, follow_orders)
        points, weights = path or (np.empty((0, 0, 0)), np.empty((0, 0, 0)))
        out = {
            "ends": np.empty((p, orders, *starts.shape[1:])), "squares": np.zeros((p, orders, d)),
            "means": np.zeros((p, orders, d)), "matrices": np.zeros((p, 3 * matrices, d, d)),
            "positions": np.zeros((p, m * positions, d)),
            "paths": np.empty((p, m * paths, d, starts.shape[3])),
        }
        thin = 2 * int(self.sizes.max()) * self.factors.shape[1] < d
        follow(
            self.factors, self.signs, self.gradients, self.keep, self.inject, self.evaluate_at,
            self.sizes, np.ascontiguousarray(indices, dtype=np.int32), np.ascontiguousarray(starts),
            thin, self.curvatures, points, weights, *out.values(),
        )
        return out


def embed(system: EpochSystem, array: FloatArray) -> FloatArray:
    """Put back the directions that do not move: zeros along every axis of length d."""
    if system.active.all():
        return array
    d, kept = system.active.size, np.flatnonzero(system.active)
    if array.ndim == 1:
        out = np.zeros(d)
        out[kept] = array
    elif array.shape == (kept.size, kept.size):
        out = np.zeros((d, d))
        out[np.ix_(kept, kept)] = array
    else:
        out = np.zeros((len(array), d))
        out[:, kept] = array
    return out

"""A problem as the compiled loops read it: rows over samples, padded to whole vector registers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.multiplicative import SampleQuadratics
from validation.regression import FloatArray, Regression

__all__ = ["SampleArrays", "Samples", "frozen_gradients", "sample_arrays"]

Samples = Regression | SampleQuadratics


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleArrays:
    """What a batch gradient is summed from, in the eigenbasis of the mean Hessian.

    Attributes
    ----------
    parts
        ``(form, rows, residuals, signs, gradients, shift, curvatures)``, the first arguments of
        :func:`validation.kernel.advance`; axes over directions are padded with zeros to ``width``.
    """

    parts: tuple[Any, ...]
    width: int


def frozen_gradients(problem: Samples) -> FloatArray:
    """Per-sample gradients at the minimum, in the eigenbasis of the mean Hessian. Shape (N, d)."""
    return problem.projected_gradients if isinstance(problem, Regression) else problem.gradients


def sample_arrays(problem: Samples, *, additive: bool = False) -> SampleArrays:
    """Lay out a problem for the compiled loops; ``additive`` freezes the noise at the minimum.

    A regression keeps a form of its own, which is cheaper by one addition per sample and direction.
    """
    from validation.kernel import LANES
    from validation.kernel_gradients import ADDITIVE, LEAST_SQUARES, QUADRATIC

    d = problem.dimension
    width = -(-d // LANES) * LANES

    def pad(array: npt.ArrayLike) -> FloatArray:
        whole = np.asarray(array, dtype=np.float64)
        return np.pad(whole, [(0, 0)] * (whole.ndim - 1) + [(0, width - d)])

    shift, residuals = np.zeros(width), np.zeros(0)
    signs, own = np.zeros((0, 1)), np.zeros((0, width))
    if additive:
        form, rows = ADDITIVE, pad(frozen_gradients(problem))
    elif isinstance(problem, Regression):
        root = math.sqrt(problem.scale)
        form, rows = LEAST_SQUARES, pad(root * problem.projected_features)
        residuals = root * problem.residuals
        shift = pad(problem.weight_decay * problem.projected_minimum)
    else:
        form, rows = QUADRATIC, pad(problem.factors.reshape(-1, d))
        signs, own = np.array(problem.signs), pad(problem.gradients)
    parts = (form, rows, residuals, signs, own, shift, pad(problem.curvatures))
    return SampleArrays(parts=parts, width=width)

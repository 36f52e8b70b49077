"""Stationary laws of stochastic gradient descent on quadratic losses: derived, not copied.

A linear update rule and a sampling scheme make a :class:`StationaryLaw`; each of its quantities is a
:class:`Formula` with the condition under which it exists, LaTeX, and accurate numbers. The catalogue
keeps the important ones under permanent slugs.
"""

from __future__ import annotations

from theory.closed_forms import CATALOGUE, formula_by_slug
from theory.formula import Formula
from theory.optimizers import (
    LinearRule,
    averaged,
    ema_momentum,
    heavy_ball,
    nesterov,
    pytorch_sgd,
    quasi_hyperbolic,
    sgd,
)
from theory.sampling import (
    SamplingScheme,
    dropped_batch,
    fresh_batches,
    kept_batch,
    reshuffled,
    shuffled_once,
    with_replacement,
)
from theory.stationary_law import QUANTITIES, StationaryLaw, stationary_law

__all__ = [
    "CATALOGUE",
    "QUANTITIES",
    "Formula",
    "LinearRule",
    "SamplingScheme",
    "StationaryLaw",
    "averaged",
    "dropped_batch",
    "ema_momentum",
    "formula_by_slug",
    "fresh_batches",
    "heavy_ball",
    "kept_batch",
    "nesterov",
    "pytorch_sgd",
    "quasi_hyperbolic",
    "reshuffled",
    "sgd",
    "shuffled_once",
    "stationary_law",
    "with_replacement",
]

"""A regression with everything that decides how SGD runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from validation.regression import Regression

__all__ = ["Problem"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Data, update rule, sampling scheme and hyperparameters."""

    name: str
    target: str
    regression: Regression
    rule: LinearRule
    scheme: SamplingScheme
    batch_size: int
    hyperparameters: Mapping[str, float]

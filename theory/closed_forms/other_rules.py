"""Reshuffled epochs under other update rules."""

from __future__ import annotations

from theory.closed_forms.entry import pair_entry
from theory.optimizers import (
    averaged,
    ema_momentum,
    heavy_ball,
    nesterov,
    pytorch_sgd,
    quasi_hyperbolic,
    sgd,
)
from theory.sampling import fresh_batches, reshuffled

__all__ = ["ENTRIES"]

ENTRIES = (
    pair_entry("sgd-reshuffled-weight-variance", reshuffled(), "weight-variance", rule=sgd()),
    pair_entry(
        "nesterov-white-weight-variance", fresh_batches(), "weight-variance", rule=nesterov()
    ),
    pair_entry(
        "nesterov-reshuffled-weight-variance", reshuffled(), "weight-variance", rule=nesterov()
    ),
    pair_entry(
        "ema-reshuffled-weight-variance", reshuffled(), "weight-variance", rule=ema_momentum()
    ),
    pair_entry(
        "pytorch-reshuffled-weight-variance", reshuffled(), "weight-variance", rule=pytorch_sgd()
    ),
    pair_entry(
        "quasi-hyperbolic-reshuffled-weight-variance", reshuffled(), "weight-variance",
        rule=quasi_hyperbolic(),
    ),
    pair_entry(
        "averaged-white-weight-variance", fresh_batches(), "weight-variance",
        rule=averaged(heavy_ball()),
    ),
    pair_entry(
        "averaged-reshuffled-weight-variance", reshuffled(), "weight-variance",
        rule=averaged(heavy_ball()),
    ),
)

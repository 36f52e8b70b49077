"""Heavy ball under the remaining sampling schemes."""

from __future__ import annotations

from theory.closed_forms.entry import pair_entry
from theory.sampling import dropped_batch, kept_batch, shuffled_once

__all__ = ["ENTRIES"]

ENTRIES = (
    pair_entry("dropped-batch-noise-autocovariance", dropped_batch(), "noise-autocovariance"),
    pair_entry("dropped-batch-noise-spectrum", dropped_batch(), "noise-spectrum"),
    pair_entry("dropped-batch-weight-variance", dropped_batch(), "weight-variance"),
    pair_entry("dropped-batch-velocity-variance", dropped_batch(), "velocity-variance"),
    pair_entry("kept-batch-noise-autocovariance", kept_batch(), "noise-autocovariance"),
    pair_entry("kept-batch-noise-spectrum", kept_batch(), "noise-spectrum"),
    pair_entry("kept-batch-weight-variance", kept_batch(), "weight-variance"),
    pair_entry("kept-batch-velocity-variance", kept_batch(), "velocity-variance"),
    pair_entry(
        "kept-batch-weight-variance-at-position", kept_batch(), "weight-variance-at-position"
    ),
    pair_entry("shuffled-once-noise-autocovariance", shuffled_once(), "noise-autocovariance"),
    pair_entry("shuffled-once-weight-variance", shuffled_once(), "weight-variance"),
    pair_entry("shuffled-once-velocity-variance", shuffled_once(), "velocity-variance"),
    pair_entry("shuffled-once-weight-autocovariance", shuffled_once(), "weight-autocovariance"),
)

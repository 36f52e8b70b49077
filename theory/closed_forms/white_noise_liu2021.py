"""Heavy ball under white noise: fresh batches or draws with replacement (liu2021)."""

from __future__ import annotations

from theory.closed_forms.entry import pair_entry
from theory.sampling import fresh_batches
from theory.symbols import curvature, learning_rate, momentum, noise_variance

__all__ = ["ENTRIES"]

_eta, _beta, _lambda, _c = learning_rate, momentum, curvature, noise_variance
_gap = (1 - _beta) * (2 * (1 + _beta) - _eta * _lambda)

ENTRIES = (
    pair_entry(
        "white-weight-variance", fresh_batches(), "weight-variance",
        source="liu2021 (arXiv 2012.03636), theorem on SGD with momentum, commuting case",
        published=_eta * (1 + _beta) * _c / (_lambda * _gap),
        difference="none",
    ),
    pair_entry(
        "white-velocity-variance", fresh_batches(), "velocity-variance",
        source="follows from liu2021 (arXiv 2012.03636); re-derived here",
        published=2 * _eta**2 * _c / _gap,
        difference="none",
    ),
    pair_entry(
        "white-weight-velocity-covariance", fresh_batches(), "weight-velocity-covariance",
    ),
    pair_entry("white-weight-autocovariance", fresh_batches(), "weight-autocovariance"),
    pair_entry("white-weight-spectrum", fresh_batches(), "weight-spectrum"),
    pair_entry("white-cross-mode-covariance", fresh_batches(), "cross-weight-covariance"),
    pair_entry("white-loss-fluctuation", fresh_batches(), "loss-fluctuation"),
    pair_entry(
        "correlation-time-steep", fresh_batches(), "correlation-time",
        title="correlation time in steps under white noise, the limit of steep directions",
        source="kuhn2023 (arXiv 2306.05300), regime of large curvature",
        published=(1 + _beta) / (_eta * _lambda),
        difference="none; exact for white noise, a limit for reshuffled noise",
    ),
)

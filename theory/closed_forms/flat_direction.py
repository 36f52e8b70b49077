"""Directions of zero curvature: exact laws, and how far the published approximations are off."""

from __future__ import annotations

import sympy as sp

from theory.closed_forms.entry import limit_entry, pair_entry
from theory.formula import Formula
from theory.sampling import reshuffled, shuffled_once
from theory.symbols import learning_rate, momentum, noise_variance, steps_per_epoch

__all__ = ["ENTRIES"]

_M, _beta, _eta, _c = steps_per_epoch, momentum, learning_rate, noise_variance
_published_variance = _M * _eta**2 * _c / (6 * (1 - _beta) ** 2)
_published_time = _M * (1 + _beta) / (3 * (1 - _beta))
_where = sp.And(_M >= 2, _beta < 1)
_KUHN = "kuhn2023 (arXiv 2306.05300), regime of small curvature"


ENTRIES = (
    pair_entry(
        "flat-weight-variance", reshuffled(), "flat-weight-variance",
        published=_published_variance,
        difference="the published form is the limit M >> 1/(1 - momentum); at M = 100, "
        "momentum = 0.9 the exact value is 0.772 of it",
    ),
    pair_entry("flat-velocity-variance", reshuffled(), "flat-velocity-variance"),
    pair_entry(
        "flat-correlation-time", reshuffled(), "flat-correlation-time",
        source="new here (exact)",
        published=_published_time,
        difference="the published form is the limit M >> 1/(1 - momentum)",
    ),
    pair_entry(
        "shuffled-once-flat-weight-variance", shuffled_once(), "flat-weight-variance",
    ),
    limit_entry(
        Formula(
            slug="flat-weight-variance-long-epoch",
            left=r"\lim_{$curvature\to0}\langle\theta^2\rangle",
            title="weight variance of flat directions, M >> 1/(1 - beta)",
            compact=_published_variance, valid_if=_where, unit=(0, 2), source=_KUHN,
        ),
        reshuffled(), "flat-weight-variance",
    ),
    limit_entry(
        Formula(
            slug="correlation-time-flat",
            left=r"\lim_{$curvature\to0}T_c",
            title="correlation time of flat directions in steps, M >> 1/(1 - beta)",
            compact=_published_time, valid_if=_where, unit=(0, 0), source=_KUHN,
        ),
        reshuffled(), "flat-correlation-time",
    ),
)

"""Where the regimes meet: crossover curvature, critical damping, stability limit."""

from __future__ import annotations

import sympy as sp

from theory.closed_forms.entry import limit_entry
from theory.formula import Formula
from theory.sampling import reshuffled
from theory.symbols import curvature, learning_rate, momentum, steps_per_epoch

__all__ = ["ENTRIES"]

_M, _beta, _eta, _lambda = steps_per_epoch, momentum, learning_rate, curvature
_below_one = sp.Lt(_beta, 1)

ENTRIES = (
    limit_entry(
        Formula(
            slug="crossover-curvature",
            left=r"${curvature}_\times",
            title="curvature below which the anti-correlations of an epoch lower the variance",
            compact=3 * (1 - _beta) / (_eta * _M), valid_if=_below_one, unit=(1, -2),
            source="kuhn2023 (arXiv 2306.05300), crossover of the correlation times",
        ),
        reshuffled(), "correlation-time",
    ),
    limit_entry(
        Formula(
            slug="critical-damping-curvature",
            left=r"${curvature}_c",
            title="curvature of critical damping; above it (up to (1 + sqrt(beta))²/eta) the mode "
            "oscillates",
            compact=(1 - sp.sqrt(_beta)) ** 2 / _eta, valid_if=_below_one, unit=(1, -2),
        ),
        reshuffled(), "weight-variance",
    ),
    limit_entry(
        Formula(
            slug="damping-discriminant",
            left=r"\Delta",
            title="discriminant of the poles, s² - 4 beta: positive overdamped, negative underdamped",
            compact=(1 + _beta - _eta * _lambda) ** 2 - 4 * _beta,
            valid_if=sp.And(_below_one, 2 * (1 + _beta) - _eta * _lambda > 0), unit=(0, 0),
        ),
        reshuffled(), "weight-variance",
    ),
    limit_entry(
        Formula(
            slug="stability-limit",
            left=r"${learning_rate}_{\max}",
            title="largest stable learning rate of heavy ball in a direction of curvature lambda",
            compact=2 * (1 + _beta) / _lambda, valid_if=_below_one, unit=(-1, 2),
            source="classical; Polyak (1964)",
        ),
        reshuffled(), "weight-variance",
    ),
)

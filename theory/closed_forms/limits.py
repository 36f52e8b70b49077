"""Limits and expansions of the reshuffled and white laws, each a formula of its own."""

from __future__ import annotations

import sympy as sp

from theory.closed_forms.entry import limit_entry
from theory.formula import Formula
from theory.sampling import fresh_batches, reshuffled
from theory.symbols import curvature, learning_rate, momentum, noise_variance, steps_per_epoch

__all__ = ["ENTRIES"]

_M, _beta, _eta, _lambda, _c = steps_per_epoch, momentum, learning_rate, curvature, noise_variance
_x = _eta * _lambda
_stable = sp.And(_M >= 2, _beta < 1, 2 * (1 + _beta) - _x > 0)
_white = _eta * (1 + _beta) * _c / (_lambda * (1 - _beta) * (2 * (1 + _beta) - _x))
_kappa = _x * _M / (1 - _beta)
_mu = _M * (1 - _beta)

ENTRIES = (
    limit_entry(
        Formula(
            slug="reshuffled-weight-variance-long-epoch",
            left=r"\langle\theta^2\rangle",
            title="weight variance for long epochs at fixed curvature: white law and its 1/M "
            "correction",
            compact=_white
            * (1 - 2 * (1 - _beta**2 - _x) / (_M * _x * (1 + _beta))),
            valid_if=_stable, unit=(0, 2),
        ),
        reshuffled(), "weight-variance",
    ),
    limit_entry(
        Formula(
            slug="reshuffled-weight-variance-small-step",
            left=r"\langle\theta^2\rangle",
            title="weight variance for eta -> 0 at fixed kappa = eta lambda M / (1 - beta)",
            compact=_eta * _c / (2 * _lambda * (1 - _beta))
            * (1 - 2 * (_kappa - 1 + sp.exp(-_kappa)) / _kappa**2),
            valid_if=_stable, unit=(0, 2),
        ),
        reshuffled(), "weight-variance",
    ),
    limit_entry(
        Formula(
            slug="kinetic-weight-variance",
            left=r"\langle\theta^2\rangle",
            title="weight variance under white noise in the kinetic limit, 1 - beta of order "
            "sqrt(eta)",
            compact=_eta * _c / (2 * _lambda * (1 - _beta)), valid_if=sp.Lt(_beta, 1), unit=(0, 2),
            source="kinetic (Klein-Kramers) limit, as in dai2021 (arXiv 2112.00987; predecessor 1812.00542)",
        ),
        fresh_batches(), "weight-variance",
    ),
    limit_entry(
        Formula(
            slug="kinetic-velocity-variance",
            left=r"\langle v^2\rangle",
            title="velocity variance under white noise in the kinetic limit, 1 - beta of order "
            "sqrt(eta)",
            compact=_eta**2 * _c / (2 * (1 - _beta)), valid_if=sp.Lt(_beta, 1), unit=(0, 2),
            source="kinetic (Klein-Kramers) limit, as in dai2021 (arXiv 2112.00987; predecessor 1812.00542)",
        ),
        fresh_batches(), "velocity-variance",
    ),
    limit_entry(
        Formula(
            slug="continuous-time-weight-variance",
            left=r"\langle\theta^2\rangle",
            title="weight variance of plain SGD for eta -> 0 (Ornstein-Uhlenbeck)",
            compact=_eta * _c / (2 * _lambda), valid_if=sp.true, unit=(0, 2),
            source="mandt2017 (arXiv 1704.04289), one direction of H Sigma + Sigma H = eta C",
        ),
        fresh_batches(), "weight-variance",
    ),
    limit_entry(
        Formula(
            slug="kinetic-flat-weight-variance",
            left=r"\lim_{$curvature\to0}\langle\theta^2\rangle",
            title="weight variance of flat directions for M -> infinity at fixed mu = M (1 - beta)",
            compact=_M**3 * _eta**2 * _c
            * (_mu**3 - 3 * _mu**2 + 6 * _mu - 6 * (1 - sp.exp(-_mu)))
            / (6 * _mu**5),
            valid_if=sp.And(_M >= 2, _beta < 1), unit=(0, 2),
        ),
        reshuffled(), "flat-weight-variance",
    ),
)

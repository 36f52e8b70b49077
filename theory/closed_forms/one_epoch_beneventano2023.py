r"""One epoch without replacement, one direction, to second order in the fluctuations (beneventano2023).

The M batches of an epoch have curvatures of mean :math:`\lambda` and variance :math:`\psi`, gradients of
variance c at the stationary point, and :math:`\chi` is the covariance of the two; all are taken over the
batches. Samples that are permuted and cut into batches have the same formulas with the variances of such
a batch. Directions whose fluctuations commute do not meet, so one direction is enough; for any Hessians see
:mod:`theory.one_epoch`.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.optimizers import sgd
from theory.sampling import reshuffled
from theory.symbols import (
    curvature,
    curvature_gradient_covariance,
    curvature_variance,
    displacement,
    learning_rate,
    negative_curvature,
    steps_per_epoch,
)

__all__ = ["ENTRIES", "gradient_weight"]

_M, _eta, _lambda, _kappa = steps_per_epoch, learning_rate, curvature, negative_curvature
_chi, _psi, _delta = curvature_gradient_covariance, curvature_variance, displacement
_several = _M >= 2


def gradient_weight(steps: sp.Expr) -> sp.Expr:
    r""":math:`s=\sum_{i<m}p^{m-1-i}(1+p+\dots+p^{i-1})`, :math:`p=1-\eta\lambda`."""
    x = _eta * _lambda
    p = 1 - x
    return (1 - p**steps - steps * x * p ** (steps - 1)) / x**2


_flat_drift = -_M * _eta**2 * (_chi + _psi * _delta) / 2

_SMITH = Formula(
    slug="epoch-drift-smith-limit",
    title="expected weight after one epoch minus that of gradient descent, for eta M lambda -> 0",
    left=r"\Delta_{epoch}",
    compact=_flat_drift, valid_if=_several, unit=(0, 1),
    source="smith2021 (arXiv 2101.12176), modified loss L + eta / (4 M) sum of squared batch gradients",
    published=_flat_drift, difference="none",
)


def _drift() -> Formula:
    p = 1 - _eta * _lambda
    formula = Formula(
        slug="epoch-drift",
        title="expected weight after one epoch minus that of gradient descent (or of sampling with "
        "replacement), to second order in the fluctuations",
        left=r"\Delta_{epoch}",
        compact=-_eta**2 * _chi * gradient_weight(_M) / (_M - 1)
        - _M * _eta**2 * _psi * _delta * p ** (_M - 2) / 2,
        valid_if=_several, unit=(0, 1),
        source="beneventano2023 (arXiv 2312.16143); re-derived here, with the weight of the displacement",
    )
    flat = replace(_SMITH, slug="flat/epoch-drift", source="new here", published=None, difference="")
    return replace(formula, derive_flat_limit=lambda: flat)


def _weight() -> Formula:
    formula = Formula(
        slug="epoch-regularizer-weight",
        title="weight of a direction in the regularizer of one epoch: (M - 1) / eta² times its slope per "
        "covariance of curvature and gradient",
        left="s",
        compact=gradient_weight(_M), valid_if=_several, unit=(0, 0),
        source="beneventano2023 (arXiv 2312.16143); re-derived here in closed form",
    )
    flat = replace(
        formula, slug="flat/epoch-regularizer-weight", compact=_M * (_M - 1) / 2, source="new here",
    )
    return replace(formula, derive_flat_limit=lambda: flat)


def _escape() -> Formula:
    y = _eta * _kappa
    growth = (1 + y) ** _M
    return Formula(
        slug="saddle-escape-ratio",
        title="mean-square displacement from a saddle after any number of epochs, reshuffled over fresh "
        "batches, where all batches have one curvature in the direction",
        left=r"r_{escape}",
        compact=(_M - (2 + y) * (growth - 1) / (y * (growth + 1))) / (_M - 1),
        valid_if=_several, unit=(0, 0),
    )


def _entry(formula: Formula, quantity: str, *, exact: bool = True) -> Entry:
    return Entry(
        slug=formula.slug, derive=lambda: formula, rule=sgd(), scheme=reshuffled(), quantity=quantity,
        exact=exact, model="one-epoch",
    )


ENTRIES = (
    _entry(_drift(), "epoch-drift"),
    _entry(_SMITH, "epoch-drift", exact=False),
    _entry(_weight(), "epoch-regularizer-weight"),
    _entry(_escape(), "saddle-escape-ratio"),
)

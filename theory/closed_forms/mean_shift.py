r"""The stationary mean is not the minimum: one direction, batches without replacement, to leading order.

A batch enters the noise at one step and meets the response to that noise at a later one; batches of one pass
are not independent, so the mean is pushed. :math:`\chi` is the covariance of the curvature and the gradient
(at the minimum) of one batch; averages run over the epoch. Any rule and scheme:
:func:`theory.multiplicative.mean_shift_formula`. Several directions:
:func:`theory.multiplicative.mean_shift`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import sympy as sp

from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.optimizers import LinearRule, heavy_ball, nesterov
from theory.sampling import SamplingScheme, reshuffled, shuffled_once
from theory.symbols import (
    curvature,
    curvature_gradient_covariance,
    learning_rate,
    momentum,
    steps_per_epoch,
)

__all__ = ["ENTRIES"]

_M, _eta, _beta, _lambda = steps_per_epoch, learning_rate, momentum, curvature
_chi = curvature_gradient_covariance

_FLAT = Formula(
    slug="mean-shift-flat-direction",
    title="mean displacement from the minimum for eta M lambda -> 0, reshuffled heavy ball",
    left=r"\langle\theta\rangle",
    compact=-_eta * _chi / (2 * _lambda * (1 - _beta))
    * (1 - 2 * _beta * (_M * (1 - _beta) - 1 + _beta**_M) / (_M * (_M - 1) * (1 - _beta) ** 2)),
    valid_if=sp.And(_M >= 2, _beta < 1), unit=(0, 1),
    source="new here; without momentum the minimum of the modified loss of smith2021 (arXiv 2101.12176)",
    published=-_eta * _chi / (2 * _lambda),
    difference="the published loss is for plain SGD: this is its minimum at momentum = 0",
)


def _derived(slug: str, rule: LinearRule, scheme: SamplingScheme) -> Formula:
    from theory.engine.mean_shift import mean_shift_formula

    return replace(mean_shift_formula(rule, scheme), slug=slug)


def _entry(slug: str, scheme: SamplingScheme, rule: LinearRule | None = None) -> Entry:
    chosen = heavy_ball() if rule is None else rule
    return Entry(
        slug=slug, derive=partial(_derived, slug, chosen, scheme), rule=chosen, scheme=scheme,
        quantity="mean-shift", model="one-epoch",
    )


def _limit(formula: Formula) -> Entry:
    return Entry(
        slug=formula.slug, derive=lambda: formula, rule=heavy_ball(), scheme=reshuffled(),
        quantity="mean-shift", exact=False, model="one-epoch",
    )


ENTRIES = (
    _entry("mean-shift", reshuffled()),
    _limit(_FLAT),
    _entry("nesterov-mean-shift", reshuffled(), nesterov()),
    _entry("shuffled-once-mean-shift", shuffled_once()),
)

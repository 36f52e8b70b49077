r"""Independent steps with a fluctuating batch curvature, in one dimension, with momentum.

The curvature of a batch has mean :math:`\lambda` and variance :math:`\psi`. With momentum the results
are new here; at :math:`\psi=0` they are those of liu2021.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import sympy as sp

from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.optimizers import LinearRule, heavy_ball, nesterov, pytorch_sgd, sgd
from theory.quantities import MOMENTS
from theory.sampling import SamplingScheme, fresh_batches, with_replacement
from theory.symbols import (
    batch_size,
    curvature,
    curvature_variance,
    label_variance,
    lag,
    learning_rate,
    momentum,
    noise_variance,
)

__all__ = ["ENTRIES"]

_eta, _beta, _lambda, _psi, _c = learning_rate, momentum, curvature, curvature_variance, noise_variance
_y, _S = label_variance, batch_size
_white_gap = (1 - _beta) * (2 * (1 + _beta) - _eta * _lambda)
_ADDITIVE = "the published law has no fluctuating curvature: it is this one at curvature_variance = 0"


def _formula(
    slug: str, rule: LinearRule, quantity: str, published: sp.Expr | None, source: str, scaled: bool
) -> Formula:
    from theory.engine.one_direction import one_direction

    mode = one_direction(rule)
    moment = MOMENTS[quantity]
    # with momentum below 1 the mean converges wherever the second moment does
    condition = sp.And(*rule.domain, mode.gap > 0)
    if quantity == "weight-autocovariance":
        condition = sp.And(condition, lag >= 0)
    words = {
        "weight-variance": "weight variance", "velocity-variance": "velocity variance",
        "weight-velocity-covariance": "covariance of weight and velocity",
        "weight-autocovariance": "weight autocovariance at lag tau >= 0",
    }[quantity]
    scale = _formula(f"scale/{slug}", rule, "weight-variance", None, source, False) if scaled else None
    return Formula(
        slug=slug, left=moment.left, compact=getattr(mode, quantity.replace("-", "_")),
        title=f"{words} in one dimension, batch curvature fluctuating ({rule.name}, independent steps)",
        valid_if=condition, unit=(0, 2), source=source, published=published,
        difference="" if published is None else _ADDITIVE, scale=scale,
    )


def _entry(
    slug: str, quantity: str, *, rule: LinearRule | None = None, published: sp.Expr | None = None,
    source: str = "new here", signed: bool = False,
) -> Entry:
    chosen = heavy_ball() if rule is None else rule
    derive = partial(_formula, slug, chosen, quantity, published, source, signed)
    return Entry(
        slug=slug, derive=derive, rule=chosen, scheme=fresh_batches(), quantity=quantity,
        model="multiplicative",
    )


def _limit() -> Formula:
    return Formula(
        slug="mean-square-stability-limit",
        left=r"${learning_rate}_{ms}",
        title="learning rate at which the second moment ceases to converge, heavy ball in one dimension "
        "with independent steps",
        compact=2 * (1 - _beta**2) * _lambda
        / ((1 - _beta) * _lambda**2 + (1 + _beta) * _psi),
        valid_if=sp.Lt(_beta, 1), unit=(-1, 2),
        source="mulayoff2023 (arXiv 2306.07850) in one dimension without momentum; with momentum "
        "re-derived here",
        published=2 * _lambda / (_lambda**2 + _psi),
        difference="the published threshold is for plain SGD: it is this one at momentum = 0",
    )


def _label_noise() -> Formula:
    gap = 2 * _S - _eta * _lambda * (_S + 2)
    return Formula(
        slug="label-noise-weight-variance",
        left=r"\langle\theta^2\rangle",
        title="weight variance of plain SGD under label noise: one Gaussian input of variance lambda, "
        "batches of independent samples",
        compact=_eta * _y / gap, valid_if=gap > 0, unit=(0, 2),
        source="ziyin2022 (arXiv 2102.05375), label noise, in one dimension; re-derived here",
        published=_eta * _y / (_S * (2 - _eta * _lambda * (_S + 1) / _S) - _eta * _lambda),
        difference="none",
    )


def _label_noise_momentum() -> Formula:
    gap = _S * _white_gap - 2 * (1 + _beta) * _eta * _lambda
    return Formula(
        slug="label-noise-momentum-weight-variance",
        left=r"\langle\theta^2\rangle",
        title="weight variance of heavy ball under label noise: one Gaussian input of variance lambda, "
        "batches of independent samples",
        compact=_eta * (1 + _beta) * _y / gap, valid_if=sp.And(_beta < 1, gap > 0), unit=(0, 2),
    )


def _stated(
    slug: str, derive: Callable[[], Formula], rule: LinearRule, scheme: SamplingScheme
) -> Entry:
    return Entry(
        slug=slug, derive=derive, rule=rule, scheme=scheme, quantity="weight-variance",
        model="multiplicative",
    )


ENTRIES = (
    _entry(
        "multiplicative-weight-variance", "weight-variance",
        published=_eta * (1 + _beta) * _c / (_lambda * _white_gap),
        source="new here; liu2021 (arXiv 2012.03636) without fluctuating curvature",
    ),
    _entry(
        "multiplicative-velocity-variance", "velocity-variance",
        published=2 * _eta**2 * _c / _white_gap,
        source="new here; follows from liu2021 (arXiv 2012.03636) without fluctuating curvature",
    ),
    _entry("multiplicative-weight-velocity-covariance", "weight-velocity-covariance"),
    _entry("multiplicative-weight-autocovariance", "weight-autocovariance", signed=True),
    _stated("mean-square-stability-limit", _limit, heavy_ball(), fresh_batches()),
    _entry("nesterov-multiplicative-weight-variance", "weight-variance", rule=nesterov()),
    _entry("pytorch-multiplicative-weight-variance", "weight-variance", rule=pytorch_sgd()),
    _stated("label-noise-weight-variance", _label_noise, sgd(), with_replacement()),
    _stated(
        "label-noise-momentum-weight-variance", _label_noise_momentum, heavy_ball(), with_replacement()
    ),
)

"""Catalogue formulas altered systematically: nothing but true conventions and habits is ever proved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sympy as sp

from derivations.checking.compare import Comparison, quick_test
from derivations.checking.conventions import conventions
from derivations.checking.renaming import renamings
from derivations.checking.target import target_by_slug
from theory.symbols import (
    batch_size,
    curvature,
    lag,
    learning_rate,
    momentum,
    noise_variance,
    position,
    samples,
    steps_per_epoch,
)

_eta, _beta, _lambda, _c = learning_rate, momentum, curvature, noise_variance
_m, _s, _n, _tau, _j = steps_per_epoch, batch_size, samples, lag, position

#: what is replaced, and what may then be said: it completes "right ..."
REPLACED: tuple[tuple[sp.Symbol, sp.Expr, tuple[str, ...]], ...] = (
    (_beta, -_beta, ()), (_beta, _beta**2, ()), (_lambda, 2 * _lambda, ()), (_eta, 2 * _eta, ()),
    (_lambda, _lambda / 2, ()), (_m, _m + 1, ()), (_m, _m - 1, ()), (_n, _n - 1, ()), (_n, _n + 1, ()),
    (_s, _s + 1, ()), (_tau, _tau + 1, ()), (_tau, _tau - 1, ()), (_j, _j - 1, ()), (_m, _s, ()),
    (_beta, _tau, ()), (_eta, _lambda, ()), (_c, _lambda, ()),
    (_j, _j + 1, ("with positions counted from 0",)),
    (_c, _c**2, ("with the standard deviation of the noise for its variance",)),
    (_beta, 1 - _beta, ("with beta written for one minus the momentum",)),
    (_m, _n, ("with N as the number of steps per epoch",
              "for batches of one sample, where N is the number of steps per epoch")),
)
#: factors, and what may then be said
FACTORS: tuple[tuple[sp.Expr, tuple[str, ...]], ...] = (
    (sp.Integer(2), ()), (sp.Rational(1, 2), ()), (sp.Integer(-1), ()), (1 + _beta, ()),
    (_eta * _lambda, ()), (_m / (_m - 1), ()), (_lambda, ()),
    (1 / _c, ("for the autocorrelation, divided by the variance",)),
    (1 / _s**2, ("with the gradient summed over the batch",)),
    (1 - _beta, ("no (1 - beta) in the buffer", "(1 - beta) in the buffer")),
    (1 / _eta, ("for the velocity v / sqrt(eta) of continuous time", "for the velocity v / eta")),
)
SLUGS = (
    "white-weight-variance", "white-velocity-variance", "white-loss-fluctuation", "white-weight-spectrum",
    "white-weight-velocity-covariance", "reshuffled-noise-autocovariance", "reshuffled-noise-spectrum",
    "shuffled-once-noise-autocovariance", "dropped-batch-noise-autocovariance", "stability-limit",
    "kept-batch-noise-autocovariance", "flat-weight-variance", "flat-weight-variance-long-epoch",
    "crossover-curvature", "correlation-time-steep", "white-weight-autocovariance",
)


def _altered(truth: sp.Expr) -> Iterator[tuple[sp.Expr, tuple[str, ...]]]:
    for old, new, allowed in REPLACED:
        if old in truth.free_symbols:
            yield truth.xreplace({old: new}), allowed
    for factor, allowed in FACTORS:
        yield truth * factor, allowed
    yield truth + _eta**2 * _c, ()
    for power in truth.as_powers_dict():  # a lost factor
        if power.is_Add:
            yield truth / power, ()


@pytest.mark.parametrize("slug", SLUGS)
def test_an_altered_formula_is_right_only_in_a_true_convention(slug: str) -> None:
    target = target_by_slug(slug)
    count = 0
    for claim, allowed in _altered(target.truth):
        if sp.cancel(sp.together(claim - target.truth)) == 0:
            continue
        count += 1
        for found in (*renamings(claim, (), target), *conventions(claim, target)):
            if quick_test(found.expression, target) and Comparison(
                claim=found.expression, target=target, sides=found.proof
            ).proved:
                assert any(said in found.summary for said in allowed), (str(claim), found.summary)
    assert count > 10

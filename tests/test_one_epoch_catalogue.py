"""The formulas of one epoch: values, limits, proofs, and controls that every rung must refuse."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from theory.closed_forms import formula_by_slug
from theory.multiplicative import SampleQuadratics
from theory.one_epoch import Epoch, expected_drift, regularizer_weights
from theory.optimizers import sgd


def test_the_weight_and_its_limits() -> None:
    weight = formula_by_slug("epoch-regularizer-weight")
    for steps in (2, 3, 8, 9):
        flat = weight.evaluate(learning_rate=0.1, curvature=0, steps_per_epoch=steps)
        near = weight.evaluate(learning_rate=0.1, curvature=1e-15, steps_per_epoch=steps)
        assert flat == steps * (steps - 1) / 2
        assert near == pytest.approx(flat, rel=1e-14)
        edge = weight.evaluate(learning_rate=1, curvature=2, steps_per_epoch=steps)
        assert edge == (-1) ** steps * (steps // 2)
    steep = weight.evaluate(learning_rate=Fraction(1, 2), curvature=1, steps_per_epoch=60)
    assert steep == pytest.approx(4, rel=1e-12), "1 / (eta lambda)², however long the epoch"


def test_one_direction_of_the_matrix_functions_is_the_catalogue() -> None:
    h, g = np.array([0.2, 1.4, 0.5, 0.9]), np.array([0.5, -0.25, -0.5, 0.25])
    rate, start = 0.6, -0.7
    losses = SampleQuadratics.from_hessians(h[:, None, None], g[:, None])
    epoch = Epoch.of_samples(losses, sgd(), {"learning_rate": rate}, batch_size=1)
    found = expected_drift(epoch, [start]).second[0, 0]
    point: dict[str, Any] = {"learning_rate": rate, "curvature": float(h.mean()), "steps_per_epoch": 4}
    formula = formula_by_slug("epoch-drift").evaluate(
        **point, curvature_variance=float(h.var()), curvature_gradient_covariance=float(np.mean(h * g)),
        displacement=start,
    )
    assert found == pytest.approx(formula, rel=1e-12)
    slope, _ = regularizer_weights(epoch)
    weight = formula_by_slug("epoch-regularizer-weight").evaluate(**point)
    assert slope[0] == pytest.approx(rate**2 * weight, rel=1e-13)


def test_the_way_out_of_a_saddle_is_slower_at_first_and_equal_for_long_epochs() -> None:
    ratio = formula_by_slug("saddle-escape-ratio")
    tiny = ratio.evaluate(learning_rate=1e-6, negative_curvature=1e-6, steps_per_epoch=10)
    assert tiny == pytest.approx(10 * 11 / 12 * 1e-24, rel=1e-9), "eta² kappa² M (M + 1) / 12"
    long = ratio.evaluate(learning_rate=1, negative_curvature=1, steps_per_epoch=10**6)
    assert long == pytest.approx(1, rel=1e-5)

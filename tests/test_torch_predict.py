"""Predictions from PyTorch's own objects: any module linear in its parameters, its optimizer, its loader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from theory.errors import TheoryError
from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name
from validation.predict import Prediction, predict
from validation.pytorch import from_module, rule_of, scheme_of
from validation.regression import Regression

SAMPLES = 40


def data(outputs: int = 1) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(8)
    x = torch.randn(SAMPLES, 3, generator=generator, dtype=torch.float64)
    return x, torch.randn(SAMPLES, outputs, generator=generator, dtype=torch.float64)


def trained(module: Any, targets: int = 1, *, size: int = 6, drop: bool = True) -> Prediction:
    """As a user writes it."""
    x, y = data(targets)
    loader = DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True, drop_last=drop)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, weight_decay=0.02)
    rule, values = rule_of(optimizer)
    scheme, batch_size = scheme_of(loader)
    problem = from_module(module, (x, y), nn.MSELoss(), weight_decay=values["weight_decay"])
    return predict(problem, rule, scheme, batch_size=batch_size, hyperparameters=values, method="closure")


@pytest.mark.parametrize("drop", [True, False])
def test_a_linear_layer_is_the_regression(drop: bool) -> None:
    x, y = data()
    own = trained(nn.Linear(3, 1), drop=drop)
    same = predict(
        Regression(
            features=np.column_stack([x.numpy(), np.ones(SAMPLES)]), targets=y.numpy()[:, 0], loss="mse",
            weight_decay=0.02,
        ),
        rule_by_name("pytorch-sgd"), scheme_by_name("dropped-batch" if drop else "kept-batch"),
        batch_size=6, hyperparameters=dict(own.hyperparameters), method="closure",
    )
    assert own.sampling == same.sampling
    for name in ("curvatures", "variances", "published_variances", "relative_error_estimate"):
        np.testing.assert_allclose(getattr(own, name), getattr(same, name), rtol=1e-6)
    np.testing.assert_allclose(np.abs(own.mean_shift), np.abs(same.mean_shift), rtol=1e-6)


def test_a_module_of_several_outputs() -> None:
    """Outputs share inputs and batches; every one has the curvatures of the inputs."""
    made = trained(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), 2)
    assert len(made.variances) == 8
    assert (made.variances > 0).all()
    np.testing.assert_allclose(made.curvatures[::2], made.curvatures[1::2], rtol=1e-12)


def test_a_layer_that_fits_perfectly_stays() -> None:
    x, _ = data()
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 0.25
    made = predict(
        from_module(nn.Linear(3, 1), (x, y), nn.MSELoss()), rule_by_name("sgd"),
        scheme_by_name("reshuffled"), batch_size=4, hyperparameters={"learning_rate": 0.01},
    )
    assert not made.variances.any()
    assert any("perfect fit" in note for note in made.notes)


def test_a_model_that_is_not_linear_is_refused() -> None:
    with pytest.raises(TheoryError, match=r"not linear in the parameter '\d\.\w+'.*freeze the others"):
        trained(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)))

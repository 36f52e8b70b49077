"""From PyTorch to the theory: modules as quadratic losses, optimizers as rules, loaders as schemes."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, TensorDataset

from theory.errors import MissingPackageError, TheoryError
from theory.sampling import dropped_batch, kept_batch, reshuffled, with_replacement
from validation.data import load_data
from validation.pytorch import from_module, rule_of, scheme_of, set_weights, weights_of
from validation.regression import Regression

torch.set_default_dtype(torch.float64)
X, Y, Y3 = torch.randn(40, 4), torch.randn(40, 1), torch.randn(40, 3)


class Mixed(nn.Module):  # type: ignore[misc]
    """Linear in all that is trained, after a frozen nonlinear layer, with an output shift."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(4, 6).requires_grad_(False)
        self.scale = nn.Parameter(torch.randn(6))
        self.read = nn.Linear(4, 2, bias=False)

    def forward(self, x: Any) -> Any:
        hidden = torch.tanh(self.frozen(x)) * self.scale
        return self.read(x) + hidden.reshape(len(x), 2, 3).sum(dim=2) + 0.7


def _half(outputs: Any, targets: Any) -> Any:
    return 0.5 * ((outputs - targets) ** 2).sum(dim=1).mean()


def _weighted(outputs: Any, targets: Any) -> Any:
    """Not convex in every output: one of its second derivatives is negative."""
    gap = outputs - targets
    return (gap[:, 0] ** 2 - 0.02 * gap[:, 1] ** 2 + 0.3 * gap[:, 0] * gap[:, 1] + gap[:, 2] ** 2).mean()


@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize(
    ("module", "targets", "loss"),
    [(nn.Linear(4, 1), Y, nn.MSELoss()), (nn.Linear(4, 1, bias=False), Y, _half),
     (nn.Linear(4, 3), Y3, nn.MSELoss()), (nn.Linear(4, 3, bias=False), Y3, _weighted),
     (nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), Y3, _half), (Mixed(), Y3[:, :2], nn.MSELoss())],
    ids=["linear", "half", "outputs", "indefinite", "sequential", "mixed"],
)
def test_gradients_are_those_of_autograd(module: Any, targets: Any, loss: Any, decay: float) -> None:
    """Per-sample gradients at random weights, and a vanishing mean gradient at the minimum."""
    decay = decay or (0.4 if loss is _weighted else 0.0)
    q = from_module(module, (X, targets), loss, weight_decay=decay)
    rng = np.random.default_rng(3)
    for _ in range(3):
        theta = 3 * rng.standard_normal(q.dimension)
        set_weights(module, theta)
        np.testing.assert_array_equal(weights_of(module), theta)
        delta = (theta - q.minimum) @ q.directions
        own = q.hessian_times(np.tile(delta, (q.samples, 1))) + q.gradients
        expected = []
        for x, y in zip(X, targets, strict=True):
            module.zero_grad()
            loss(module(x[None]), y[None]).backward()
            parts = [p.grad.reshape(-1) for p in module.parameters() if p.requires_grad]
            expected.append(torch.cat(parts).numpy().copy() + decay * q.minimum)
        truth = np.array(expected)
        np.testing.assert_allclose(own @ q.directions.T, truth, rtol=0, atol=1e-12 * np.abs(truth).max())
    h = np.einsum("nqi,nq,nqj->ij", q.factors, q.signs, q.factors) / q.samples
    np.testing.assert_allclose(h, np.diag(q.curvatures), rtol=0, atol=1e-13 * q.curvatures[0])
    assert (q.signs < 0).any() == (loss is _weighted)


@pytest.mark.parametrize("bias", [False, True])
def test_linear_is_the_regression(bias: bool) -> None:
    data = load_data("diabetes", intercept=bias)
    p = Regression(features=data.features, targets=data.targets, loss="mse")
    inputs = torch.tensor(data.features[:, :10])
    pairs = TensorDataset(inputs, torch.tensor(data.targets)[:, None])
    q = from_module(nn.Linear(10, 1, bias=bias).float(), pairs, nn.MSELoss())
    np.testing.assert_allclose(q.curvatures, p.curvatures, rtol=1e-12)
    np.testing.assert_allclose(q.minimum, p.minimum, rtol=1e-9)
    scale = np.abs(p.projected_gradients).max()
    np.testing.assert_allclose(q.gradients, p.projected_gradients, rtol=0, atol=1e-11 * scale)


def test_directions_without_curvature_do_not_move() -> None:
    inputs = torch.cat([X, X[:, :1], torch.zeros(40, 1)], dim=1)
    q = from_module(nn.Linear(6, 1), (inputs, Y), nn.MSELoss())
    assert (q.curvatures > 0).sum() == 5
    assert (q.gradients[:, 5:] == 0).all()
    assert (q.factors[:, :, 5:] == 0).all()


@pytest.mark.parametrize(
    ("module", "targets", "loss", "message"),
    [(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1)), Y, nn.MSELoss(), r"linear in the parameter '[01]\."),
     (nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1)), Y, nn.MSELoss(), "changes by .* of itself"),
     (nn.Linear(4, 1), Y, nn.HuberLoss(), "the loss is not quadratic in the outputs"),
     (nn.Linear(4, 1), Y, nn.L1Loss(), "the loss is not quadratic in the outputs: .* by a kink"),
     (nn.Linear(4, 1), 50 + Y, nn.SmoothL1Loss(), "the loss is not quadratic in the outputs"),
     (nn.Linear(4, 1), Y, nn.SmoothL1Loss(beta=1e-3), "the loss is not quadratic in the outputs"),
     (nn.Linear(4, 1), 0 * Y, lambda outputs, _: outputs.mean(), "has no curvature: it depends .* linearly"),
     (nn.Linear(4, 3), torch.arange(40) % 3, nn.CrossEntropyLoss(), "the loss is not quadratic"),
     (nn.Linear(4, 1), Y, nn.MSELoss(reduction="sum"), "8 times the mean of the losses"),
     (nn.Linear(4, 1), Y, nn.MSELoss(reduction="none"), "must be one number per batch"),
     (nn.Linear(4, 1), Y[:, 0], nn.MSELoss(), r"Use targets.reshape\(40, 1\)"),
     (nn.Sequential(nn.BatchNorm1d(4, affine=False), nn.Linear(4, 1)), Y, nn.MSELoss(), "one by one|rest of"),
     (nn.Sequential(nn.Dropout(), nn.Linear(4, 1)), Y, nn.MSELoss(), "or are random"),
     (nn.Linear(5, 1), Y, nn.MSELoss(), "does not take these inputs"),
     (nn.Linear(4, 1).requires_grad_(False), Y, nn.MSELoss(), "nothing is trained"),
     (nn.Linear(4, 1), Y[:39], nn.MSELoss(), "as many targets as inputs"),
     (nn.Linear(4, 1), Y / 0.0, nn.MSELoss(), "sample 0 has an entry that is not finite"),
     (nn.Linear(4, 3), Y3, _weighted, "has no minimum: the smallest eigenvalue")],
)
def test_what_is_not_quadratic_is_refused(module: Any, targets: Any, loss: Any, message: str) -> None:
    with pytest.raises(TheoryError, match=message):
        from_module(module, (X, targets), loss)


def test_piecewise_linear_far_from_its_kink_is_refused() -> None:
    """Linear near its weights; the larger of the two scales finds the kink."""

    class Kinked(nn.Linear):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return super().forward(x) + torch.relu(self.weight.sum() - 200.0)

    with pytest.raises(TheoryError, match="not linear in the parameter 'weight'"):
        from_module(Kinked(4, 1), (X, Y), nn.MSELoss())


# -- optimizers and loaders -------------------------------------------------------------------


def _sgd(**settings: Any) -> Any:
    return torch.optim.SGD(nn.Linear(4, 1).parameters(), **settings)


def test_rules() -> None:
    rule, values = rule_of(_sgd(lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.01))
    assert rule.name == "pytorch-sgd"
    assert values == {"learning_rate": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}
    rule, values = rule_of(_sgd(lr=0.1, momentum=0.9, nesterov=True))
    assert rule.name == "pytorch-sgd-nesterov"
    assert "dampening" not in values
    assert rule_of(_sgd(lr=0.1, dampening=0.5))[1]["dampening"] == 0  # PyTorch ignores it there


def test_rules_that_are_refused() -> None:
    module = nn.Linear(4, 1)
    groups = [{"params": [module.weight]}, {"params": [module.bias], "lr": 0.2}]
    for optimizer, message in (
        (torch.optim.Adam(module.parameters()), "must be torch.optim.SGD; got Adam"),
        (torch.optim.SGD(groups, lr=0.1), "2 parameter groups have different settings"),
        (_sgd(lr=0.1, maximize=True), "maximizes"),
    ):
        with pytest.raises(TheoryError, match=message):
            rule_of(optimizer)


def test_schemes() -> None:
    data = TensorDataset(X, Y)
    assert scheme_of(DataLoader(data, batch_size=8, shuffle=True)) == (reshuffled(), 8)
    assert scheme_of(DataLoader(data, batch_size=7, shuffle=True)) == (kept_batch(), 7)
    assert scheme_of(DataLoader(data, batch_size=7, shuffle=True, drop_last=True)) == (dropped_batch(), 7)
    drawn = RandomSampler(data, replacement=True)
    assert scheme_of(DataLoader(data, batch_size=8, sampler=drawn)) == (with_replacement(), 8)


def test_schemes_that_are_refused() -> None:
    data = TensorDataset(X, Y)
    drawn = RandomSampler(data, replacement=True)
    for loader, message in (
        (DataLoader(data, batch_size=8), "SequentialSampler: give batch_size=..., shuffle=True"),
        (DataLoader(data, batch_size=8, sampler=SequentialSampler(data)), "SequentialSampler"),
        (DataLoader(data, batch_size=None), "no scheme for a DataLoader with NoneType"),
        (DataLoader(data, batch_size=40, shuffle=True), "batch_size = 40 is not below the 40 samples"),
        (DataLoader(data, batch_size=7, sampler=drawn), "no whole number of batches of 7"),
        (DataLoader(data, batch_size=8, sampler=RandomSampler(data, num_samples=16)), "draws 16 of 40"),
    ):
        with pytest.raises(TheoryError, match=message):
            scheme_of(loader)


def test_without_torch_the_message_has_the_command(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'sgd-theory\[torch\]'"):
        from_module(None, (X, Y), None)

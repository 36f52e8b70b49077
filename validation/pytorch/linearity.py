"""Per-sample derivatives of a PyTorch model and loss, after testing that they are constants."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.errors import TheoryError
from validation.pytorch.require import require_torch
from validation.regression import FloatArray

__all__ = ["PerSample", "per_sample"]

#: relative change of a derivative, between points, that rounding in double precision can make
_ROUNDING = 1e-9
#: distances from the origin at which linearity is tested, in units of the weights and outputs
_SCALES = (1.0, 1e3)


@dataclass(frozen=True, kw_only=True, eq=False)
class PerSample:
    """Derivatives of outputs and losses of single samples; K outputs, P parameters.

    Attributes
    ----------
    jacobians
        Of the outputs by the parameters. Shape (N, K, P).
    slopes, curvatures
        First and second derivative of the loss of one sample by its outputs, at zero parameters.
        Shapes (N, K) and (N, K, K).
    """

    jacobians: FloatArray
    slopes: FloatArray
    curvatures: FloatArray


def per_sample(module: Any, data: Any, loss: Any, seed: int) -> PerSample:
    """Differentiate and test, see :func:`validation.pytorch.quadratics.from_module`."""
    torch = require_torch()
    inputs, targets = (_float64(torch, part) for part in _pair(torch, data))
    if len(inputs) != len(targets) or len(inputs) < 2:
        raise TheoryError(
            f"there must be as many targets as inputs, at least 2; got {len(inputs)}, {len(targets)}"
        )
    model = copy.deepcopy(module).double()
    trained = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    if not trained:
        raise TheoryError("the module has no parameter that requires a gradient: nothing is trained")
    generator = torch.Generator().manual_seed(seed)

    def outputs_of(parameters: Any, x: Any) -> Any:
        return torch.func.functional_call(model, parameters, (x,))

    _require_separate(torch, outputs_of, trained, inputs)
    jacobians = _constant_jacobians(torch, outputs_of, trained, inputs, generator)
    zero = {name: torch.zeros_like(p) for name, p in trained.items()}
    outputs = outputs_of(zero, inputs).detach()
    _require_mean(torch, loss, outputs, targets)
    slopes, curvatures = _constant_curvatures(torch, loss, outputs, targets, generator)
    return PerSample(jacobians=jacobians, slopes=slopes, curvatures=curvatures)


def _pair(torch: Any, data: Any) -> tuple[Any, Any]:
    if isinstance(data, torch.utils.data.Dataset):
        pairs = [data[n] for n in range(len(data))]
        stacks = [torch.stack([torch.as_tensor(pair[i]) for pair in pairs]) for i in (0, 1)]
        return stacks[0], stacks[1]
    inputs, targets = data
    return torch.as_tensor(inputs), torch.as_tensor(targets)


def _float64(torch: Any, part: Any) -> Any:
    whole = part.double() if part.is_floating_point() else part
    if not torch.isfinite(whole).all():
        row = int((~torch.isfinite(whole.reshape(len(whole), -1))).any(dim=1).nonzero()[0])
        raise TheoryError(f"sample {row} has an entry that is not finite: remove or fill it")
    return whole


def _random_like(torch: Any, part: Any, scale: float, generator: Any) -> Any:
    size = max(1.0, float(part.abs().max())) if part.numel() else 1.0
    return scale * size * torch.randn(part.shape, dtype=torch.float64, generator=generator)


def _constant_jacobians(torch: Any, outputs_of: Any, trained: Any, inputs: Any, generator: Any) -> FloatArray:
    """Jacobians (N, K, P) at the parameters of the module, equal to those at random ones."""

    def jacobians(at: Any) -> dict[str, Any]:
        one = torch.func.jacrev(lambda p, x: outputs_of(p, x[None])[0].reshape(-1))
        try:
            found: dict[str, Any] = torch.func.vmap(one, in_dims=(None, 0))(at, inputs)
        except Exception as error:
            raise TheoryError(
                f"the module cannot be differentiated sample by sample ({type(error).__name__}: {error})"
            ) from error
        return {name: part.reshape(len(inputs), -1, at[name].numel()) for name, part in found.items()}

    here = jacobians(trained)
    for scale in _SCALES:
        ahead = [
            {name: _random_like(torch, p, scale, generator) for name, p in trained.items()} for _ in range(2)
        ]
        behind = [{name: -part for name, part in at.items()} for at in ahead]
        for point in (*ahead, *behind):  # a kink at a plane parts two opposite points
            there = jacobians(point)
            changes = {name: _change(here[name], there[name]) for name in trained}
            worst = max(changes, key=lambda name: changes[name])
            if not changes[worst] <= _ROUNDING:
                raise TheoryError(
                    f"the outputs are not linear in the parameter {worst!r}: their derivative by it "
                    f"changes by {changes[worst]:.2g} of itself between two points of the weights "
                    f"(rounding would be below {_ROUNDING:g}). The theory of a fixed Hessian needs a "
                    "model linear in all trained parameters: freeze the others (requires_grad=False)"
                )
    return np.asarray(torch.cat([here[name] for name in trained], dim=2).numpy(), dtype=np.float64)


def _change(here: Any, there: Any) -> float:
    """Largest difference, relative to the largest entry of both; NaN if either is not finite."""
    size = max(float(here.abs().max()), float(there.abs().max()))
    return float((here - there).abs().max()) / size if size else 0.0


def _require_separate(torch: Any, outputs_of: Any, trained: Any, inputs: Any) -> None:
    """A batch must give what its samples give one by one (batch normalisation does not)."""
    at = {name: torch.ones_like(p) for name, p in trained.items()}
    some = inputs[: min(len(inputs), 8)]
    try:
        together = outputs_of(at, some)
        alone = torch.cat([outputs_of(at, x[None]) for x in some])
    except (RuntimeError, ValueError) as error:
        raise TheoryError(
            f"the module does not take these inputs one by one ({error}); where samples of a batch "
            "influence one another, as in batch normalisation, remove that layer or call module.eval()"
        ) from error
    change = _change(alone.detach(), together.detach())
    if not change <= _ROUNDING:
        raise TheoryError(
            f"the outputs of a sample depend on the rest of its batch, or are random (by {change:.2g}): "
            "remove batch normalisation and dropout, or call module.eval()"
        )


def _require_mean(torch: Any, loss: Any, outputs: Any, targets: Any) -> None:
    """The loss of a batch must be the mean of the losses of its samples."""
    kind = torch.nn.MSELoss
    if isinstance(loss, kind) and outputs.shape != targets.shape:
        raise TheoryError(
            f"outputs have shape {tuple(outputs.shape)} but targets {tuple(targets.shape)}: PyTorch would "
            f"broadcast them against each other. Use targets.reshape{tuple(outputs.shape)}"
        )
    some = slice(0, min(len(outputs), 8))
    try:
        together = loss(outputs[some] + 1.0, targets[some])
        pairs = zip(outputs[some], targets[some], strict=True)
        alone = torch.stack([loss(o[None] + 1.0, t[None]) for o, t in pairs])
    except RuntimeError as error:
        raise TheoryError(f"the loss does not take these outputs and targets: {error}") from error
    if together.ndim != 0:
        raise TheoryError(f"the loss must be one number per batch; got shape {tuple(together.shape)}")
    ratio = float(together / alone.mean()) if float(alone.mean()) else 1.0
    if not abs(ratio - 1) <= _ROUNDING:
        raise TheoryError(
            f"the loss of a batch is {ratio:.4g} times the mean of the losses of its samples: it must be "
            "their mean (reduction='mean'), so that it does not depend on the batch size"
        )


def _require_no_kink(torch: Any, one: Any, slope: Any, away: Any, targets: Any) -> None:
    """Without curvature anywhere the slope must stay: that of an absolute value jumps at its kink."""
    change = _change(slope, torch.func.vmap(torch.func.grad(one))(away, targets))
    if not change <= _ROUNDING:
        raise TheoryError(
            f"the loss is not quadratic in the outputs: its second derivative is zero, yet its slope changes "
            f"by {change:.2g} of itself, by a kink, as in an absolute error. Use a squared error"
        )


def _constant_curvatures(
    torch: Any, loss: Any, outputs: Any, targets: Any, generator: Any
) -> tuple[FloatArray, FloatArray]:
    """First and second derivatives of the loss by the outputs, the second equal everywhere."""

    def one(output: Any, target: Any) -> Any:
        return loss(output[None], target[None])

    try:
        slope = torch.func.vmap(torch.func.grad(one))(outputs, targets)
        bend = torch.func.vmap(torch.func.hessian(one))
        here = bend(outputs, targets)
        for scale in _SCALES:
            away = outputs + _random_like(torch, outputs, scale, generator)
            there = bend(away, targets)
            change = _change(here, there)
            if not here.any() and not there.any():
                _require_no_kink(torch, one, slope, away, targets)
            if not change <= _ROUNDING:
                raise TheoryError(
                    f"the loss is not quadratic in the outputs: its second derivative changes by "
                    f"{change:.2g} of itself (rounding would be below {_ROUNDING:g}). Use a squared error"
                )
    except (RuntimeError, TypeError) as error:
        raise TheoryError(f"the loss cannot be differentiated sample by sample: {error}") from error
    n = len(outputs)
    k = outputs[0].numel()
    bent = here.reshape(n, k, k).clone().numpy()
    return (
        np.asarray(slope.reshape(n, k).numpy(), dtype=np.float64),
        np.asarray((bent + bent.swapaxes(1, 2)) / 2, dtype=np.float64),
    )

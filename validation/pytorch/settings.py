"""Read the update rule off a ``torch.optim.SGD`` and the sampling scheme off a ``DataLoader``."""

from __future__ import annotations

from typing import Any

from theory.errors import TheoryError
from theory.optimizers import LinearRule, pytorch_sgd
from theory.sampling import SamplingScheme, dropped_batch, kept_batch, reshuffled, with_replacement
from validation.pytorch.require import require_torch

__all__ = ["rule_of", "scheme_of"]

_SHARED = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")


def rule_of(optimizer: Any) -> tuple[LinearRule, dict[str, float]]:
    r"""Update rule and hyperparameters of a ``torch.optim.SGD``.

    ``pytorch_sgd(nesterov=...)`` with ``learning_rate``, ``momentum``, ``dampening`` (not with the
    Nesterov flag) and ``weight_decay``. Two habits of PyTorch are in none of them: its buffer starts
    as the first gradient, undampened (an initial state, see
    :func:`validation.trajectory.trajectory`); and at ``momentum=0`` it has no buffer and ignores
    ``dampening``, which is therefore returned as 0 there.

    Raises
    ------
    TheoryError
        If it is another optimizer, maximizes, or has parameter groups that differ.
    MissingPackageError
        Without PyTorch.
    """
    torch = require_torch()
    if type(optimizer) is not torch.optim.SGD:
        raise TheoryError(f"the optimizer must be torch.optim.SGD; got {type(optimizer).__name__}")
    groups = [{key: group[key] for key in _SHARED} for group in optimizer.param_groups]
    if any(group != groups[0] for group in groups[1:]):
        raise TheoryError(
            f"the {len(groups)} parameter groups have different settings: one rule needs one group"
        )
    group = groups[0]
    if group["maximize"]:
        raise TheoryError("the optimizer maximizes: negate the loss and leave maximize=False")
    flag = bool(group["nesterov"])
    values = {
        "learning_rate": float(group["lr"]), "momentum": float(group["momentum"]),
        "weight_decay": float(group["weight_decay"]),
    }
    if not flag:
        values["dampening"] = float(group["dampening"]) if values["momentum"] else 0.0
    return pytorch_sgd(nesterov=flag), values


def scheme_of(loader: Any) -> tuple[SamplingScheme, int]:
    """Sampling scheme and batch size of a ``torch.utils.data.DataLoader``.

    ``shuffle=True`` is ``reshuffled``, or ``dropped-batch`` (``drop_last=True``) or ``kept-batch``
    where the batch size does not divide the data; ``RandomSampler(..., replacement=True)`` is
    ``with-replacement``.

    Raises
    ------
    TheoryError
        If the order is fixed, the sampler is one of the user's own, an epoch is no pass over the
        data, or the batch is the whole data set.
    MissingPackageError
        Without PyTorch.
    """
    data = require_torch().utils.data
    batches, sampler, samples = loader.batch_sampler, loader.sampler, len(loader.dataset)
    if type(batches) is not data.BatchSampler or type(sampler) is not data.RandomSampler:
        raise TheoryError(
            f"no scheme for a DataLoader with {type(batches).__name__} of {type(sampler).__name__}: "
            "give batch_size=..., shuffle=True"
        )
    size, drop = int(batches.batch_size), bool(batches.drop_last)
    if sampler.num_samples != samples:
        raise TheoryError(
            f"the sampler draws {sampler.num_samples} of {samples} samples an epoch: an epoch must "
            "have as many draws as there are samples"
        )
    if size >= samples:
        raise TheoryError(
            f"batch_size = {size} is not below the {samples} samples: full-batch descent has no noise"
        )
    if sampler.replacement:
        if samples % size and not drop:
            raise TheoryError(
                f"{samples} draws make no whole number of batches of {size}: set drop_last=True"
            )
        return with_replacement(), size
    if samples % size == 0:
        return reshuffled(), size
    return (dropped_batch() if drop else kept_batch()), size

"""Train with PyTorch as a user would, and keep the weights after every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError, UnstableError
from validation.pytorch.require import require_torch
from validation.regression import FloatArray

__all__ = ["Recording", "draw_epochs", "record", "set_weights", "weights_of"]

Progress = Callable[[int, int], None]
_LARGEST = 1e100  # squares of what lies below are finite


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """A run, step by step.

    Attributes
    ----------
    start
        Weights before the first step. Shape (d,), the parameters that are trained, flattened in the
        order of ``module.parameters()``.
    weights
        After every step. Shape (epochs * steps per epoch, d). Unit: parameter.
    indices
        Samples in the order in which the loader gave them. Shape (epochs, sum of the batch sizes).
    batch_sizes
        Of the batches of an epoch.
    """

    start: FloatArray
    weights: FloatArray
    indices: npt.NDArray[np.int32]
    batch_sizes: tuple[int, ...]


class _Noting:
    """A batch sampler that notes what another one yields."""

    def __init__(self, batches: Any) -> None:
        self.batches = batches
        self.noted: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches:
            self.noted.append([int(n) for n in batch])
            yield batch

    def __len__(self) -> int:
        return len(self.batches)


def weights_of(module: Any) -> FloatArray:
    """The trained parameters of a module, flattened in the order of ``module.parameters()``."""
    parts = [p.detach().reshape(-1) for p in module.parameters() if p.requires_grad]
    return np.asarray(require_torch().cat(parts).numpy(), dtype=np.float64).copy()


def set_weights(module: Any, weights: FloatArray) -> None:
    """Give the trained parameters of a module the values of a flat array, in the same order.

    Raises
    ------
    TheoryError
        If the sizes differ.
    """
    torch = require_torch()
    parts = [p for p in module.parameters() if p.requires_grad]
    size = sum(p.numel() for p in parts)
    if np.shape(weights) != (size,):
        raise TheoryError(f"weights must have shape ({size},), as the module; got {np.shape(weights)}")
    first = 0
    with torch.no_grad():
        for p in parts:
            p.copy_(torch.tensor(np.array(weights[first : first + p.numel()])).reshape(p.shape))
            first += p.numel()


def record(
    module: Any, loss: Any, optimizer: Any, loader: Any, *, epochs: int, progress: Progress | None = None
) -> Recording:
    """Run ``for inputs, targets in loader: ...`` for some epochs and record it.

    The loader is taken apart and put together again around its own batch sampler, which notes the
    indices; random numbers are drawn as without. The module and the optimizer are trained in place.

    Parameters
    ----------
    progress
        Called as ``progress(steps done, steps in all)`` after every epoch; an exception raised there,
        or an interrupt, ends the run.

    Raises
    ------
    TheoryError
        If a parameter is not float64 (rounding would bury flat directions), or the loader yields
        anything else than (inputs, targets) from a batch sampler.
    UnstableError
        If the weights overflow.
    MissingPackageError
        Without PyTorch.
    """
    torch = require_torch()
    kinds = {p.dtype for p in module.parameters() if p.requires_grad} - {torch.float64}
    if kinds:
        raise TheoryError(f"parameters are {kinds.pop()}: call module.double(), and so for the data")
    if loader.batch_sampler is None:
        raise TheoryError("the loader makes no batches (batch_size=None): give it a batch_size")
    noting = _Noting(loader.batch_sampler)
    noted = torch.utils.data.DataLoader(
        loader.dataset, batch_sampler=noting, collate_fn=loader.collate_fn,
        num_workers=loader.num_workers, generator=loader.generator,
    )
    start, rows = weights_of(module), []
    for epoch in range(epochs):
        for batch in noted:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise TheoryError("the data set must yield (inputs, targets) for each sample")
            optimizer.zero_grad()
            loss(module(batch[0]), batch[1]).backward()
            optimizer.step()
            rows.append(weights_of(module))
        if not np.abs(rows[-1]).max() < _LARGEST:
            raise UnstableError(
                f"the weights grew beyond {_LARGEST:g} in epoch {epoch + 1}: each direction may be stable "
                "and the mean square still grow. Lower the learning rate or raise the batch size"
            )
        if progress is not None:
            progress(len(rows), epochs * len(noting))
    return Recording(
        start=start, weights=np.array(rows).reshape(-1, start.size),
        indices=_by_epoch(noting.noted, epochs),
        batch_sizes=tuple(len(batch) for batch in noting.noted[: len(noting)]),
    )


def draw_epochs(loader: Any, epochs: int) -> npt.NDArray[np.int32]:
    """The indices a loader would train on, without training. Shape (epochs, used)."""
    drawn = [batch for _ in range(epochs) for batch in loader.batch_sampler]
    return _by_epoch(drawn, epochs)


def _by_epoch(batches: list[list[int]], epochs: int) -> npt.NDArray[np.int32]:
    flat = [n for batch in batches for n in batch]
    return np.array(flat, dtype=np.int32).reshape(epochs, -1)

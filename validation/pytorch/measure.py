"""One call from a model, a loss, an optimizer and a loader to measured averages and their verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from validation.blocks import LARGEST_MEMORY, Blocks, average_blocks
from validation.compare import Comparison, compare
from validation.pytorch.quadratics import from_module
from validation.pytorch.record import Progress, Recording, draw_epochs, record, set_weights
from validation.pytorch.settings import rule_of, scheme_of
from validation.regression import FloatArray
from validation.simulate import epochs_needed, start_bias
from validation.trajectory import trajectory

__all__ = ["Judged", "Measured", "measure", "measure_indices"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged(Comparison):
    """A comparison of some of the directions of a run; its verdict is theirs alone.

    Attributes
    ----------
    left_out
        Why a direction was not judged, by its label; empty if all were.
    needed_gap
        Epochs between blocks that would do for all that move.
    """

    left_out: Mapping[str, str]
    needed_gap: int

    def __str__(self) -> str:
        if not self.left_out:
            return super().__str__()
        total = len(self.labels) + len(self.left_out)
        verdict, resolution = self._summary(f"directions judged of {total}", "every direction judged")
        reasons = _reasons(self.left_out, self.needed_gap)
        return "\n".join([verdict, *reasons, resolution, *self._table()])


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    r"""A recorded run in blocks, beside what the theory takes as its input.

    Attributes
    ----------
    problem, rule, scheme, batch_size, hyperparameters
        What a prediction or :func:`validation.simulate.simulate` takes.
    blocks
        Averages, one number per block and direction.
    memory
        Share of a direction's variance that outlives the epochs between two blocks (and the burn-in is
        longer). Shape (d,).
    recording
        The run itself.
    """

    problem: SampleQuadratics
    rule: LinearRule
    scheme: SamplingScheme
    batch_size: int
    hyperparameters: Mapping[str, float]
    blocks: Blocks
    memory: FloatArray
    recording: Recording

    @property
    def resolved(self) -> npt.NDArray[np.bool_]:
        """Directions that move and whose blocks are independent. Shape (d,)."""
        moving = self.blocks.weights.min(axis=0) > 0
        out: npt.NDArray[np.bool_] = (self.memory <= LARGEST_MEMORY) & moving
        return out

    @property
    def not_judged(self) -> dict[str, str]:
        """Directions that :meth:`compare` leaves out, by label, and why."""
        still = self.blocks.weights.min(axis=0) <= 0
        return {
            str(i): "it does not move" if still[i] else
            f"{self.memory[i]:.2g} of its variance outlives the gap, above {LARGEST_MEMORY:g}"
            for i in np.flatnonzero(~self.resolved)
        }

    @property
    def needed_gap(self) -> int:
        """The shortest gap, in epochs, in which every direction that moves forgets."""
        numeric = self.rule.numeric(self.hyperparameters)
        steps = self.scheme.steps_per_epoch(self.problem.samples, self.batch_size)
        moving = self.problem.curvatures[self.blocks.weights.min(axis=0) > 0]
        return epochs_needed(lambda gap: start_bias(numeric, moving, gap * steps), LARGEST_MEMORY)

    def compare(
        self, predicted: FloatArray, *, prediction_error: FloatArray | None = None,
        resolution: float = 0.1, comparisons: int | None = None, false_alarm_rate: float = 1e-6,
    ) -> Judged:
        """Judge predicted second moments about the minimum in the resolved directions.

        ``predicted`` and its standard error have shape (d,); see :func:`validation.compare.compare`. The
        others are named in the text and in ``left_out``.

        Raises
        ------
        TheoryError
            If no direction is resolved, or as :func:`validation.compare.compare`.
        """
        kept, left = self.resolved, self.not_judged
        gap = self.needed_gap
        if not kept.any():
            raise TheoryError(f"no direction can be judged: {'; '.join(_reasons(left, gap))}")
        made = compare(
            np.asarray(predicted)[kept], self.blocks.weights[:, kept],
            labels=[str(i) for i in np.flatnonzero(kept)], resolution=resolution,
            comparisons=comparisons, false_alarm_rate=false_alarm_rate,
            prediction_error=None if prediction_error is None else np.asarray(prediction_error)[kept],
        )
        own = {field.name: getattr(made, field.name) for field in fields(made)}
        return Judged(**own, left_out=left, needed_gap=gap)


def _reasons(left_out: Mapping[str, str], gap: int) -> list[str]:
    """One sentence per direction that is not judged, ten at most, and the way out."""
    lines = [f"direction {label} is not judged: {why}" for label, why in left_out.items()]
    more = [f"... and {len(lines) - 10} more"] if lines[10:] else []
    slow = any("outlives" in why for why in left_out.values())
    return lines[:10] + more + ([f"gap={gap} epochs lets all that move forget"] if slow else [])


def measure(
    module: Any, loss: Any, optimizer: Any, loader: Any, *, blocks: int, block: int = 1, gap: int = 1,
    burn_in: int | None = None, lags: Sequence[int] = (), progress: Progress | None = None,
) -> Measured:
    """Train from the minimum with the user's own objects, and average over blocks of epochs.

    The module is put to the minimum of its loss and trained in place, ``blocks`` times ``gap + block``
    epochs after ``burn_in`` (by default two gaps). The number of blocks is to be fixed beforehand
    (:func:`validation.compare.replicas_for`).

    Raises
    ------
    TheoryError
        As :func:`from_module`, :func:`rule_of`, :func:`scheme_of`, :func:`record`.
    MissingPackageError
        Without PyTorch.
    """
    setting = _setting(module, loss, optimizer, loader, gap)
    burn = 2 * gap if burn_in is None else burn_in
    set_weights(module, setting["problem"].minimum)
    run = record(
        module, loss, optimizer, loader, epochs=burn + blocks * (gap + block), progress=progress
    )
    averages = average_blocks(
        setting["problem"], run.weights, run.indices, run.batch_sizes, burn_in=burn, block=block, gap=gap,
        lags=lags,
    )
    return Measured(**setting, blocks=averages, recording=run)


def measure_indices(
    module: Any, loss: Any, optimizer: Any, loader: Any, *, blocks: int, block: int = 1, gap: int = 1,
    burn_in: int | None = None, lags: Sequence[int] = (), progress: Progress | None = None,
) -> Measured:
    """As :func:`measure`, the steps taken by the compiled loop along indices that the loader draws.

    The same trajectory up to rounding, a hundred times sooner: the loader draws, nothing is trained.
    """
    setting = _setting(module, loss, optimizer, loader, gap)
    burn = 2 * gap if burn_in is None else burn_in
    epochs = burn + blocks * (gap + block)
    problem = setting["problem"]
    sizes = setting["scheme"].batch_sizes(problem.samples, setting["batch_size"])
    stride = math.ceil(epochs / 20)
    drawn = []
    for first in range(0, epochs, stride):
        drawn.append(draw_epochs(loader, min(stride, epochs - first)))
        if progress is not None:
            progress(min(first + stride, epochs) * len(sizes), epochs * len(sizes))
    indices = np.concatenate(drawn)
    weights = trajectory(
        problem, setting["rule"], indices, batch_sizes=sizes, hyperparameters=setting["hyperparameters"],
        undampened_start=bool(setting["hyperparameters"].get("dampening", 0.0)),
    )
    run = Recording(start=problem.minimum, weights=weights, indices=indices, batch_sizes=sizes)
    averages = average_blocks(
        problem, weights, indices, sizes, burn_in=burn, block=block, gap=gap, lags=lags
    )
    return Measured(**setting, blocks=averages, recording=run)


def _setting(module: Any, loss: Any, optimizer: Any, loader: Any, gap: int) -> dict[str, Any]:
    rule, values = rule_of(optimizer)
    scheme, size = scheme_of(loader)
    problem = from_module(module, loader.dataset, loss, weight_decay=values["weight_decay"])
    steps = gap * scheme.steps_per_epoch(problem.samples, size)
    return {
        "problem": problem, "rule": rule, "scheme": scheme, "batch_size": size,
        "hyperparameters": values, "memory": start_bias(rule.numeric(values), problem.curvatures, steps),
    }

"""Real SGD: predictions against PyTorch's optimizer and loader, and against compiled steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import MissingPackageError
from validation.blocks import LARGEST_MEMORY, Blocks
from validation.compare import Comparison, compare
from validation.judge import judge, judge_means
from validation.means import MeanComparison
from validation.predict import Prediction, predict
from validation.regression import FloatArray
from validation.report.real_cases import RealCase
from validation.report.real_noise import NoiseRun, compare_noise, noise_record
from validation.report.verdict import comparison_record
from validation.simulate import simulate, start_bias

__all__ = ["RealRun", "real_record", "run_real_case"]

Progress = Callable[[str, int, int], None]

#: relative errors that must be caught: by a training run, and by the compiled steps
TRAINED_RESOLUTION, COMPILED_RESOLUTION = 1.0, 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class RealRun:
    """A case with its prediction and outcomes; comparisons refer to the directions ``compared``.

    The full theory is taken at its word, and with its own error estimate where that raises an alarm.

    ``trained``, ``trained_mean`` and ``trained_noise`` are None without PyTorch, whose ``missing`` says how
    to get it; the compiled steps then take indices of their own.
    """

    case: RealCase
    prediction: Prediction
    compared: npt.NDArray[np.int64]
    trained: Comparison | None
    trained_mean: MeanComparison | None
    trained_noise: NoiseRun | None
    compiled: Comparison
    compiled_mean: MeanComparison
    published: Comparison
    missing: str


@dataclass(frozen=True, kw_only=True, eq=False)
class _Numbers:
    """One number per block or replica and direction: squares and means; where recorded, noise by lag."""

    weights: FloatArray
    means: FloatArray
    blocks: Blocks | None = None


def run_real_case(case: RealCase, seed: int, progress: Progress | None = None) -> RealRun:
    """Predict, train, take compiled steps, compare; ``progress(what, done, total)`` between epochs.

    Raises
    ------
    TheoryError
        If there is no stationary law.
    MissingPackageError
        Without scikit-learn or numba. Without PyTorch only the training is left out.
    """
    regression = case.problem()
    values = case.hyperparameters(float(regression.curvatures[0]))
    scheme = case.scheme(regression.samples)
    made = predict(
        regression, case.rule, scheme, batch_size=case.batch_size, hyperparameters=values,
        method="closure",  # gives the noise as well, and the same numbers however fast the machine is
    )
    memory = start_bias(
        case.rule.numeric(values), regression.curvatures, case.gap * made.steps_per_epoch
    )
    compared = np.flatnonzero((memory <= LARGEST_MEMORY) & (made.variances > 0))
    missing, trained = "", None
    try:
        trained, compiled = _with_pytorch(case, made.steps_per_epoch, seed, progress)
    except MissingPackageError as absent:
        missing = str(absent)
        compiled = _simulated(case, values, seed, progress)
    labels = [str(i) for i in compared]

    def judged(numbers: _Numbers, resolution: float) -> Comparison:
        return judge(
            made.second_moments[compared], numbers.weights[:, compared],
            made.second_moment_error_estimate[compared], resolution=resolution, labels=labels,
        )

    def mean_of(numbers: _Numbers) -> MeanComparison:
        return judge_means(
            made.mean_shift[compared], numbers.means[:, compared], made.mean_error_estimate[compared]
        )

    return RealRun(
        case=case, prediction=made, compared=compared, missing=missing,
        trained=None if trained is None else judged(trained, TRAINED_RESOLUTION),
        trained_mean=None if trained is None else mean_of(trained),
        compiled=judged(compiled, COMPILED_RESOLUTION), compiled_mean=mean_of(compiled),
        trained_noise=None if trained is None or trained.blocks is None else compare_noise(
            made, scheme, trained.blocks, compared
        ),
        published=compare(
            made.published_variances[compared], compiled.weights[:, compared], labels=labels,
            resolution=COMPILED_RESOLUTION,
        ),
    )


def _with_pytorch(
    case: RealCase, steps: int, seed: int, progress: Progress | None
) -> tuple[_Numbers, _Numbers]:
    """Trained by PyTorch, and by the compiled steps along indices that the loader draws.

    The noise of the first up to a lag of ``steps``, an epoch.
    """
    from validation.pytorch import measure, measure_indices
    from validation.pytorch.require import require_torch

    torch = require_torch()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # matrices of a dozen rows: more threads only wait for one another
    try:
        torch.manual_seed(seed)
        trained = measure(
            *_objects(torch, case), blocks=case.trained, gap=case.gap, block=case.block,
            lags=range(steps + 1), progress=_named(progress, f"{case.name}: PyTorch"),
        )
        indexed = measure_indices(
            *_objects(torch, case), blocks=case.indexed, gap=case.gap, block=case.block,
            progress=_named(progress, f"{case.name}: compiled steps"),
        )
    finally:
        torch.set_num_threads(threads)
    return _numbers(trained), _numbers(indexed)


def _numbers(run: Any) -> _Numbers:
    return _Numbers(weights=run.blocks.weights, means=run.blocks.means, blocks=run.blocks)


def _objects(torch: Any, case: RealCase) -> tuple[Any, Any, Any, Any]:
    """Model, loss, optimizer and loader."""
    x, y = case.arrays()
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)[:, None])
    model, loss = torch.nn.Linear(x.shape[1], 1).double(), torch.nn.MSELoss()
    rate = case.stability / float(case.problem().curvatures[0])
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, **case.settings)
    loader = torch.utils.data.DataLoader(
        data, batch_size=case.batch_size, shuffle=True, drop_last=case.drop_last
    )
    return model, loss, optimizer, loader


def _simulated(
    case: RealCase, values: dict[str, float], seed: int, progress: Progress | None
) -> _Numbers:
    problem = case.problem()
    found = simulate(
        problem, case.rule, case.scheme(problem.samples), batch_size=case.batch_size,
        hyperparameters=values, replicas=case.indexed, seed=seed, burn_in=2 * case.gap,
        measured_epochs=case.block, progress=_named(progress, f"{case.name}: compiled steps"),
    )
    return _Numbers(weights=found.weights, means=found.means)


def _named(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done, total)


def real_record(run: RealRun) -> dict[str, Any]:
    """The run for ``results.json``."""
    case = run.case
    return {
        "data": case.name, "settings": dict(case.settings), "drop_last": case.drop_last,
        **run.prediction.record(), "gap_epochs": case.gap, "block_epochs": case.block,
        "compared": run.compared.tolist(), "missing": run.missing or None,
        "pytorch": None if run.trained is None else comparison_record(run.trained),
        "pytorch_mean": None if run.trained_mean is None else run.trained_mean.record(),
        "pytorch_noise": None if run.trained_noise is None else noise_record(run.trained_noise),
        "compiled": comparison_record(run.compiled), "compiled_mean": run.compiled_mean.record(),
        "published_against_compiled": comparison_record(run.published),
    }

"""Real SGD: torch.optim.SGD and DataLoader(shuffle=True) against the compiled loop and the simulation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from theory.errors import TheoryError, UnstableError
from validation.compare import compare
from validation.data import load_data
from validation.pytorch import (
    draw_epochs,
    from_module,
    measure,
    measure_indices,
    record,
    rule_of,
    scheme_of,
    set_weights,
    weights_of,
)
from validation.simulate import simulate
from validation.trajectory import trajectory

torch.set_num_threads(1)  # matrices of a dozen rows: more threads only wait for one another
#: Both round in float64, differently: PyTorch in the user's coordinates, sums ordered by its BLAS, the
#: compiled loop in the eigenbasis around the minimum. Relative to the largest weight.
ROUNDING = 1e-12
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {}, "momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True},
    "dampening": {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01},
    "ignored-dampening": {"dampening": 0.5, "weight_decay": 0.02},
    "nesterov-decay": {"momentum": 0.7, "nesterov": True, "weight_decay": 0.05},
}
BATCH = {"digits": 32, "diabetes": 15, "wine": 13, "own": 8}


def _table(name: str, path: Path) -> tuple[Any, Any]:
    if name != "own":
        data = load_data(name, intercept=False)
        return data.features, data.targets
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 3)) * (1.0, 0.5, 0.2)
    rows = np.column_stack([x, x @ [1.0, -2.0, 0.5] + rng.standard_normal(60)])
    file = path / "own.csv"
    lines = ["a,b,c,y", *(",".join(f"{value:.17g}" for value in row) for row in rows)]
    file.write_text("\n".join(lines), encoding="utf-8")
    data = load_data(file, target="y", intercept=False)
    return data.features, data.targets


@pytest.mark.parametrize("drop", [True, False], ids=["drop", "keep"])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", BATCH)
def test_the_compiled_loop_takes_the_steps_of_pytorch(
    name: str, setting: str, drop: bool, tmp_path: Path
) -> None:
    """The same indices, away from the minimum as well; raw data, nothing scaled."""
    x, y = _table(name, tmp_path)
    torch.manual_seed(7)
    model, loss = nn.Linear(x.shape[1], 1).double(), nn.MSELoss()
    data = TensorDataset(torch.tensor(x), torch.tensor(y)[:, None])
    loader = DataLoader(data, batch_size=BATCH[name], shuffle=True, drop_last=drop)
    decay = SETTINGS[setting].get("weight_decay", 0.0)
    problem = from_module(model, data, loss, weight_decay=decay)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05 / problem.curvatures[0], **SETTINGS[setting])
    rule, values = rule_of(optimizer)
    scheme, size = scheme_of(loader)
    assert scheme.last_batch == ("dropped" if drop else "kept")
    run = record(model, loss, optimizer, loader, epochs=3)
    assert run.batch_sizes == scheme.batch_sizes(len(data), size)
    assert all(len(set(row.tolist())) == row.size for row in run.indices)
    arguments: dict[str, Any] = {
        "batch_sizes": run.batch_sizes, "hyperparameters": values, "start": run.start,
    }
    undampened = bool(values.get("dampening"))
    again = trajectory(problem, rule, run.indices, undampened_start=undampened, **arguments)
    size_of_weights = np.abs(run.weights).max()
    assert np.abs(run.weights - run.start).max() > 1e-3 * np.abs(run.start).max(), "nothing moved"
    np.testing.assert_allclose(again, run.weights, rtol=0, atol=ROUNDING * size_of_weights)
    if undampened:  # the one step that PyTorch does not dampen is seen, and fades
        other = trajectory(problem, rule, run.indices, **arguments)
        assert np.abs(other[0] - run.weights[0]).max() > 1e3 * ROUNDING * size_of_weights
    shuffled = trajectory(problem, rule, run.indices[::-1], undampened_start=undampened, **arguments)
    assert np.abs(shuffled - run.weights).max() > 1e3 * ROUNDING * size_of_weights


def test_several_outputs() -> None:
    torch.manual_seed(3)
    x, y = torch.randn(50, 4).double(), torch.randn(50, 3).double()
    model, loss, data = nn.Linear(4, 3).double(), nn.MSELoss(), TensorDataset(x, y)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.8)
    loader = DataLoader(data, batch_size=8, shuffle=True)
    problem = from_module(model, data, loss)
    run = record(model, loss, optimizer, loader, epochs=5)
    rule, values = rule_of(optimizer)
    again = trajectory(problem, rule, run.indices, batch_sizes=run.batch_sizes, hyperparameters=values,
                       start=run.start)
    np.testing.assert_allclose(again, run.weights, rtol=0, atol=ROUNDING * np.abs(run.weights).max())


def test_recording_changes_nothing() -> None:
    """The loop written by hand, seeded alike, ends at the same bits and draws the same indices."""
    x, y = torch.randn(50, 4).double(), torch.randn(50, 1).double()
    ends = []
    for recorded in (False, True):
        torch.manual_seed(11)
        model, loss = nn.Linear(4, 1).double(), nn.MSELoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
        if recorded:
            record(model, loss, optimizer, loader, epochs=4)
        else:
            for _ in range(4):
                for inputs, targets in loader:
                    optimizer.zero_grad()
                    loss(model(inputs), targets).backward()
                    optimizer.step()
        ends.append(weights_of(model))
    np.testing.assert_array_equal(ends[0], ends[1])


def test_errors_and_interrupts() -> None:
    data = TensorDataset(torch.randn(50, 4).double(), torch.randn(50, 1).double())
    loader, loss = DataLoader(data, batch_size=8, shuffle=True), nn.MSELoss()

    def run(model: Any, rate: float = 0.1, which: Any = loader, **options: Any) -> Any:
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        return record(model, loss, optimizer, which, epochs=options.pop("epochs", 3), **options)

    with pytest.raises(TheoryError, match=r"float32: call module.double\(\)"):
        run(nn.Linear(4, 1).float())
    with pytest.raises(UnstableError, match=r"the weights grew beyond 1e.100 in epoch"):
        run(nn.Linear(4, 1).double(), 1e6, epochs=20)
    with pytest.raises(TheoryError, match="makes no batches"):
        run(nn.Linear(4, 1).double(), which=DataLoader(data, batch_size=None))
    with pytest.raises(TheoryError, match=r"must yield \(inputs, targets\)"):
        run(nn.Linear(4, 1).double(), which=DataLoader(data.tensors[0], batch_size=8, shuffle=True))
    with pytest.raises(TheoryError, match=r"weights must have shape \(5,\)"):
        set_weights(nn.Linear(4, 1), np.zeros(4))
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(nn.Linear(4, 1).double(), progress=stop)
    assert seen == [(7, 21), (14, 21)]


# -- stationary averages ----------------------------------------------------------------------

CASES: dict[str, dict[str, Any]] = {
    "diabetes": {"batch": 13, "drop": True, "stability": 0.2, "settings": {"momentum": 0.9},
                 "gap": 16, "block": 6},
    "wine": {"batch": 13, "drop": False, "stability": 0.1, "gap": 8, "block": 8,
             "settings": {"momentum": 0.9, "nesterov": True}},
    "iris": {"batch": 16, "drop": True, "stability": 0.3, "gap": 32, "block": 18,
             "settings": {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02}},
}
#: comparisons that share the false-alarm rate of 1e-6: weights (run and indices), means and noise
COMPARISONS = 300


def _objects(name: str) -> tuple[Any, Any, Any, Any]:
    """Standardised, as users do; the minimum and the curvatures are then of order one."""
    case, data = CASES[name], load_data(name, intercept=False)
    x = (data.features - data.features.mean(axis=0)) / data.features.std(axis=0)
    y = (data.targets - data.targets.mean()) / data.targets.std()
    torch.manual_seed(5)
    pairs = TensorDataset(torch.tensor(x), torch.tensor(y)[:, None])
    model, loss = nn.Linear(x.shape[1], 1).double(), nn.MSELoss()
    steepest = from_module(model, pairs, loss).curvatures[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=case["stability"] / steepest, **case["settings"])
    loader = DataLoader(pairs, batch_size=case["batch"], shuffle=True, drop_last=case["drop"])
    return model, loss, optimizer, loader


def _trained(name: str) -> Any:
    blocks = {"diabetes": 80, "wine": 100, "iris": 60}[name]
    return measure(*_objects(name), blocks=blocks, gap=CASES[name]["gap"], block=CASES[name]["block"],
                   lags=(0, 1, 2, 5))


def _indexed(name: str) -> Any:
    blocks = {"diabetes": 1000, "wine": 1500, "iris": 1500}[name]
    return measure_indices(*_objects(name), blocks=blocks, gap=CASES[name]["gap"],
                           block=CASES[name]["block"], lags=(0, 1, 2, 5))


def _simulated(name: str, run: Any, noise: Any = "regression") -> Any:
    burn = 4 * CASES[name]["gap"]
    return simulate(run.problem, run.rule, run.scheme, batch_size=run.batch_size, replicas=4000, seed=9,
                    hyperparameters=run.hyperparameters, noise=noise, burn_in=burn, measured_epochs=20)


def _mean(samples: Any) -> tuple[Any, Any]:
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(len(samples))


def _judge(predicted: Any, error: Any, training: Any, indexed: Any) -> Any:
    """Training may be short: no alarm, and half of the directions see a factor of two. Compiled steps
    along PyTorch's indices must see 45 % everywhere, and a prediction wrong by that much is refuted."""
    options: dict[str, Any] = {"prediction_error": error, "comparisons": COMPARISONS, "resolution": 0.45}
    result = compare(predicted, training, **options)
    assert not result.alarms.any(), f"\n{result}"
    assert np.median(result.resolution) < 1, f"\n{result}"
    assert result.negative_control().verdict == "disagrees"
    result = compare(predicted, indexed, **options)
    assert result.agrees, f"\n{result}"
    assert result.negative_control().verdict == "disagrees"


def _second_moments(simulated: Any, frozen: Any, trained: Any, indexed: Any) -> None:
    """Every direction; two measurements. Noise frozen at the minimum is refuted."""
    assert trained.resolved.all()
    predicted, error = _mean(simulated.weights)
    _judge(predicted, error, trained.blocks.weights, indexed.blocks.weights)
    predicted, error = _mean(frozen.weights)
    control = indexed.compare(predicted, prediction_error=error, comparisons=COMPARISONS)
    assert control.verdict == "disagrees", control


def _means(simulated: Any, trained: Any, indexed: Any) -> None:
    """Second moments about a point one standard deviation to either side of the minimum."""
    for sign in (-1, 1):
        shift = sign * np.sqrt(simulated.weights.mean(axis=0))
        predicted, error = _mean(simulated.weights + 2 * shift * simulated.means + shift**2)
        _judge(predicted, error, trained.blocks.shifted(shift), indexed.blocks.shifted(shift))


def _noise(trained: Any, indexed: Any) -> None:
    """Batch gradient minus expectation along the run, lags 0, 1, 2 and 5: R(0), then R(0) - R(h)."""
    measured = [run.blocks.noise_changes.reshape(len(run.blocks.noise), -1) for run in (trained, indexed)]
    predicted, error = _mean(measured[1])
    result = compare(predicted, measured[0], prediction_error=error, resolution=1.0, comparisons=COMPARISONS)
    assert result.agrees, f"\n{result}"


@pytest.mark.montecarlo
@pytest.mark.parametrize("name", CASES)
def test_training_and_simulation_agree_in_every_direction(name: str) -> None:
    """One training run for second moments, means and noise: false alarms 1e-6 over ``COMPARISONS``."""
    trained, indexed = _trained(name), _indexed(name)
    simulated = _simulated(name, trained)
    _second_moments(simulated, _simulated(name, trained, "additive"), trained, indexed)
    _means(simulated, trained, indexed)
    _noise(trained, indexed)


def _slow(gap: int, still: int = 0) -> Any:
    """Four directions, one of them steep, beside some that do not move."""
    torch.manual_seed(1)
    x = torch.randn(64, 4).double() * torch.tensor([2.0, 0.5, 0.4, 0.3]).double()
    x = torch.cat([x, torch.zeros(64, still).double()], dim=1)
    data = TensorDataset(x, x[:, :1] + torch.randn(64, 1).double())
    model = nn.Linear(4 + still, 1, bias=False).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    loader = DataLoader(data, batch_size=8, shuffle=True)
    return measure_indices(model, nn.MSELoss(), optimizer, loader, blocks=40, gap=gap)


def test_directions_that_are_not_judged_are_named() -> None:
    run = _slow(gap=6, still=1)
    assert run.resolved.tolist() == [True, False, False, False, False]
    result = run.compare(run.blocks.weights.mean(axis=0), resolution=5.0)
    text = str(result)
    assert result.labels == ("0",)
    assert list(result.left_out) == list(run.not_judged) == ["1", "2", "3", "4"]
    assert "in 1 directions judged of 5" in text
    assert "direction 3 is not judged: " in text
    assert "of its variance outlives the gap, above 0.01" in text
    assert "direction 4 is not judged: it does not move" in text
    assert f"gap={result.needed_gap} epochs lets all that move forget" in text
    longer = _slow(gap=result.needed_gap)
    assert longer.resolved.all()
    assert not _slow(gap=result.needed_gap - 1).resolved.all()
    result = longer.compare(longer.blocks.weights.mean(axis=0), resolution=5.0)
    assert not result.left_out
    assert "judged" not in str(result)


def test_no_direction_to_judge() -> None:
    run = _slow(gap=1)
    with pytest.raises(TheoryError, match=r"no direction can be judged: direction 0 .*; gap=\d+ epochs"):
        run.compare(run.blocks.weights.mean(axis=0))


@pytest.mark.montecarlo
def test_a_loader_draws_uniform_permutations() -> None:
    """Chi-square of the 120 orders of 5 samples; 1e-6 quantile with 119 degrees of freedom: 207.6."""
    torch.manual_seed(2)
    data = TensorDataset(torch.zeros(5, 1), torch.zeros(5, 1))
    rows = draw_epochs(DataLoader(data, batch_size=2, shuffle=True), 24_000)
    counts = np.unique(rows @ (5 ** np.arange(5)), return_counts=True)[1]
    assert counts.size == 120
    assert ((counts - 200) ** 2 / 200).sum() < 207.6


def test_the_loader_decides_the_run() -> None:
    model, loss, optimizer, loader = _objects("wine")
    fixed = DataLoader(loader.dataset, batch_size=13)
    with pytest.raises(TheoryError, match=r"give batch_size=\.\.\., shuffle=True"):
        measure(model, loss, optimizer, fixed, blocks=3)


@pytest.mark.montecarlo
def test_the_example_of_the_readme_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    """Every direction, at the resolution it asserts; what the README shows is of that shape."""
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (block, output) = re.findall(r"```py\n(.*?)```.*?```text\n(.*?)```", text, flags=re.S)[0]
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)  # our own text
    assert names["run"].resolved.all()
    assert names["verdict"].agrees, names["verdict"]
    assert names["verdict"].negative_control().verdict == "disagrees"
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == output.splitlines()[0]
    assert len(printed) == len(output.splitlines())
    published = names["run"].compare(names["made"].published_variances, resolution=0.3)
    assert published.alarms.sum() == 14, published

"""The mean-square limit beside a prediction: with few products, and what is said where it is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from theory.errors import UnstableError
from theory.multiplicative import IndependentSteps, mean_square_limit
from theory.multiplicative.quick_mean_square_limit import quick_mean_square_limit
from theory.optimizers import LinearRule, heavy_ball, nesterov
from theory.sampling import fresh_batches, kept_batch, reshuffled
from validation.command_line import main
from validation.laws import Run, full_law, limit
from validation.regression import Regression


def regression(*scales: float, samples: int = 300) -> Regression:
    rng = np.random.default_rng(4)
    x = rng.standard_t(5, size=(samples, len(scales))) * scales
    return Regression(features=x, targets=x.sum(axis=1) + rng.normal(size=samples))


@pytest.mark.parametrize("rule", [heavy_ball(), nesterov()], ids=lambda rule: rule.name)
@pytest.mark.parametrize("scales", [(1.0,) * 12, (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03), (1.0,)], ids=len)
@pytest.mark.parametrize("size", [1, 20, 300])
def test_few_products_give_the_same_limit(rule: LinearRule, scales: tuple[float, ...], size: int) -> None:
    """A batch of everything has that of the mean."""
    steps = IndependentSteps(
        quadratics=regression(*scales).quadratics, rule=rule, scheme=fresh_batches(), batch_size=size,
        hyperparameters={"learning_rate": 1.0, "momentum": 0.9},
    )
    found = quick_mean_square_limit(steps, accuracy=1e-3)
    assert found == pytest.approx(mean_square_limit(steps).learning_rate, rel=1e-3)


def test_it_is_chosen_by_size_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(
        problem=regression(*(1.0,) * 12).quadratics, rule=heavy_ball(), scheme=reshuffled(), batch_size=20,
        hyperparameters={"learning_rate": 0.01, "momentum": 0.9},
    )
    each = run.problem.samples * run.problem.dimension**2
    full, quick = replace(run).mean_square_limit, replace(run, seconds=2e-8 * each).mean_square_limit
    assert full is not None
    assert quick == pytest.approx(full, rel=1e-3)
    assert replace(run, seconds=1e-9 * each).mean_square_limit is None
    monkeypatch.setattr(limit, "quick_mean_square_limit", lambda *_, **__: -1.0)
    assert replace(run, seconds=2e-8 * each).mean_square_limit == -1
    assert replace(run).mean_square_limit == full
    large = 10**5 * 100**2  # samples, directions: within the default time
    assert limit._FEW_PRODUCTS * large <= limit._MANY_SPEED * run.seconds


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, given = regression(1.0, 1.0), tmp_path / "given.npz"
    np.savez(given, X=data.features, y=data.targets)
    line = ["predict", str(given), "--learning-rate", "0.01", "--momentum", "0.9", "--batch-size", "20"]
    for options, said in (
        (["--seconds", "1e-9"], True), ([], False), (["--seconds", "1e-9", "--theory", "published"], False),
    ):
        assert main([*line, "--sampling", "fresh-batches", *options]) == 0
        assert ("longer than --seconds allows" in capsys.readouterr().out) == said


def test_few_unequal_batches_have_a_limit_of_their_own() -> None:
    """One sample left over after batches of 41, with momentum: far below that of independent batches."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(124, 2))
    given = Run(
        problem=Regression(features=x, targets=x.sum(axis=1) + rng.normal(size=124)).quadratics,
        rule=heavy_ball(), scheme=kept_batch(), batch_size=41,
        hyperparameters={"learning_rate": 1e-3, "momentum": 0.9},
    )
    independent, own = given.mean_square_limit, given.epoch_limit
    assert independent is not None
    assert own is not None
    assert own.learning_rate + 6 * own.standard_error < independent / 2
    still = Regression(features=np.c_[x, np.zeros(124)], targets=x.sum(axis=1) + rng.normal(size=124))
    assert replace(given, problem=still.quadratics).epoch_limit is not None  # a direction that does not move
    beyond = replace(given, hyperparameters={"learning_rate": 0.8 * independent, "momentum": 0.9})
    with pytest.raises(UnstableError, match=rf"with these epochs {own.learning_rate:.4g}"):
        full_law(beyond)
    for scheme, seconds in ((fresh_batches(), 25.0), (kept_batch(), 1e-3)):
        assert replace(given, scheme=scheme, seconds=seconds).epoch_limit is None

"""``predict --simulate``: planned beforehand, judged in every direction, and honest about what is not."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name
from validation.command_line import main
from validation.commands.simulation_page import simulation_page
from validation.commands.simulation_record import simulation_record
from validation.compare import replicas_for
from validation.plan import Plan, complete_plan, make_plan, plan, replicas_needed
from validation.predict import Prediction, predict
from validation.problem import Problem
from validation.regression import Regression
from validation.simulate import simulate

VALUES = {"learning_rate": 0.05, "momentum": 0.5}


def problem(smallest: float = 0.3) -> Problem:
    """Forty samples; correlated residuals and features, so that the mean is shifted."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 3)) * np.array([1.5, 0.8, smallest])
    y = x @ np.array([1.0, -2.0, 0.5]) + x[:, 0] ** 2 * x[:, 1] + rng.standard_normal(40)
    return Problem(
        name="own", target="y", regression=Regression(features=x, targets=y),
        rule=rule_by_name("heavy-ball"), scheme=scheme_by_name("reshuffled"), batch_size=4,
        hyperparameters=VALUES,
    )


def predicted(own: Problem) -> Prediction:
    return predict(
        own.regression, own.rule, own.scheme, batch_size=own.batch_size,
        hyperparameters=own.hyperparameters, method="closure",
    )


@pytest.fixture(scope="module")
def small() -> tuple[Problem, Prediction]:
    own = problem()
    return own, predicted(own)


def cost(chosen: Plan) -> int:
    return chosen.replicas * (chosen.burn_in + chosen.epochs)


# -- planning ---------------------------------------------------------------------------------


def test_what_the_user_gives_stays(small: tuple[Problem, Prediction]) -> None:
    own, made = small
    chosen = make_plan(own, made, "regression", resolution=0.1, replicas=123, burn_in=7, epochs=3)
    assert (chosen.replicas, chosen.burn_in, chosen.epochs) == (123, 7, 3)
    np.testing.assert_array_equal(chosen.needed, replicas_needed(own, made, 3, 0.1))


def test_replicas_are_those_of_the_comparison_or_a_few_more(small: tuple[Problem, Prediction]) -> None:
    """One epoch against slow relaxation: squares of one Gaussian, shape 1/2, and a margin of 20 %."""
    own, made = small
    assert replicas_needed(own, made, 0, 0.1).shape == (3,)
    flat = problem(1e-4)
    needed = replicas_needed(flat, predicted(flat), 1, 0.1)
    assert needed[2] == pytest.approx(1.2 * replicas_for(0.1, comparisons=3), abs=1)
    assert needed[0] < needed[2]
    assert (replicas_needed(flat, predicted(flat), 10, 0.1) <= needed).all()


@pytest.mark.parametrize("noise", ["additive", "regression"])
def test_every_direction_is_judged_if_that_can_be_paid(
    small: tuple[Problem, Prediction], noise: Any
) -> None:
    own, made = small
    chosen = make_plan(own, made, noise, resolution=0.1)
    assert (chosen.needed <= chosen.replicas).all()
    result = simulate(
        own.regression, own.rule, own.scheme, batch_size=4, hyperparameters=VALUES, replicas=20, seed=1,
        noise=noise, burn_in=chosen.burn_in, largest_start_bias=1e-3,
    )
    assert result.resolved.all()


def test_slow_directions_are_measured_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """More epochs after the burn-in cost less than more replicas."""
    slow = problem(0.1)
    made = predicted(slow)
    monkeypatch.setattr("validation.plan._WORK", 1e9)
    chosen = make_plan(slow, made, "regression", resolution=0.1)
    one = make_plan(slow, made, "regression", resolution=0.1, epochs=1)
    assert chosen.epochs > 1
    assert (chosen.needed <= chosen.replicas).all()
    assert one.burn_in < chosen.burn_in, "the flattest direction cannot be paid with one epoch measured"
    whole = complete_plan(slow, made, "regression", 0.1)
    assert whole is not None
    assert cost(whole) <= cost(chosen)


def test_what_cannot_be_paid_is_planned_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = problem(0.02)
    made = predicted(slow)
    monkeypatch.setattr("validation.plan._WORK", 1e6)
    chosen = make_plan(slow, made, "regression", resolution=0.1)
    assert chosen.replicas >= 20
    assert not (chosen.needed <= chosen.replicas).all()
    whole = complete_plan(slow, made, "regression", 0.1)
    assert whole is not None
    assert (whole.needed <= whole.replicas).all()
    assert whole.burn_in > chosen.burn_in


def test_a_plan_for_a_given_measurement_is_the_same_search(small: tuple[Problem, Prediction]) -> None:
    own, made = small
    chosen = make_plan(own, made, "additive", resolution=0.1, epochs=1)
    assert plan(own, made, "additive", chosen.needed, 1) == (chosen.replicas, chosen.burn_in)


# -- verdicts ---------------------------------------------------------------------------------


def judged(own: Problem, made: Prediction, wrong: Prediction | None = None, **given: int) -> dict[str, Any]:
    chosen = make_plan(own, made, "regression", resolution=0.2, **given)
    result = simulate(
        own.regression, own.rule, own.scheme, batch_size=4, hyperparameters=VALUES, seed=4,
        replicas=chosen.replicas, burn_in=chosen.burn_in, measured_epochs=chosen.epochs,
        largest_start_bias=1e-3,
    )
    whole = complete_plan(own, made, "regression", 0.2)
    return simulation_record(wrong or made, result, chosen, whole, 0.2)


@pytest.mark.montecarlo
def test_variances_and_means_are_judged(small: tuple[Problem, Prediction]) -> None:
    """False-alarm rate 1e-6 each; a mean that is not shifted is refuted, and so is a variance 40 % off."""
    own, made = small
    record = judged(own, made)
    assert record["verdict"]["agrees"], record
    assert record["verdict"]["negative_control"]
    assert record["verdict"]["fine_directions"] == record["verdict"]["moving_directions"] == 3
    assert record["mean_verdict"]["agrees"], record
    assert record["mean_verdict"]["negative_control"]
    assert record["mean_verdict"]["refuted_without_shift"] > 0
    assert record["to_judge_all"] is None
    json.dumps(record, allow_nan=False)
    unshifted = judged(own, made, dataclasses.replace(made, mean_shift=np.zeros(3)))
    assert unshifted["mean_verdict"]["outcome"] == "disagrees"
    assert unshifted["mean_verdict"]["alarms"]
    page = simulation_page(own, made, unshifted, 1e6)
    assert "verdict on the means: disagrees" in page
    assert "<-- disagrees" in page
    wrong = judged(own, made, dataclasses.replace(made, variances=1.4 * made.variances))
    assert wrong["verdict"]["outcome"] == "disagrees"
    assert wrong["verdict"]["within_error_estimate"] == [0, 1, 2]


@pytest.mark.montecarlo
def test_a_prediction_that_knows_its_error_may_use_it(small: tuple[Problem, Prediction]) -> None:
    """Where it disagrees at its word it is coarser, and does not disagree; elsewhere nothing changes."""
    own, made = small
    unsure = dataclasses.replace(
        made, variances=made.variances * np.array([1.0, 1.3, 1.0]), relative_error_estimate=np.full(3, 0.3)
    )
    record, sure = judged(own, made, unsure), judged(own, made)
    assert record["verdict"]["within_error_estimate"] == [1]
    assert not record["verdict"]["alarms"]
    assert record["verdict"]["outcome"] == "too-coarse"
    assert record["directions"][0]["z"] == sure["directions"][0]["z"]
    page = simulation_page(own, made, record, 1e6)
    assert "in 1 (where that raises an alarm) within its error estimate" in page


@pytest.mark.montecarlo
def test_what_is_not_judged_says_what_would_judge_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options that a short simulation prints judge every direction."""
    own = problem(0.1).regression
    path = tmp_path / "own.csv"
    rows = np.column_stack([own.features, own.targets])
    path.write_text("a,b,c,y\n" + "\n".join(",".join(map(repr, row)) for row in rows.tolist()))
    command = [
        "predict", str(path), "--no-intercept", "--learning-rate", "0.05", "--momentum", "0.5",
        "--batch-size", "4", "--sampling", "reshuffled", "--simulate", "--resolution", "0.3",
        "--method", "closure",
    ]
    assert main([*command, "--burn-in", "2", "--replicas", "20"]) == 0
    page = capsys.readouterr().out
    found = re.search(
        r"(\d) of 3 directions not judged at a resolution of 30.00%: (.*) would judge all, in about", page
    )
    assert found, page
    assert "relaxes too slowly" in page
    assert main([*command, *found[2].split(), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["to_judge_all"] is None
    assert record["verdict"]["agrees"], record
    assert record["mean_verdict"]["agrees"], record
    for direction in record["directions"]:
        assert {
            "published_variance", "mean_shift", "relative_error_estimate", "measured_variance",
            "measured_mean", "standard_error", "z", "mean_standard_error", "mean_z", "status",
        } <= set(direction)


def test_a_plan_out_of_reach_names_the_condition_number(small: tuple[Problem, Prediction]) -> None:
    own, made = small
    chosen = make_plan(own, made, "regression", resolution=0.2, replicas=20, burn_in=1)
    result = simulate(
        own.regression, own.rule, own.scheme, batch_size=4, hyperparameters=VALUES, replicas=20, seed=1,
        burn_in=1, largest_start_bias=1e-3,
    )
    whole = Plan(replicas=10**6, burn_in=10**9, epochs=1, needed=chosen.needed)
    record = simulation_record(made, result, chosen, whole, 0.2)
    page = simulation_page(own, made, record, 1e7)
    assert re.search(r"about 32 years here; the condition number, \d+", page)
    assert "would judge" not in simulation_page(
        own, made, simulation_record(made, result, chosen, None, 0.2), 1e7
    )

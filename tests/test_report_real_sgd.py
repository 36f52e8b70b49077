"""The report's sections on real SGD, on both theories, and on one epoch: complete, and honest when wrong."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from test_report_sections import require_balanced

from theory.errors import MissingPackageError, TheoryError
from validation.compare import compare
from validation.means import compare_means
from validation.predict import Prediction, predict
from validation.report.means import mean_sentence
from validation.report.real_cases import CASES, RealCase
from validation.report.real_noise import compare_noise, published_noise
from validation.report.real_plan import blocks_needed, epochs_to_forget, relative_variance
from validation.report.real_section import real_section
from validation.report.real_sgd import (
    COMPILED_RESOLUTION,
    TRAINED_RESOLUTION,
    RealRun,
    real_record,
    run_real_case,
)
from validation.report.verdict import verdict_paragraph

pytest.importorskip("matplotlib")

SMALL = RealCase(
    name="iris", settings={"momentum": 0.8, "nesterov": True, "weight_decay": 0.02}, stability=0.3,
    batch_size=16, drop_last=True, gap=20, block=4, trained=20, indexed=60,
)


def _without_pytorch(*_: object) -> None:
    raise MissingPackageError("this needs PyTorch: pip install 'sgd-theory[torch]'")


def _sure_of_variances(made: Prediction, error: float) -> Prediction:
    """All of its error estimate in the mean: ``error`` of the second moments."""
    return dataclasses.replace(
        made, relative_error_estimate=np.zeros_like(made.variances),
        mean_error_estimate=error * made.second_moments / (2 * np.abs(made.mean_shift)),
    )


@pytest.fixture(scope="module")
def without_torch() -> Any:
    """One small run; PyTorch is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("validation.report.real_sgd._with_pytorch", _without_pytorch)
        return run_real_case(SMALL, 1)


def test_a_second_moment_may_be_off_by_the_errors_of_variance_and_mean(without_torch: RealRun) -> None:
    made = without_torch.prediction
    small = 1e-6
    off = dataclasses.replace(
        made, variances=made.variances * (1 + small * made.relative_error_estimate),
        mean_shift=made.mean_shift + small * np.sign(made.mean_shift) * made.mean_error_estimate,
    )
    assert (made.second_moment_error_estimate > 0).all()
    np.testing.assert_allclose(
        (off.second_moments - made.second_moments) / small, made.second_moment_error_estimate, rtol=1e-4
    )


@pytest.mark.parametrize(("error", "alarms"), [(4.0, False), (0.0, True)])
def test_squares_are_judged_by_the_error_of_second_moments(
    error: float, alarms: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Second moments three times too large by the mean, which admits it."""
    def wrong(*given: Any, **options: Any) -> Prediction:
        made = predict(*given, **options)
        shift = np.sqrt(2 * made.variances + 3 * made.mean_shift**2)
        return _sure_of_variances(dataclasses.replace(made, mean_shift=shift), error)

    monkeypatch.setattr("validation.report.real_sgd.predict", wrong)
    monkeypatch.setattr("validation.report.real_sgd._with_pytorch", _without_pytorch)
    assert run_real_case(SMALL, 1).compiled.alarms.any() == alarms


def test_without_pytorch_the_compiled_steps_are_shown(without_torch: RealRun) -> None:
    page = real_section([without_torch])
    require_balanced(page)
    assert "Without PyTorch" in page
    assert "pip install &#x27;sgd-theory[torch]&#x27;" in page
    assert "Full theory against the compiled steps" in page
    assert "Full theory against PyTorch:" not in page
    assert "not run" in page
    assert page.count("<svg") == 1


def test_the_record_is_json_and_holds_both_theories(without_torch: RealRun) -> None:
    record = json.loads(json.dumps(real_record(without_torch), allow_nan=False))
    assert record["pytorch"] is None
    assert record["missing"].startswith("this needs PyTorch")
    assert {"verdict", "negative_control", "z"} <= set(record["compiled"])
    first = record["directions"][0]
    assert {"published_variance", "variance", "mean_shift", "relative_error_estimate"} <= set(first)
    assert record["compiled"]["predicted"] != record["published_against_compiled"]["predicted"]


def test_a_trained_run_has_its_own_column(without_torch: RealRun) -> None:
    run = dataclasses.replace(
        without_torch, missing="", trained=without_torch.compiled, trained_mean=without_torch.compiled_mean,
    )
    page = real_section([run])
    require_balanced(page)
    assert "Without PyTorch" not in page
    assert page.count("Full theory against PyTorch:") == 2  # second moments and means
    assert page.count("<svg") == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_are_what_the_optimizer_and_the_loader_say(case: RealCase) -> None:
    """Rule, scheme and hyperparameters written down without PyTorch are those read off its objects."""
    torch = pytest.importorskip("torch")
    from validation.pytorch import from_module, rule_of, scheme_of
    from validation.report.real_sgd import _objects

    model, loss, optimizer, loader = _objects(torch, case)
    problem = case.problem()
    rule, values = rule_of(optimizer)
    scheme, size = scheme_of(loader)
    assert (rule.name, scheme.name, size) == (
        case.rule.name, case.scheme(problem.samples).name, case.batch_size
    )
    assert values == pytest.approx(case.hyperparameters(float(problem.curvatures[0])))
    decay = case.settings.get("weight_decay", 0.0)
    module = from_module(model, loader.dataset, loss, weight_decay=decay)
    np.testing.assert_allclose(module.curvatures, problem.curvatures, rtol=1e-9)
    np.testing.assert_allclose(module.minimum, problem.minimum, rtol=1e-9, atol=1e-12)


def test_a_wrong_theory_is_seen() -> None:
    """Squares of a normal variable; a prediction 30 % off raises the alarm, and the page shows it."""
    samples = np.random.default_rng(4).standard_normal((4000, 3)) ** 2
    right = compare(np.ones(3), samples, resolution=0.3)
    wrong = compare(np.array([1.0, 1.3, 1.0]), samples, resolution=0.3)
    assert 'class="verdict"' in verdict_paragraph("x", right)
    page = verdict_paragraph("<x>", wrong)
    require_balanced(page)
    assert 'class="verdict bad"' in page
    assert "&lt;x&gt;: disagrees" in page
    assert "1 alarms in 3 directions" in page
    assert 'class="verdict note"' in verdict_paragraph("x", wrong, expected=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_are_as_long_as_the_theory_asks(case: RealCase) -> None:
    """Fixed beforehand with a margin: half as many blocks again, and an epoch more between them."""
    assert case.gap > epochs_to_forget(case)
    assert case.block == 4 * case.gap
    assert case.trained >= 1.5 * blocks_needed(case, TRAINED_RESOLUTION)
    assert case.indexed >= 1.5 * blocks_needed(case, COMPILED_RESOLUTION)


def test_relative_variance_of_an_average_by_hand() -> None:
    """Plain SGD is AR(1) with r = 1 - eta lambda: 2 / n^2 sum_{k,l} r^(2|k-l|)."""
    from theory.optimizers import rule_by_name

    numeric = rule_by_name("sgd").numeric({"learning_rate": 0.5})
    r, n = 0.75, 5
    sums = sum(r ** (2 * abs(k - m)) for k in range(n) for m in range(n))
    assert relative_variance(numeric, 0.5, n) == pytest.approx(2 * sums / n**2, rel=1e-12)
    assert relative_variance(numeric, 0.5, 1) == pytest.approx(2, rel=1e-12)


@pytest.mark.montecarlo
def test_the_noise_of_a_run_is_judged_by_lag_and_direction(without_torch: RealRun) -> None:
    """Noise along compiled steps: the full theory agrees, its page shows it, and a wrong one is refuted."""
    from validation.blocks import average_blocks
    from validation.report.real_noise_section import noise_section
    from validation.trajectory import trajectory

    made, problem, scheme = without_torch.prediction, SMALL.problem(), SMALL.scheme(150)
    sizes = scheme.batch_sizes(150, SMALL.batch_size)
    indices = scheme.draw(150, SMALL.batch_size, 4000, np.random.default_rng(6)).astype(np.int32)
    weights = trajectory(
        problem, SMALL.rule, indices, batch_sizes=sizes, hyperparameters=dict(made.hyperparameters)
    )
    m = len(sizes)
    blocks = average_blocks(
        problem.quadratics, weights, indices, sizes, burn_in=40, block=19, gap=20, lags=range(m + 1)
    )
    noise = compare_noise(made, scheme, blocks, without_torch.compared)
    assert noise.against_full.agrees, noise.against_full
    assert noise.correlation.shape == (m + 1, len(without_torch.compared))
    np.testing.assert_array_equal(noise.correlation[0], 1.0)
    page = noise_section(noise)
    require_balanced(page)
    assert page.count("<svg") == 1
    assert f"0 alarms in {(m + 1) * len(without_torch.compared)} pairs of lag and direction" in page
    assert made.noise_autocovariance is not None
    white = dataclasses.replace(made, noise_autocovariance=made.noise_autocovariance[:1])
    assert compare_noise(white, scheme, blocks, without_torch.compared).against_full.alarms.any()
    surely = _sure_of_variances(made, 2.0)
    high = dataclasses.replace(surely, noise_autocovariance=1.5 * made.noise_autocovariance)
    assert not compare_noise(high, scheme, blocks, without_torch.compared).against_full.alarms.any()
    certain = dataclasses.replace(high, mean_error_estimate=np.zeros_like(made.mean_shift))
    assert compare_noise(certain, scheme, blocks, without_torch.compared).against_full.alarms.any()
    unknown = dataclasses.replace(made, noise_autocovariance=None, method="averaged-epoch-map")
    with pytest.raises(TheoryError, match=r"averaged-epoch-map.*not known"):
        compare_noise(unknown, scheme, blocks, without_torch.compared)


def test_published_noise_of_dropped_batches_by_hand(without_torch: RealRun) -> None:
    """R(h) = -c S (M - h) / (M (N - S)), the catalogue's dropped-batch-noise-autocovariance."""
    made = without_torch.prediction
    m, samples, size = made.steps_per_epoch, made.samples, made.batch_size
    found = published_noise(made, SMALL.scheme(samples), m)
    np.testing.assert_allclose(found[0], made.noise_variances, rtol=1e-14)
    np.testing.assert_allclose(
        found[2], -made.noise_variances * size * (m - 2) / (m * (samples - size)), rtol=1e-12
    )
    assert not found[m].any()


@pytest.mark.montecarlo
def test_means_are_judged_at_a_stated_rate() -> None:
    """False alarms 1e-6; a shift of seven standard errors is refuted, the right one is not."""
    rng = np.random.default_rng(8)
    shift = np.array([0.0, 0.7])
    samples = rng.standard_normal((100, 2)) + shift
    right = compare_means(shift, samples, prediction_error=np.zeros(2))
    assert right.agrees
    assert right.negative_control().all()
    assert right.refuted_without == 1
    wrong = compare_means(np.zeros(2), samples, prediction_error=np.zeros(2))
    assert wrong.alarms.tolist() == [False, True]
    assert "the means disagree" in mean_sentence("x", wrong, np.ones(2))
    assert 'class="verdict bad"' in mean_sentence("x", wrong, np.ones(2))
    assert 'class="verdict"' in mean_sentence("x", right, np.ones(2))
    assert compare_means(np.zeros(2), samples, prediction_error=np.ones(2)).agrees  # says it may be off
    with pytest.raises(TheoryError, match=r"blocks >= 20"):
        compare_means(np.zeros(2), samples[:10], prediction_error=np.zeros(2))
    samples[:, 1] = 0.1  # whose average over 100 is not 0.1 in doubles
    for varying in (np.zeros(2), np.ones(2)):
        with pytest.raises(TheoryError, match=r"direction 1 do not vary \(0.1 in every replica\): leave out"):
            compare_means(np.zeros(2), samples, prediction_error=varying)

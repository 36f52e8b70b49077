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
from validation.report.means import compare_means, mean_sentence
from validation.report.real_cases import CASES, RealCase
from validation.report.real_section import real_section
from validation.report.real_sgd import RealRun, real_record, run_real_case
from validation.report.verdict import verdict_paragraph

pytest.importorskip("matplotlib")

SMALL = RealCase(
    name="iris", settings={"momentum": 0.8, "nesterov": True, "weight_decay": 0.02}, stability=0.3,
    batch_size=16, drop_last=True, gap=20, block=4, trained=20, indexed=60,
)


@pytest.fixture(scope="module")
def without_torch() -> Any:
    """One small run; PyTorch is not there."""
    with pytest.MonkeyPatch.context() as patch:
        def missing(*_: object) -> None:
            raise MissingPackageError("this needs PyTorch: pip install 'sgd-theory[torch]'")

        patch.setattr("validation.report.real_sgd._with_pytorch", missing)
        return run_real_case(SMALL, 1)


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
        without_torch, missing="", trained=without_torch.compiled, trained_mean=without_torch.compiled_mean
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


@pytest.mark.montecarlo
def test_means_are_judged_at_a_stated_rate() -> None:
    """False alarms 1e-6; a shift of seven standard errors is refuted, the right one is not."""
    rng = np.random.default_rng(8)
    shift = np.array([0.0, 0.7])
    samples = rng.standard_normal((100, 2)) + shift
    right = compare_means(shift, samples, prediction_error=np.zeros(2))
    assert right.alarms == 0
    assert right.refuted_without == 1
    wrong = compare_means(np.zeros(2), samples, prediction_error=np.zeros(2))
    assert wrong.alarms == 1
    assert "the means disagree" in mean_sentence("x", wrong)
    assert 'class="verdict bad"' in mean_sentence("x", wrong)
    assert compare_means(np.zeros(2), samples, prediction_error=np.ones(2)).alarms == 0  # says it may be off
    with pytest.raises(TheoryError, match=r"blocks >= 20"):
        compare_means(np.zeros(2), samples[:10], prediction_error=np.zeros(2))

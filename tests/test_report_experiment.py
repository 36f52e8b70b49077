"""The report's data sections: each theory against what it describes, and the published one against SGD."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from test_report_sections import require_balanced

import validation.report.experiment as experiments
from validation.report.experiment_figure import experiment_figure
from validation.report.experiment_section import experiment_section

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def found() -> Any:
    """Diabetes at a resolution of 20 %: seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "RESOLUTION", 0.2)
        problem = experiments.problem_from(
            "diabetes", "diabetes", batch_size=34, intercept=False, share_of_limit=0.05
        )
        return experiments.run_experiment(problem, 3)


@pytest.mark.montecarlo
def test_each_theory_describes_its_own_noise(found: experiments.Experiment) -> None:
    """False alarms 1e-6 each; the published theory, against SGD itself, is the control that must fail."""
    assert found.compared.size >= 8
    assert found.against_additive.agrees, found.against_additive
    assert found.against_regression.agrees, found.against_regression
    assert found.published_against_regression.verdict == "disagrees"
    np.testing.assert_array_equal(
        found.against_additive.predicted, found.published_against_regression.predicted
    )
    assert (found.against_regression.predicted > found.against_additive.predicted).all()


def test_the_section_tells_all_three(found: experiments.Experiment) -> None:
    page = experiment_section(found, experiment_figure(found))
    require_balanced(page)
    assert page.count("<svg") == 1
    for words in (
        "Published theory against SGD with the noise frozen at the minimum, which it assumes: agrees.",
        "Full theory against SGD itself, taken at its word: agrees.",
        "Published theory against SGD itself: disagrees.",
    ):
        assert words in page
    assert page.count('class="verdict note"') == 1
    assert page.count("<tr>") == found.compared.size + 1


def test_the_record_has_both_theories_and_three_comparisons(found: experiments.Experiment) -> None:
    record = json.loads(json.dumps(experiments.experiment_record(found), allow_nan=False))
    assert {"published_variance", "variance", "mean_shift"} <= set(record["directions"][0])
    assert record["method"] == found.prediction.method
    verdicts = [record[k]["verdict"] for k in ("frozen_noise", "regression", "published_against_regression")]
    assert verdicts == ["agrees", "agrees", "disagrees"]

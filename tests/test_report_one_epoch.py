"""The report's section on one epoch: its numbers agree, its controls fail where they must."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from test_report_sections import require_balanced

import validation.report.one_epoch as one_epoch
from validation.report.one_epoch_section import one_epoch_section

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def found() -> Any:
    """Five batches and few permutations: seconds."""
    return one_epoch.run_one_epoch(2, batches=5, permutations=40_000)


@pytest.mark.montecarlo
def test_theory_and_permutations_agree(found: one_epoch.OneEpoch) -> None:
    """False alarms 1e-6 each for drift and saddle; resolution of the saddle 10 %."""
    assert found.weights.deviation < 1e-5
    assert found.drift.alarms == 0
    assert found.drift.seen >= 1  # negative control: no drift at all is refuted
    assert found.saddle.comparison.agrees
    assert found.saddle.comparison.negative_control().verdict == "disagrees"
    np.testing.assert_allclose(found.saddle.exact, found.saddle.formula, rtol=1e-9)


def test_the_two_weights_differ_in_steep_directions(found: one_epoch.OneEpoch) -> None:
    """So the published trace, with s in both places, is not the regularizer there."""
    flat = int(np.argmin(np.abs(found.weights.stability)))
    s, w = found.weights.listed.T
    assert abs(s[flat] / w[flat] - 1) < 0.1
    assert abs(s[-1] / w[-1] - 1) > 0.5


def test_section_and_record(found: one_epoch.OneEpoch) -> None:
    page = one_epoch_section(found)
    require_balanced(page)
    assert page.count("<svg") == 1
    assert 'class="verdict bad"' not in page
    record = json.loads(json.dumps(one_epoch.one_epoch_record(found), allow_nan=False))
    assert record["saddle"]["verdict"] == "agrees"
    wrong = dataclasses.replace(found.drift, predicted=found.drift.predicted + 1.0)
    assert "the drift disagrees" in " ".join(
        one_epoch_section(dataclasses.replace(found, drift=wrong)).split()
    )

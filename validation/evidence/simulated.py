"""Rung *simulated*: real index sequences, a stated false-alarm rate, a resolution of 2 %, a control."""

from __future__ import annotations

import numpy as np

from theory.closed_forms import Entry
from theory.formula import Formula
from validation.compare import Comparison, compare
from validation.evidence.result import RungResult
from validation.evidence.subjects import Replicas, subject_of

__all__ = ["check", "compare_with_simulation"]

_RESOLUTION = 0.02
_FALSE_ALARM = 1e-6
#: the control is wrong by this many resolutions: it is missed with probability below 1e-8, not 1e-3
_CONTROL = 1.3
#: comparisons that share the false-alarm rate: more than the catalogue has formulas
_COMPARISONS = 100


def check(entry: Entry, formula: Formula) -> RungResult:
    """Compare the formula with the simulation of its rule and scheme."""
    runs = subject_of(entry).replicas(entry, formula)
    found = _compared(entry, runs, _RESOLUTION)
    control = found.negative_control(_CONTROL)
    resolution = float(found.resolution[0]) / runs.share
    figures: dict[str, float | int | str] = {
        "replicas": found.replicas, "z": float(found.z[0]), "threshold": float(found.threshold[0]),
        "resolution": resolution, "false_alarm_rate": _FALSE_ALARM,
        "comparisons": _COMPARISONS, "control": control.verdict,
    }
    good = found.agrees and control.verdict == "disagrees"
    reason = (
        f"measured {found.measured[0] / found.predicted[0]:.5f} of the prediction; would catch "
        f"{resolution:.2%} of the quantity"
    )
    if control.verdict != "disagrees":
        reason += "; the negative control was not rejected"
    return RungResult(
        slug=entry.slug, rung="simulated", verdict="pass" if good else "fail", reason=reason,
        figures=figures,
    )


def compare_with_simulation(
    entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1, resolution: float = _RESOLUTION
) -> Comparison:
    """The comparison of one formula; ``salt`` changes the seed, ``share`` divides the replicas.

    Raises
    ------
    NotApplicable
        If no run measures the quantity.
    """
    return _compared(entry, subject_of(entry).replicas(entry, formula, salt=salt, share=share), resolution)


def _compared(entry: Entry, runs: Replicas, resolution: float) -> Comparison:
    """``resolution`` is that of the quantity itself."""
    return compare(
        np.array([runs.predicted]), runs.numbers[:, None], labels=[entry.slug],
        false_alarm_rate=_FALSE_ALARM, comparisons=_COMPARISONS, resolution=resolution * runs.share,
    )

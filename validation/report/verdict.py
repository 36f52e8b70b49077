"""A comparison in words: verdict, false-alarm rate, resolution, negative control."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from validation.compare import Comparison

__all__ = ["comparison_record", "verdict_paragraph"]


def verdict_paragraph(
    name: str, comparison: Comparison, *, expected: bool = True, compared: str = "directions"
) -> str:
    """One coloured paragraph. ``expected=False``: a theory whose failure is being shown."""
    control = comparison.negative_control().verdict
    styles = {"agrees": "verdict", "too-coarse": "verdict note", "disagrees": "verdict bad"}
    style = styles[comparison.verdict] if expected else "verdict note"
    if control != "disagrees":
        style = "verdict bad"
    return (
        f'<p class="{style}"><b>{html.escape(name)}: {comparison.verdict}.</b> '
        f"{int(comparison.alarms.sum())} alarms in {len(comparison.labels)} {compared} at a total "
        f"false-alarm rate of {comparison.false_alarm_rate:g}, {comparison.replicas} independent numbers "
        f"each; a relative error of {comparison.resolution.max():.1%} would have been caught in any "
        f"of them with probability 99.9 % (asserted: {comparison.asserted_resolution:.0%}). Negative "
        f"control (prediction raised by what would be caught): {control}.</p>"
    )


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """The same for ``results.json``."""
    return {
        "verdict": comparison.verdict, "false_alarm_rate": comparison.false_alarm_rate,
        "resolution": float(comparison.resolution.max()),
        "negative_control": comparison.negative_control().verdict,
        "alarms": int(comparison.alarms.sum()), "independent_numbers": comparison.replicas,
        "predicted": comparison.predicted.tolist(), "measured": comparison.measured.tolist(),
        "standard_error": comparison.standard_error.tolist(),
        "z": [float(v) if np.isfinite(v) else None for v in comparison.z],
    }

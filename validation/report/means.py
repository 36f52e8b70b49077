"""A comparison of means in words."""

from __future__ import annotations

import html

import numpy as np

from validation.means import MeanComparison
from validation.regression import FloatArray

__all__ = ["mean_sentence"]


def mean_sentence(name: str, found: MeanComparison, deviations: FloatArray) -> str:
    """The outcome in a paragraph; ``deviations`` are the standard deviations of the weights."""
    shown = "agree" if found.agrees else "disagree"
    control = "caught" if found.negative_control().any() else "NOT caught"
    style = "verdict" if found.agrees and control == "caught" else "verdict bad"
    return (
        f'<p class="{style}"><b>{html.escape(name)}: the means {shown}.</b> {int(found.alarms.sum())} alarms '
        f"in {found.z.size} directions at a total false-alarm rate of {found.false_alarm_rate:g} (largest "
        f"|z| {np.abs(found.z).max():.1f}, limit {found.threshold:.1f}); an error of "
        f"{(found.resolution / deviations).max():.2f} standard deviations of the weights would have been "
        f"caught in any direction with probability 99.9 %. Negative control (means raised by that much): "
        f"{control}. Without a shift, as in the published theory, the mean would be refuted in "
        f"{found.refuted_without} of them.</p>"
    )

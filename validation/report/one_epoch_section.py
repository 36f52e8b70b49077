"""One epoch without replacement in the report: its drift, its regularizer, its way out of a saddle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from validation.report.drawing import BLUE, GREY, ORANGE, RED, pyplot_for_svg, svg_text
from validation.report.one_epoch import OneEpoch
from validation.report.verdict import verdict_paragraph

__all__ = ["one_epoch_section"]


def one_epoch_section(found: OneEpoch) -> str:
    """Three comparisons and a figure."""
    weights, drift, saddle = found.weights, found.drift, found.saddle
    listed = "verdict" if weights.deviation < 1e-4 else "verdict bad"
    drawn = "verdict" if not drift.alarms and drift.seen else "verdict bad"
    second = np.abs(drift.predicted - drift.from_regularizer) / np.abs(drift.predicted)
    return (
        "<p>With replacement the mean of a quadratic loss is that of gradient descent. Without, the "
        "samples of an epoch repel one another, and the expected weights drift from it "
        "(<code>beneventano2023</code>): to second order in the fluctuations down a quadratic, the "
        "regularizer, with weight s for the covariance of curvature and gradient and w for the variance of "
        "the curvature. The published trace of S times the covariance has s in both places: that is its "
        "slope at the stationary point, and the curvature only in flat directions.</p>"
        f'<p class="{listed}"><b>All {math.factorial(found.batches)} orders of {found.batches} batches: the '
        f"weights agree</b> to {weights.deviation:.1g} of the largest, over learning rate times curvature "
        f"from {weights.stability[0]:.2f} to {weights.stability[-1]:.2f}.</p>"
        f'<p class="{drawn}"><b>Diabetes, {found.permutations} drawn permutations of the samples, plain '
        f"SGD: the drift {'agrees' if not drift.alarms else 'disagrees'}.</b> {drift.alarms} alarms in "
        f"{drift.z.size} directions at a total false-alarm rate of 1e-06 (largest |z| "
        f"{np.abs(drift.z).max():.1f}, limit {drift.threshold:.1f}). Negative control: no drift at all is "
        f"refuted in {drift.seen} directions. The third order is {np.median(second):.0%} of it (median).</p>"
        + verdict_paragraph("Displacement from a saddle, reshuffled over fresh batches", saddle.comparison)
        + "<p>Without replacement the mean leaves a saddle wherever curvature and gradient of the batches "
        "are correlated, which with replacement it never does. The mean square leaves it more slowly, by the "
        "ratio shown where all batches have one curvature: the noise of an epoch adds up to nothing.</p>"
        + _figure(found)
    )


def _figure(found: OneEpoch) -> str:
    pyplot = pyplot_for_svg()
    figure, axes = pyplot.subplots(1, 3, figsize=(12.4, 4.0))
    _weights_panel(axes[0], found)
    _drift_panel(axes[1], found)
    _saddle_panel(axes[2], found)
    figure.tight_layout(w_pad=2.0)
    return svg_text(figure)


def _weights_panel(axis: Any, found: OneEpoch) -> None:
    weights = found.weights
    for column, letter, color in ((0, "s", BLUE), (1, "w", ORANGE)):
        axis.plot(weights.stability, weights.theory[:, column], color=color, label=f"{letter}, theory")
        axis.plot(
            weights.stability, weights.listed[:, column], "o", ms=4, mfc="none", color=color,
            label=f"{letter}, all {math.factorial(found.batches)} orders",
        )
    flat = found.batches * (found.batches - 1) / 2
    axis.axhline(flat, color=GREY, lw=0.8, ls=":", label="M (M - 1) / 2, flat")
    axis.set_yscale("symlog", linthresh=1.0)
    axis.set_xlabel(r"learning rate times curvature, $\eta\lambda$")
    axis.set_ylabel("weight in the regularizer  [1]")
    axis.set_title(f"M = {found.batches} batches", fontsize=10)
    axis.legend(fontsize=8)


def _drift_panel(axis: Any, found: OneEpoch) -> None:
    drift, scale = found.drift, 1e3
    axis.errorbar(
        drift.curvatures, scale * drift.measured, yerr=3 * scale * drift.standard_error, fmt="s", ms=4.5,
        mfc="none", color=RED, capsize=2, lw=1, label="permutations (3 s.e.)",
    )
    axis.plot(
        drift.curvatures, scale * drift.predicted, "_", ms=13, mew=2, color=BLUE, label="second + third order"
    )
    axis.plot(
        drift.curvatures, scale * drift.from_regularizer, "x", ms=5, color=ORANGE,
        label="second: down the regularizer",
    )
    axis.axhline(0, color="k", lw=0.8)
    axis.set_xscale("log")
    axis.set_xlabel(r"curvature $\lambda_i$  [loss / parameter$^2$]")
    axis.set_ylabel(r"drift after one epoch  [10$^{-3}$ parameter]")
    axis.set_title("diabetes, standardised", fontsize=10)
    axis.legend(fontsize=8)


def _saddle_panel(axis: Any, found: OneEpoch) -> None:
    saddle = found.saddle
    axis.plot(saddle.growth, saddle.formula, color=BLUE, label="saddle-escape-ratio")
    axis.errorbar(
        saddle.growth, saddle.comparison.measured, yerr=3 * saddle.comparison.standard_error, fmt="s",
        ms=4.5, mfc="none", color=RED, capsize=2, lw=1, label="permutations (3 s.e.)",
    )
    axis.axhline(1, color=GREY, lw=0.8, ls=":", label="as fast as fresh batches")
    axis.set_ylim(0, 1.15)
    axis.set_xlabel(r"growth per step, $\eta|\lambda|$")
    axis.set_ylabel("mean square, reshuffled / fresh  [1]")
    axis.set_title(f"saddle, M = {found.batches} batches", fontsize=10)
    axis.legend(fontsize=8)

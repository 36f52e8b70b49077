"""Variance per direction of one data set: both theories, measured, and their ratios."""

from __future__ import annotations

from typing import Any

from validation.compare import Comparison
from validation.regression import FloatArray
from validation.report.drawing import BLUE, GREY, ORANGE, RED, pyplot_for_svg, svg_text
from validation.report.experiment import Experiment

__all__ = ["draw_predictions", "draw_ratio", "experiment_figure", "label_panels"]


def experiment_figure(experiment: Experiment) -> str:
    """Published theory and frozen noise in blue, full theory and SGD itself in red."""
    pyplot = pyplot_for_svg()
    made, chosen = experiment.prediction, experiment.compared
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10.4, 4.2))
    moving = made.variances > 0
    left.loglog(
        made.curvatures[moving], made.white_variances[moving], "x", ms=5, color=GREY,
        label="published, independent batches",
    )
    draw_predictions(
        left, made.curvatures[moving], made.published_variances[moving], made.second_moments[moving]
    )
    at = made.curvatures[chosen]
    for comparison, color, marker, label in (
        (experiment.against_additive, BLUE, "o", "SGD, noise frozen at the minimum"),
        (experiment.against_regression, RED, "s", "SGD itself"),
    ):
        left.plot(at, comparison.measured, marker, ms=4.5, mfc="none", color=color, label=label)
    draw_ratio(right, at, experiment.against_additive, "o", BLUE, "frozen noise / published theory")
    draw_ratio(right, at, experiment.against_regression, "s", RED, "SGD itself / full theory")
    draw_ratio(right, at, experiment.published_against_regression, "^", ORANGE,
               "SGD itself / published theory")
    label_panels(left, right)
    return svg_text(figure)


def draw_predictions(axis: Any, curvature: FloatArray, published: FloatArray, full: FloatArray) -> None:
    """Second moments by the two theories, as bars."""
    axis.loglog(curvature, published, "_", ms=12, mew=2, color=BLUE, label="published theory")
    axis.loglog(curvature, full, "_", ms=12, mew=2, color=RED, label="full theory")


def draw_ratio(
    axis: Any, curvature: FloatArray, comparison: Comparison, marker: str, color: str, label: str
) -> None:
    """Measured over predicted, with three standard errors."""
    scale = comparison.predicted
    axis.errorbar(
        curvature, comparison.measured / scale, yerr=3 * comparison.standard_error / scale, fmt=marker,
        ms=4.5, mfc="none", color=color, capsize=2, lw=1, label=label,
    )


def label_panels(left: Any, right: Any) -> None:
    """Axes, the line of agreement, and legends; a ratio far from one gets a logarithmic axis."""
    right.axhline(1, color="k", lw=0.8)
    right.set_xscale("log")
    low, high = right.get_ylim()
    if high > 2.5:
        right.set_yscale("log")
        right.set_ylim(max(low, 0.5), high * 1.1)
        ticks = [t for t in (0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50) if 0.5 <= t <= high * 1.1]
        right.set_yticks(ticks, [f"{t:g}" for t in ticks])
        right.set_yticks([], minor=True)
    left.set_ylabel(r"$\langle(\theta-\theta_*)_i^2\rangle$  [parameter$^2$]")
    right.set_ylabel("measured / predicted  (bars: 3 standard errors)")
    for axis in (left, right):
        axis.set_xlabel(r"curvature $\lambda_i$  [loss / parameter$^2$]")
        axis.margins(x=0.08)
        axis.legend(fontsize=8)
    left.figure.tight_layout(w_pad=2.5)

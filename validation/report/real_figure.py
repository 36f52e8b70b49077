"""Second moments of a real run per direction: published, predicted, measured, and ratios."""

from __future__ import annotations

from validation.compare import Comparison
from validation.regression import FloatArray
from validation.report.drawing import BLUE, GREEN, ORANGE, pyplot_for_svg, svg_text
from validation.report.experiment_figure import draw_predictions, draw_ratio, label_panels
from validation.report.real_sgd import RealRun

__all__ = ["real_figure"]


def real_figure(run: RealRun) -> str:
    """PyTorch in green, compiled steps in blue, the published theory's ratio in orange."""
    pyplot = pyplot_for_svg()
    made = run.prediction
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10.4, 4.2))
    moving = (made.variances > 0) & (made.curvatures > 0)
    draw_predictions(
        left, made.curvatures[moving], made.published_variances[moving], made.second_moments[moving]
    )
    at = made.curvatures[run.compared]
    shown: list[tuple[Comparison, str, str, str]] = [(run.compiled, "s", BLUE, "compiled steps")]
    if run.trained is not None:
        shown.append((run.trained, "o", GREEN, "PyTorch"))
    for comparison, marker, color, name in shown:
        offset = at * (1.04 if name == "PyTorch" else 1.0)  # beside one another
        left.errorbar(
            offset, comparison.measured, yerr=_bars(comparison), fmt=marker, ms=4.5, mfc="none", lw=1,
            capsize=2, color=color, label=f"measured: {name}",
        )
        draw_ratio(right, offset, comparison, marker, color, f"{name} / full theory")
    draw_ratio(right, at, run.published, "^", ORANGE, "compiled steps / published theory")
    label_panels(left, right)
    return svg_text(figure)


def _bars(comparison: Comparison) -> FloatArray:
    """Three standard errors, kept above zero for a logarithmic axis."""
    bars: FloatArray = 3 * comparison.standard_error
    return bars.clip(max=0.9 * comparison.measured)

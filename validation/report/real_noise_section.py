"""The noise autocorrelation of a real run on the page: verdicts, figure, table."""

from __future__ import annotations

from typing import Any

from validation.report.drawing import BLUE, GREEN, RED, pyplot_for_svg, svg_text
from validation.report.real_noise import NoiseRun
from validation.report.verdict import verdict_paragraph

__all__ = ["noise_section"]

_PAIRS = "pairs of lag and direction"


def noise_section(noise: NoiseRun) -> str:
    """Of the run that PyTorch trained."""
    return (
        "<p>Noise of the same run: every batch gradient minus its expectation, both at the weights at which "
        "PyTorch took it, and its autocovariance R(h) at every lag h up to an epoch. Without replacement an "
        "epoch's batches must add up to the whole, so that R(h) is negative. Judged are R(0), and "
        "R(0) − R(h) at the other lags.</p>"
        + verdict_paragraph(
            "Noise autocovariance, full theory against PyTorch", noise.against_full, compared=_PAIRS
        )
        + verdict_paragraph(
            "Noise autocovariance, published theory (noise of the minimum) against PyTorch",
            noise.against_published, expected=False, compared=_PAIRS,
        )
        + _figure(noise)
        + _table(noise)
    )


def _figure(noise: NoiseRun) -> str:
    """R(h) / R(0) from lag 1, in the steepest and in the flattest direction."""
    figure, axes = pyplot_for_svg().subplots(1, 2, figsize=(10.4, 3.6), sharey=True)
    for axis, place, name in ((axes[0], 0, "steepest"), (axes[1], -1, "flattest")):
        _panel(axis, noise, place)
        axis.set_title(f"direction {noise.directions[place]} ({name})", fontsize=10)
    axes[0].set_ylabel("R(h) / R(0)  (bars: 3 standard errors)")
    axes[0].legend(fontsize=8, loc="lower right")
    figure.tight_layout(w_pad=2.5)
    return svg_text(figure)


def _panel(axis: Any, noise: NoiseRun, place: int) -> None:
    lags = noise.lags[1:]
    for law, color, style, width, name in (
        (noise.published, BLUE, "-", 2.5, "published theory"), (noise.full, RED, "--", 1.3, "full theory"),
    ):
        axis.plot(lags, law[1:, place] / law[0, place], style, lw=width, color=color, label=name)
    axis.errorbar(
        lags, noise.correlation[1:, place], yerr=3 * noise.correlation_error[1:, place], fmt="o", ms=4.5,
        mfc="none", color=GREEN, capsize=2, lw=1, label="measured: PyTorch",
    )
    axis.axhline(0, color="k", lw=0.8)
    axis.set_xlabel("lag h  [steps]")


def _table(noise: NoiseRun) -> str:
    """R(0) and the correlation at lag 1, direction by direction."""
    full, d, rows = noise.against_full, len(noise.directions), []
    for place, i in enumerate(noise.directions):
        scale = full.predicted[place]
        rows.append(
            f"<tr><td>{i}</td><td>{noise.published[0, place]:.4g}</td><td>{noise.full[0, place]:.4g}</td>"
            f"<td>{full.measured[place] / scale:.3f} ± {full.standard_error[place] / scale:.3f}</td>"
            f"<td>{full.z[place]:.1f}</td>"
            f"<td>{noise.published[1, place] / noise.published[0, place]:.4f}</td>"
            f"<td>{noise.full[1, place] / noise.full[0, place]:.4f}</td>"
            f"<td>{noise.correlation[1, place]:.4f} ± {noise.correlation_error[1, place]:.4f}</td>"
            f"<td>{full.z[d + place]:.1f}</td></tr>"
        )
    head = (
        "<tr><th rowspan='2'>direction</th><th colspan='4'>noise variance R(0)</th>"
        "<th colspan='4'>correlation at lag 1, R(1) / R(0)</th></tr>"
        "<tr><th>published</th><th>full theory</th><th>PyTorch / full theory</th><th>z</th>"
        "<th>published</th><th>full theory</th><th>PyTorch</th><th>z of R(0) − R(1)</th></tr>"
    )
    return f"<div class='scroll'><table class='numbers'>{head}{''.join(rows)}</table></div>"

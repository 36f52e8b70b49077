"""The figures of the regimes, as SVG text."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.closed_forms import formula_by_slug
from theory.law import stationary_law
from theory.optimizers import heavy_ball
from theory.sampling import fresh_batches, reshuffled
from validation.report.drawing import BLUE, GREY, ORANGE, RED, pyplot_for_svg, svg_text

__all__ = ["spectrum_figure", "variance_figure"]


def variance_figure() -> str:
    """Weight variance and correlation time against curvature, all regimes in one picture."""
    pyplot = pyplot_for_svg()
    eta, beta, steps = 0.1, 0.9, 100
    curvature = np.logspace(-6, np.log10(2 * (1 + beta) / eta * 0.999), 400)
    values: dict[str, Any] = {"learning_rate": eta, "momentum": beta, "curvature": curvature}
    law = stationary_law(heavy_ball(), reshuffled())
    white = stationary_law(heavy_ball(), fresh_batches())
    flat = formula_by_slug("flat-weight-variance").evaluate(
        learning_rate=eta, momentum=beta, noise_variance=1, steps_per_epoch=steps
    )
    published = formula_by_slug("flat-weight-variance-long-epoch").evaluate(
        learning_rate=eta, momentum=beta, noise_variance=1, steps_per_epoch=steps
    )
    crossover = formula_by_slug("crossover-curvature").evaluate(
        learning_rate=eta, momentum=beta, steps_per_epoch=steps
    )
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.8))
    left.loglog(
        curvature, white.weight_variance.evaluate(**values, noise_variance=1), "--", color=GREY,
        label="fresh batches (white noise)",
    )
    left.loglog(
        curvature, law.weight_variance.evaluate(**values, noise_variance=1, steps_per_epoch=steps),
        color=BLUE, label=f"reshuffled epochs, M = {steps}",
    )
    left.axhline(flat, color=ORANGE, lw=1, label="exact flat limit")
    left.axhline(published, color=ORANGE, lw=1, ls=":", label="published flat limit (M large)")
    right.loglog(
        curvature, white.correlation_time.evaluate(**values), "--", color=GREY,
        label="fresh batches",
    )
    right.loglog(
        curvature, law.correlation_time.evaluate(**values, steps_per_epoch=steps), color=BLUE,
        label=f"reshuffled epochs, M = {steps}",
    )
    for axis in (left, right):
        axis.axvline(crossover, color="k", lw=0.8, ls="-.", label="crossover curvature")
        axis.set_xlabel(r"curvature $\lambda$  [loss / parameter$^2$]")
        axis.legend(fontsize=8)
    left.set_ylabel(r"$\langle\theta^2\rangle$ for $c=1$  [parameter$^2$]")
    right.set_ylabel(r"correlation time $2\langle\theta^2\rangle/\langle v^2\rangle$  [steps]")
    figure.suptitle(rf"Heavy ball, $\eta={eta}$, $\beta={beta}$", fontsize=10)
    return svg_text(figure)


def spectrum_figure() -> str:
    """Spectrum of the batch noise, and the weight variance through the epoch."""
    pyplot = pyplot_for_svg()
    steps = 20
    omega = np.linspace(1e-3, np.pi, 400)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.4))
    left.axhline(1.0, color=GREY, ls="--", label="fresh batches")
    for slug, color, label, extra in (
        ("reshuffled-noise-spectrum", BLUE, "reshuffled, N = 20 · 5", {}),
        ("dropped-batch-noise-spectrum", ORANGE, "last batch dropped, N = 104",
         {"samples": 104, "batch_size": 5}),
        ("kept-batch-noise-spectrum", RED, "last batch kept, N = 97",
         {"samples": 97, "batch_size": 5}),
    ):
        values = formula_by_slug(slug).evaluate(
            frequency=omega, noise_variance=1, steps_per_epoch=steps, **extra
        )
        left.plot(omega, values, color=color, label=label)
    left.set_xlabel(r"frequency $\omega$  [radians / step]")
    left.set_ylabel(r"noise spectrum $S(\omega)/c$")
    left.legend(fontsize=8)
    position = np.arange(1, steps + 1)
    formula = formula_by_slug("reshuffled-weight-variance-at-position")
    for curvature, color in ((0.02, BLUE), (0.2, ORANGE), (2.0, RED)):
        values = formula.evaluate(
            learning_rate=0.1, momentum=0.5, curvature=curvature, noise_variance=1,
            steps_per_epoch=steps, position=position,
        )
        right.plot(position, values, "o-", ms=3, color=color, label=rf"$\lambda={curvature}$")
    right.set_xlabel("position j in the epoch  [steps]")
    right.set_ylabel(r"$\langle\theta_j^2\rangle$ for $c=1$  [parameter$^2$]")
    right.set_title(r"heavy ball, $\eta=0.1$, $\beta=0.5$, M = 20", fontsize=9)
    right.set_ylim(bottom=0)
    right.legend(fontsize=8)
    return svg_text(figure)

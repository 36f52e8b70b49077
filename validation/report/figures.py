"""The report's figures, as SVG text."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from theory.closed_forms import formula_by_slug
from theory.errors import MissingPackageError
from theory.law import stationary_law
from theory.optimizers import heavy_ball
from theory.sampling import fresh_batches, reshuffled
from validation.report.experiment import Experiment

__all__ = ["experiment_figure", "spectrum_figure", "variance_figure"]

_WHITE, _EPOCH, _FLAT, _SGD = "#7f7f7f", "#1f5fa8", "#c2571a", "#b0243c"


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPackageError(
            "figures need matplotlib: pip install 'sgd-theory[report]'"
        ) from error
    matplotlib.use("Agg")
    matplotlib.rcParams.update({
        "svg.fonttype": "path", "svg.hashsalt": "sgd-theory", "font.size": 10,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    })
    from matplotlib import pyplot

    return pyplot


def _svg(figure: Any) -> str:
    """SVG without the XML prologue, so that it can stand inside HTML."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    _pyplot().close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def variance_figure() -> str:
    """Weight variance and correlation time against curvature, all regimes in one picture."""
    pyplot = _pyplot()
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
        curvature, white.weight_variance.evaluate(**values, noise_variance=1), "--", color=_WHITE,
        label="fresh batches (white noise)",
    )
    left.loglog(
        curvature, law.weight_variance.evaluate(**values, noise_variance=1, steps_per_epoch=steps),
        color=_EPOCH, label=f"reshuffled epochs, M = {steps}",
    )
    left.axhline(flat, color=_FLAT, lw=1, label="exact flat limit")
    left.axhline(published, color=_FLAT, lw=1, ls=":", label="published flat limit (M large)")
    right.loglog(
        curvature, white.correlation_time.evaluate(**values), "--", color=_WHITE,
        label="fresh batches",
    )
    right.loglog(
        curvature, law.correlation_time.evaluate(**values, steps_per_epoch=steps), color=_EPOCH,
        label=f"reshuffled epochs, M = {steps}",
    )
    for axis in (left, right):
        axis.axvline(crossover, color="k", lw=0.8, ls="-.", label="crossover curvature")
        axis.set_xlabel(r"curvature $\lambda$  [loss / parameter$^2$]")
        axis.legend(fontsize=8)
    left.set_ylabel(r"$\langle\theta^2\rangle$ for $c=1$  [parameter$^2$]")
    right.set_ylabel(r"correlation time $2\langle\theta^2\rangle/\langle v^2\rangle$  [steps]")
    figure.suptitle(rf"Heavy ball, $\eta={eta}$, $\beta={beta}$", fontsize=10)
    return _svg(figure)


def spectrum_figure() -> str:
    """Spectrum of the batch noise, and the weight variance through the epoch."""
    pyplot = _pyplot()
    steps = 20
    omega = np.linspace(1e-3, np.pi, 400)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.4))
    left.axhline(1.0, color=_WHITE, ls="--", label="fresh batches")
    for slug, color, label, extra in (
        ("reshuffled-noise-spectrum", _EPOCH, "reshuffled, N = 20 · 5", {}),
        ("dropped-batch-noise-spectrum", _FLAT, "last batch dropped, N = 104",
         {"samples": 104, "batch_size": 5}),
        ("kept-batch-noise-spectrum", _SGD, "last batch kept, N = 97",
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
    for curvature, color in ((0.02, _EPOCH), (0.2, _FLAT), (2.0, _SGD)):
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
    return _svg(figure)


def experiment_figure(experiment: Experiment) -> str:
    """Predicted and measured variance per direction, and their ratio."""
    pyplot = _pyplot()
    made, chosen = experiment.prediction, experiment.compared
    curvature = made.curvatures
    moving = made.variances > 0
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.8))
    left.loglog(
        curvature[moving], made.white_variances[moving], "x", color=_WHITE,
        label="predicted, white noise",
    )
    left.loglog(
        curvature[moving], made.variances[moving], "_", ms=11, mew=2, color=_EPOCH,
        label=f"predicted, {made.sampling}",
    )
    for comparison, color, marker, label in (
        (experiment.against_additive, _EPOCH, "o", "SGD, noise frozen at the minimum"),
        (experiment.against_regression, _SGD, "s", "SGD on the regression itself"),
    ):
        left.loglog(
            curvature[chosen], comparison.measured, marker, ms=4, mfc="none", color=color,
            label=label,
        )
        right.errorbar(
            curvature[chosen], comparison.measured / comparison.predicted,
            yerr=3 * comparison.standard_error / comparison.predicted, fmt=marker, ms=4,
            mfc="none", color=color, capsize=2, label=label,
        )
    right.axhline(1, color=_EPOCH, lw=1)
    right.axhspan(0.95, 1.05, color=_EPOCH, alpha=0.12, lw=0, label="asserted resolution, 5 %")
    right.set_xscale("log")
    left.set_ylabel(r"$\langle\theta_i^2\rangle$  [parameter$^2$]")
    right.set_ylabel("measured / predicted  (bars: 3 standard errors)")
    for axis in (left, right):
        axis.set_xlabel(r"curvature $\lambda_i$  [loss / parameter$^2$]")
        axis.legend(fontsize=8)
    return _svg(figure)

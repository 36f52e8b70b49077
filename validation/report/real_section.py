"""Real SGD in the report: theory against PyTorch, direction by direction."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from validation.compare import Comparison
from validation.means import MeanComparison
from validation.report.means import mean_sentence
from validation.report.real_figure import real_figure
from validation.report.real_noise_section import noise_section
from validation.report.real_sgd import RealRun
from validation.report.verdict import verdict_paragraph

__all__ = ["real_section"]

_MISSING = "<td class='na'>–</td>" * 2

_INTRODUCTION = (
    "<p>A linear layer with a bias under a mean squared error, on standardised data, trained as a user "
    "writes it. The prediction sees the data and the hyperparameters, nothing of the run. Two "
    "measurements: <code>torch.optim.SGD</code> with a shuffling <code>DataLoader</code>, every step "
    "recorded; and the compiled loop of this project, which takes the same steps to 1e-12 of the weights "
    "nearly two thousand times as fast, along indices that the loader itself draws. A run is cut into blocks "
    "of epochs with gaps between them in which it forgets; how many it needs followed from the theory "
    "beforehand. Compared are second moments about the minimum, means, and the autocovariance of the batch "
    "noise.</p>"
)


def real_section(runs: Sequence[RealRun]) -> str:
    """All runs; without PyTorch what is missing and how to get it."""
    missing = next((run.missing for run in runs if run.missing), "")
    note = "" if not missing else (
        f'<p class="verdict note"><b>Without PyTorch.</b> {html.escape(missing)}. Below are the compiled '
        "steps alone, along permutations of their own. <code>make report</code> installs PyTorch unless it "
        "is called with <code>TORCH=</code>.</p>"
    )
    return _INTRODUCTION + note + _summary(runs) + "".join(_one(run) for run in runs)


def _summary(runs: Sequence[RealRun]) -> str:
    """Verdicts and worst directions at a glance."""
    rows = []
    for run in runs:
        made, noise = run.prediction, run.trained_noise
        cells = (
            "not run" if run.trained is None else run.trained.verdict,
            "not run" if run.trained_mean is None else _agree(run.trained_mean),
            "not run" if noise is None else noise.against_full.verdict,
            run.compiled.verdict, _agree(run.compiled_mean), _worst(run.compiled), _worst(run.published),
        )
        rows.append(
            f"<tr><td>{run.case.name}</td><td class='words'>{made.rule}, {made.sampling}</td>"
            f"<td>{len(run.compared)} of {len(made.curvatures)}</td>"
            + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        )
    head = (
        "<tr><th rowspan='2'>data</th><th rowspan='2' class='words'>rule, sampling</th>"
        "<th rowspan='2'>directions</th><th colspan='3'>full theory against PyTorch</th>"
        "<th colspan='2'>against compiled steps</th><th colspan='2'>theory / compiled steps, worst</th></tr>"
        "<tr><th>second moments</th><th>means</th><th>noise</th><th>second moments</th><th>means</th>"
        "<th>full</th><th>published</th></tr>"
    )
    return f"<div class='scroll'><table class='numbers'>{head}{''.join(rows)}</table></div>"


def _agree(found: MeanComparison) -> str:
    return "agrees" if found.agrees else "disagrees"


def _worst(comparison: Comparison) -> str:
    """Predicted over measured where it is furthest from one."""
    ratio = comparison.predicted / comparison.measured
    i = int(np.argmax(np.abs(np.log(ratio))))
    own = float(comparison.samples[:, i].std(ddof=1)) / comparison.replicas**0.5 / comparison.measured[i]
    return f"{ratio[i]:.3f} ± {ratio[i] * own:.3f}"


def _one(run: RealRun) -> str:
    case, made = run.case, run.prediction
    shifts = np.abs(made.mean_shift[run.compared]) / np.sqrt(made.variances[run.compared])
    notes = (
        f"N = {made.samples}, d = {len(made.curvatures)} (bias included), M = {made.steps_per_epoch} steps "
        f"per epoch ({made.sampling}), learning rate {made.hyperparameters['learning_rate']:.4g} "
        f"(limit of the mean {made.stability_limit:.4g}, of the mean square "
        f"{_limit(made.mean_square_limit)}). "
        f"Method {made.method}: {made.order}; its error estimate of the variances is at most "
        f"{made.relative_error_estimate[run.compared].max():.2%}. The mean is shifted by up to "
        f"{shifts.max():.2f} standard deviations from the minimum.",
        f"PyTorch: {case.trained} blocks; compiled steps: {case.indexed}; each of {case.block} epochs after "
        f"a gap of {case.gap}. {_left_out(len(made.curvatures) - len(run.compared))}",
    )
    deviations = np.sqrt(made.variances[run.compared])
    verdicts = "" if run.trained is None or run.trained_mean is None else (
        verdict_paragraph("Full theory against PyTorch", run.trained)
        + mean_sentence("Full theory against PyTorch", run.trained_mean, deviations)
    )
    return (
        f'<h3 id="real-{case.name}">{html.escape(case.name)}</h3>'
        f"<pre>{html.escape(case.words.replace('; ', chr(10)))}</pre>"
        + "".join(f"<p>{html.escape(note)}</p>" for note in notes)
        + verdicts
        + verdict_paragraph("Full theory against the compiled steps", run.compiled)
        + mean_sentence("Full theory against the compiled steps", run.compiled_mean, deviations)
        + verdict_paragraph("Published theory against the compiled steps", run.published, expected=False)
        + real_figure(run)
        + _table(run)
        + _mean_table(run)
        + ("" if run.trained_noise is None else noise_section(run.trained_noise))
    )


def _left_out(count: int) -> str:
    return "All directions are compared." if not count else (
        f"{count} directions do not forget within the gap, or do not move, and are left out."
    )


def _limit(value: float | None) -> str:
    return "not computed" if value is None else f"{value:.4g} for independent batches"


def _table(run: RealRun) -> str:
    """Second moments about the minimum, direction by direction."""
    made, rows = run.prediction, []
    trained = run.trained
    for place, i in enumerate(run.compared):
        own = _MISSING if trained is None else (
            f"<td>{_ratio(trained, place)}</td><td>{trained.z[place]:.1f}</td>"
        )
        rows.append(
            f"<tr><td>{i}</td><td>{made.curvatures[i]:.4g}</td><td>{made.published_variances[i]:.4g}</td>"
            f"<td>{made.second_moments[i]:.4g}</td>"
            f"<td>{made.second_moment_error_estimate[i] / made.second_moments[i]:.1%}</td>{own}"
            f"<td>{_ratio(run.compiled, place)}</td><td>{run.compiled.z[place]:.1f}</td>"
            f"<td>{_ratio(run.published, place)}</td></tr>"
        )
    head = (
        "<tr><th rowspan='2'>direction</th><th rowspan='2'>curvature</th>"
        "<th colspan='3'>second moment about the minimum</th><th colspan='2'>PyTorch / full theory</th>"
        "<th colspan='2'>compiled / full theory</th><th rowspan='2'>compiled / published</th></tr>"
        "<tr><th>published</th><th>full theory</th><th>error estimate</th><th>ratio</th><th>z</th>"
        "<th>ratio</th><th>z</th></tr>"
    )
    return f"<div class='scroll'><table class='numbers'>{head}{''.join(rows)}</table></div>"


def _mean_table(run: RealRun) -> str:
    """Means in standard deviations of the weights, direction by direction."""
    made, trained, rows = run.prediction, run.trained_mean, []
    for place, i in enumerate(run.compared):
        scale = float(made.variances[i]) ** 0.5
        own = _MISSING if trained is None else _mean(trained, place, scale)
        rows.append(
            f"<tr><td>{i}</td><td>{made.curvatures[i]:.4g}</td><td>{made.mean_shift[i] / scale:.3f}</td>"
            f"<td>{made.mean_error_estimate[i] / scale:.3f}</td>{own}"
            f"{_mean(run.compiled_mean, place, scale)}</tr>"
        )
    head = (
        "<tr><th rowspan='2'>direction</th><th rowspan='2'>curvature</th>"
        "<th colspan='6'>mean minus minimum, in standard deviations of the weights (published: 0)</th></tr>"
        "<tr><th>full theory</th><th>error estimate</th><th>PyTorch</th><th>z</th><th>compiled steps</th>"
        "<th>z</th></tr>"
    )
    return f"<div class='scroll'><table class='numbers'>{head}{''.join(rows)}</table></div>"


def _mean(found: MeanComparison, place: int, scale: float) -> str:
    return (
        f"<td>{found.measured[place] / scale:.3f} ± {found.standard_error[place] / scale:.3f}</td>"
        f"<td>{found.z[place]:.1f}</td>"
    )


def _ratio(comparison: Comparison, place: int) -> str:
    scale = comparison.predicted[place]
    return f"{comparison.measured[place] / scale:.3f} ± {comparison.standard_error[place] / scale:.3f}"

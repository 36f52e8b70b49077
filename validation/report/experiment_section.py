"""One data set: the published theory and the full one, each against what it describes."""

from __future__ import annotations

import html

from validation.compare import Comparison
from validation.report.experiment import Experiment
from validation.report.verdict import verdict_paragraph

__all__ = ["experiment_section"]


def experiment_section(experiment: Experiment, figure: str) -> str:
    """Hyperparameters, verdicts, figure and table of one data set."""
    worst = experiment.prediction.relative_error_estimate[experiment.compared].max(initial=0.0)
    return (
        "".join(f"<p>{html.escape(note)}</p>" for note in _notes(experiment))
        + verdict_paragraph(
            "Published theory against SGD with the noise frozen at the minimum, which it assumes",
            experiment.against_additive,
        )
        + verdict_paragraph(
            "Full theory against SGD itself, "
            + ("within its own error estimate" if experiment.against_regression.prediction_error.any()
               else "taken at its word"),
            experiment.against_regression,
        )
        + verdict_paragraph(
            "Published theory against SGD itself", experiment.published_against_regression, expected=False
        )
        + "<p>The published theory takes the gradient noise as independent of the weights. In a "
        "regression the Hessian of a batch fluctuates as well as its gradient: that raises the variance "
        "of SGD, most in flat directions, and shifts its mean away from the minimum. The full theory "
        f"has both; here by the method <code>{experiment.prediction.method}</code> "
        f"({html.escape(experiment.prediction.order)}), whose own error estimate is at most "
        f"{worst:.2%} in the compared directions. Compared are second moments about the minimum.</p>"
        + figure
        + _table(experiment)
    )


def _notes(experiment: Experiment) -> tuple[str, str]:
    made, regression = experiment.prediction, experiment.problem.regression
    still = int((made.variances == 0).sum())
    slow = regression.dimension - still - experiment.compared.size
    chosen = ", ".join(f"{name} {value:.4g}" for name, value in made.hyperparameters.items())
    squares = "" if made.mean_square_limit is None else (
        f", mean-square limit {made.mean_square_limit:.4g}"
    )
    return (
        f"N = {made.samples}, d = {regression.dimension}, S = {made.batch_size}, "
        f"M = {made.steps_per_epoch} steps per epoch, {made.sampling}, {made.rule} with "
        f"{chosen.replace('_', ' ')} (stability limit of the mean {made.stability_limit:.4g}{squares}). "
        f"{experiment.additive.replicas} independent runs from the minimum, "
        f"{experiment.additive.burn_in} epochs of burn-in, one number (the average over one epoch) from "
        f"each. Predicted excess loss {made.excess_loss:.4g} (published theory: "
        f"{made.published_loss_fluctuation:.4g}).",
        f"{experiment.compared.size} directions were chosen for comparison beforehand: those that forget "
        f"their start within the burn-in and reach the resolution with these replicas. {slow} slower "
        f"directions are predicted but not tested; {still} do not move.",
    )


_HEAD = (
    "<tr><th>direction</th><th>curvature</th><th>noise variance</th><th>white law</th>"
    "<th>published</th><th>frozen noise / published</th><th>z</th><th>full theory</th>"
    "<th>error estimate</th><th>mean shift / σ</th><th>SGD / full theory</th><th>z</th>"
    "<th>SGD / published</th></tr>"
)


def _table(experiment: Experiment) -> str:
    made = experiment.prediction
    frozen, full = experiment.against_additive, experiment.against_regression
    published = experiment.published_against_regression
    rows = []
    for place, i in enumerate(experiment.compared):
        rows.append(
            f"<tr><td>{i}</td><td>{made.curvatures[i]:.4g}</td><td>{made.noise_variances[i]:.4g}</td>"
            f"<td>{made.white_variances[i]:.5g}</td><td>{made.published_variances[i]:.5g}</td>"
            f"<td>{_ratio(frozen, place)}</td><td>{frozen.z[place]:.2f}</td>"
            f"<td>{made.variances[i]:.5g}</td><td>{made.relative_error_estimate[i]:.2%}</td>"
            f"<td>{made.mean_shift[i] / made.variances[i] ** 0.5:.3f}</td>"
            f"<td>{_ratio(full, place)}</td><td>{full.z[place]:.2f}</td>"
            f"<td>{_ratio(published, place)}</td></tr>"
        )
    return (
        "<details><summary>all compared directions</summary><div class='scroll'>"
        f"<table class='numbers'>{_HEAD}{''.join(rows)}</table></div></details>"
    )


def _ratio(comparison: Comparison, place: int) -> str:
    scale = comparison.predicted[place]
    return f"{comparison.measured[place] / scale:.4f} ± {comparison.standard_error[place] / scale:.4f}"

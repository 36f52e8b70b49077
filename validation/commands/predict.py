"""``sgd-theory predict``: the stationary law of SGD on a data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from validation.commands.arguments import add_json, new_parser
from validation.commands.output import aligned_table, print_json, short
from validation.commands.problem_arguments import (
    add_problem,
    add_simulation,
    add_theory,
    read_problem,
    require_no_simulation,
    theory_options,
)

if TYPE_CHECKING:
    from validation.predict import Prediction
    from validation.problem import Problem

_DESCRIPTION = """\
Predict the stationary law of SGD on a linear regression: in every eigendirection of the Hessian the
variance of the weights and the shift of their mean, with noise that depends on the weights, beside
the published theory, whose noise is that at the minimum; stability limits, excess loss, correlation
times, crossover curvature. Features are used as they are, without scaling.

Every number has an error estimate. The method is chosen by the sampling and the time allowed:
  exact               independent batches: an exact linear equation
  closure             a permutation per epoch: second order in the fluctuations, by position
  averaged-closure    the same for long epochs and many samples, averaged over the epoch
  averaged-epoch-map  sampled permutations, right at any learning rate below the limit
"""

_EPILOG = """\
examples:
  sgd-theory predict diabetes --no-intercept --learning-rate 5 --momentum 0.9 --batch-size 13 \\
      --sampling reshuffled
  sgd-theory predict diabetes --no-intercept --learning-rate 5 --momentum 0.9 --batch-size 13 \\
      --sampling reshuffled --simulate --seed 1
  sgd-theory predict digits --learning-rate 0.0005 --momentum 0.5 --batch-size 32 \\
      --sampling kept-batch --plot law.svg
  sgd-theory predict mine.csv --target price --learning-rate 1/100 --batch-size 32 \\
      --sampling kept-batch --rule pytorch-sgd --momentum 0.9 --weight-decay 1e-4 --json

JSON keys:
  data, target, samples, batch_size, steps_per_epoch, rule, sampling, loss
  theory, method, order, figures
                      "full" or "published"; how the law was found, to which order, and what the
                      method says of itself (iterations, permutations, ...)
  hyperparameters     {name: number}
  stability_limit     learning rate at which the mean of the steepest direction ceases to converge under
                      independent batches, and full-batch descent does; null if there is none
  mean_square_limit   the same for the second moment under independent batches of this size; null
                      with --theory published, or where it would take too long
  epoch_mean_square_limit, epoch_mean_square_limit_error
                      that of a permutation per epoch, and its standard error; null for other schemes,
                      where it would take longer than a tenth of --seconds, or flat directions hide it
  crossover_curvature below it anti-correlations lower the variance; null, with crossover_note, if
                      there is none
  loss_fluctuation    half the sum of curvature times second moment about the minimum
  published_loss_fluctuation
                      half the sum of curvature times published variance
  excess_loss         mean of the objective, weight decay included, above its minimum
  flat_directions, condition_number
                      directions without curvature, which do not move; largest over smallest curvature
                      of the others
  notes               list of sentences: what rank or conditioning loses, and why; empty if nothing
  directions          list by descending curvature of {curvature, noise_variance, variance,
                      published_variance, white_variance, mean_shift, relative_error_estimate,
                      mean_error_estimate, correlation_time}: variance is about the mean,
                      noise_variance that of one full batch gradient at the minimum, white_variance
                      the published law under independent batches; the error estimates are of
                      variance (relative) and of mean_shift (in its unit)
  plot                the file written, only with --plot
With --simulate also the keys that 'sgd-theory simulate --help' lists: noise, replicas, burn_in, epochs,
seed, verdict, mean_verdict, to_judge_all, and per direction measured_variance, measured_mean,
standard_error, mean_standard_error, z, mean_z, status.
"""
_NO_LIMIT = (
    "note: the mean-square limit of so many samples and directions takes longer than --seconds allows, and "
    "is left out: allow more"
)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "predict", "the stationary law of SGD on a data set", description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_problem(parser)
    add_theory(parser)
    parser.add_argument(
        "--simulate", action="store_true", help="run SGD as well, and give the verdict"
    )
    add_simulation(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from validation.commands.progress import Progress
    from validation.predict import predict

    if arguments.simulate:
        from validation.commands import simulate

        simulate.run_with_noise(arguments, "additive" if arguments.theory == "published" else "regression")
        return
    require_no_simulation(arguments)
    if arguments.plot:
        from validation.commands.figure import draw, require_drawable

        require_drawable(arguments.plot)
    problem = read_problem(arguments)
    with Progress("predict", "permutation") as progress:
        made = predict(
            problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
            hyperparameters=problem.hyperparameters, progress=progress.update,
            **theory_options(arguments),
        )
    if arguments.plot:
        draw(arguments.plot, problem.name, made)
    if arguments.json:
        extra = {"plot": arguments.plot} if arguments.plot else {}
        print_json(heading(problem) | made.record() | extra)
        return
    print("\n".join(summary(problem, made)) + "\n")
    rows = [
        (str(i), short(d["curvature"]), short(d["variance"]), percent(d["relative_error_estimate"]),
         short(d["mean_shift"]), short(d["published_variance"]),
         short(d["published_variance"] / d["variance"] if d["variance"] else None),
         short(d["correlation_time"]))
        for i, d in enumerate(made.record()["directions"])
    ]
    names = ("#", "curvature", "variance", "error", "mean shift", "published", "ratio", "corr. time")
    print(aligned_table(names, rows, right=True))
    asked, worst = theory_options(arguments)["accuracy"], made.relative_error_estimate.max(initial=0.0)
    if worst > asked:
        print(
            f"\nnote: the error estimate reaches {percent(worst)} where {percent(asked)} was asked for: "
            "allow more time (--seconds), lower the learning rate, or name a --method"
        )
    if arguments.plot:
        print(f"\nwrote {arguments.plot}")


def heading(problem: Problem) -> dict[str, Any]:
    """What the JSON of ``predict`` and ``simulate`` starts with."""
    return {"data": problem.name, "target": problem.target, "loss": problem.regression.loss}


def summary(problem: Problem, made: Prediction) -> list[str]:
    """The law in a few lines."""
    values = ", ".join(f"{n} = {v:.6g}" for n, v in made.hyperparameters.items())
    crossover = short(made.crossover_curvature) if not made.crossover_note else (
        f"none ({made.crossover_note})"
    )
    moving = int((made.curvatures > 0).sum())
    return [
        f"{problem.name}, column {problem.target!r}: {made.samples} samples, {moving} directions with "
        f"curvature, {len(made.curvatures) - moving} without",
        f"condition number      {short(made.condition_number)} (of the directions with curvature)",
        *(f"note: {line}" for line in made.notes),
        f"{made.rule}, {values}",
        f"{made.sampling}, batch size {made.batch_size}: {made.steps_per_epoch} steps per epoch",
        "method                " + (
            made.order if made.order.startswith(made.method) else f"{made.method}: {made.order}"
        ),
        f"stability limit       learning_rate < {short(made.stability_limit)} for the mean"
        + ("" if made.mean_square_limit is None else
           f", {short(made.mean_square_limit)} for the mean square (independent batches)"),
        *([] if made.epoch_mean_square_limit is None else [
            f"                      {short(made.epoch_mean_square_limit)} +- "
            f"{short(made.epoch_mean_square_limit_error)} for the mean square of these epochs"
        ]),
        *([_NO_LIMIT] if made.mean_square_limit is None and made.theory == "full" else []),
        f"crossover curvature   {crossover}",
        f"excess loss           {short(made.excess_loss)}",
        f"loss fluctuation      {short(made.loss_fluctuation)} (published: "
        f"{short(made.published_loss_fluctuation)})",
    ]


def percent(value: float) -> str:
    """A relative error in percent."""
    return f"{100 * value:.2g}%"

"""``sgd-theory predict``: the stationary law of SGD on a data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from validation.commands.arguments import add_json, new_parser
from validation.commands.output import aligned_table, print_json, short
from validation.commands.problem_arguments import add_problem, read_problem

if TYPE_CHECKING:
    from validation.predict import Prediction
    from validation.problem import Problem

_DESCRIPTION = """\
Predict the stationary law of SGD on a linear regression: curvature spectrum, variance of the weights
in every eigendirection of the Hessian, crossover curvature, loss fluctuation, stability limit.

The noise is that at the minimum. Real SGD on the same regression has more of it where the weights
fluctuate much (flat directions, large steps): 'sgd-theory simulate --noise regression' shows how
much. Features are used as they are, without scaling.
"""

_EPILOG = """\
examples:
  sgd-theory predict digits --learning-rate 0.0005 --momentum 0.9 --batch-size 3 --sampling reshuffled
  sgd-theory predict diabetes --learning-rate 0.05 --momentum 0.9 --batch-size 13 \\
      --sampling reshuffled --no-intercept --plot law.svg
  sgd-theory predict mine.csv --target price --learning-rate 1/100 --batch-size 32 \\
      --sampling kept-batch --rule pytorch-sgd --momentum 0.9 --weight-decay 1e-4 --json

JSON keys:
  data, target, samples, batch_size, steps_per_epoch, rule, sampling, loss
  hyperparameters     {name: number}
  stability_limit     learning rate of the steepest direction's limit; null if there is none
  crossover_curvature below it anti-correlations lower the variance; null, with crossover_note, if
                      there is none
  loss_fluctuation    half the sum of curvature times variance
  directions          list by descending curvature of {curvature, noise_variance, variance,
                      white_variance}: noise_variance is that of one full batch gradient,
                      white_variance the law under independent batches of the same noise
  plot                the file written, only with --plot
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "predict", "the stationary law of SGD on a data set", description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_problem(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from validation.predict import predict

    if arguments.plot:
        from validation.commands.figure import draw, require_drawable

        require_drawable(arguments.plot)
    problem = read_problem(arguments)
    made = predict(
        problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
        hyperparameters=problem.hyperparameters,
    )
    if arguments.plot:
        draw(arguments.plot, problem.name, made)
    if arguments.json:
        extra = {"plot": arguments.plot} if arguments.plot else {}
        print_json(heading(problem) | made.record() | extra)
        return
    print("\n".join(summary(problem, made)) + "\n")
    rows = [
        (str(i), short(d["curvature"]), short(d["noise_variance"]), short(d["variance"]),
         short(d["white_variance"]),
         short(d["variance"] / d["white_variance"] if d["white_variance"] else None))
        for i, d in enumerate(made.record()["directions"])
    ]
    names = ("#", "curvature", "noise variance", "variance", "white variance", "ratio")
    print(aligned_table(names, rows, right=True))
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
        f"{made.rule}, {values}",
        f"{made.sampling}, batch size {made.batch_size}: {made.steps_per_epoch} steps per epoch",
        f"stability limit       learning_rate < {short(made.stability_limit)}",
        f"crossover curvature   {crossover}",
        f"loss fluctuation      {short(made.loss_fluctuation)}",
    ]

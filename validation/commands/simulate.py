"""``sgd-theory simulate``: predict, run SGD with really drawn indices, and give a verdict."""

from __future__ import annotations

import argparse
import importlib
import time
from typing import TYPE_CHECKING, Any

from theory.errors import TheoryError
from validation.commands.arguments import add_json, double, new_parser
from validation.commands.output import print_json
from validation.commands.predict import heading
from validation.commands.problem_arguments import (
    add_problem,
    add_simulation,
    read_problem,
    theory_options,
    whole,
)
from validation.commands.progress import Progress
from validation.commands.simulation_page import simulation_page
from validation.plan import LARGEST_START_BIAS, complete_plan, make_plan

if TYPE_CHECKING:
    from validation.regression import FloatArray
    from validation.simulate import Noise

_DESCRIPTION = """\
Run SGD on the regression from the minimum, in many independent replicas with indices drawn as the
scheme draws them, and compare the variance in every direction with the prediction.

--noise additive (default) keeps the noise of the minimum and is compared with the published theory.
--noise regression is SGD itself, whose noise depends on the weights, and is compared with the full
theory ('sgd-theory predict --simulate' is the same).

Burn-in, epochs measured and the number of replicas are fixed beforehand, from the theory, so that the
comparison would catch an error of --resolution in as many directions as the work allowed can judge.
Directions that forget their start but would need more replicas are compared all the same, and do not
count towards the resolution; directions that do not forget it are not compared. For both the options
that would judge every direction are printed, with the time that they would take. The prediction is
taken at its word; where that raises an alarm, within its error estimate. A negative control must fail.
"""

_EPILOG = """\
examples:
  sgd-theory simulate diabetes --learning-rate 0.05 --momentum 0.9 --batch-size 13 \\
      --sampling reshuffled --no-intercept
  sgd-theory simulate digits --learning-rate 0.0005 --momentum 0.5 --batch-size 3 \\
      --sampling reshuffled --noise regression --replicas 400 --seed 1 --json

JSON keys: those of 'sgd-theory predict --json', and
  noise, replicas, burn_in, epochs, seed
  directions          each with measured_variance and measured_mean (about their own mean), the
                      standard_error of measured_variance, mean_standard_error, z and mean_z (null
                      where the start is not forgotten or nothing moves) and status ("resolved", or
                      why not); z compares mean squares about the predicted mean
  verdict             {outcome, agrees, false_alarm_rate, comparisons, alarms, resolution,
                      asserted_resolution, fine_directions, moving_directions, negative_control,
                      within_error_estimate}: outcome is "agrees", "disagrees" (an alarm), "too-coarse"
                      (the resolution is not met) or "nothing-to-compare"; resolution is the relative
                      error caught with probability 99.9 % in each of the fine_directions, which are
                      all that were judged of the moving_directions; negative_control is true if
                      predictions wrong by that much raise the alarm there; within_error_estimate lists
                      the directions that would disagree with the prediction at its word, where a
                      third of its error estimate counts as its standard error
  mean_verdict        {outcome, agrees, false_alarm_rate, comparisons, alarms, threshold, resolution,
                      negative_control, refuted_without_shift, within_error_estimate} of the means;
                      resolution in standard deviations of the weights; refuted_without_shift counts
                      the directions whose mean is not the minimum
  to_judge_all        {replicas, burn_in, epochs, steps} with which every direction could be judged;
                      null if all were, or none will
The exit code is 0 whatever the verdict.
"""

_DEFAULTS = {"seed": "0"}
_LEAST = {"epochs": 1, "seed": 0, "replicas": 20, "burn_in": 0}


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "simulate", "run SGD on a data set and compare with the prediction",
        description=_DESCRIPTION, epilog=_EPILOG,
    )
    add_problem(parser)
    noise = parser.add_mutually_exclusive_group()
    noise.add_argument("--noise", default="additive", metavar="additive|regression", help="see above")
    noise.add_argument(
        "--additive", dest="noise", action="store_const", const="additive", help="--noise additive"
    )
    add_simulation(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from theory.errors import require_known

    require_known(arguments.noise, ("additive", "regression"), "noise")
    run_with_noise(arguments, arguments.noise)


def run_with_noise(arguments: argparse.Namespace, noise: Noise) -> None:
    """Predict, simulate, compare and print; also for ``predict --simulate``."""
    from validation.commands.simulation_record import simulation_record
    from validation.predict import predict
    from validation.simulate import simulate

    counts = {
        name: _count(name, text or _DEFAULTS[name], least) for name, least in _LEAST.items()
        if (text := getattr(arguments, name)) is not None or name in _DEFAULTS
    }
    resolution = double("resolution", arguments.resolution or "0.05")
    if not 0 < resolution < 1:
        raise TheoryError(f"resolution = {resolution:g} must lie between 0 and 1")
    if arguments.plot:
        from validation.commands.figure import draw, require_drawable

        require_drawable(arguments.plot)
    problem = read_problem(arguments)
    importlib.import_module("validation.kernel")  # without numba, fail before the work
    options: dict[str, Any] = {"theory": "published" if noise == "additive" else "full"}
    if hasattr(arguments, "theory"):
        options = theory_options(arguments)
    with Progress("predict", "permutation") as progress:
        made = predict(
            problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
            hyperparameters=problem.hyperparameters, progress=progress.update, **options,
        )
    chosen = make_plan(
        problem, made, noise, resolution=resolution, replicas=counts.get("replicas"),
        burn_in=counts.get("burn_in"), epochs=counts.get("epochs"),
    )
    begun = time.monotonic()
    with Progress("simulate", "step") as progress:
        result = simulate(
            problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
            hyperparameters=made.hyperparameters, replicas=chosen.replicas, seed=counts["seed"],
            noise=noise, burn_in=chosen.burn_in, measured_epochs=chosen.epochs,
            largest_start_bias=LARGEST_START_BIAS, progress=progress.update,
        )
    speed = result.steps / max(time.monotonic() - begun, 1e-3)
    judged = result.resolved & (chosen.needed <= result.replicas)
    left = bool((~judged & (made.variances > 0)).any())
    complete = complete_plan(problem, made, noise, resolution) if left else None
    record = simulation_record(made, result, chosen, complete, resolution)
    if arguments.plot:
        columns = [[d[k] for d in record["directions"]] for k in ("measured_variance", "standard_error")]
        draw(arguments.plot, problem.name, made, _arrays(columns))
    if arguments.json:
        extra = {"plot": arguments.plot} if arguments.plot else {}
        print_json(heading(problem) | record | extra)
    else:
        print(simulation_page(problem, made, record, speed))


def _count(name: str, text: str, least: int) -> int:
    """A whole number that is large enough; a comparison takes at least 20 replicas."""
    value = whole(name, text)
    if not least <= value < 2**63:
        raise TheoryError(f"{name} = {value} must be at least {least} and below 2**63")
    return value


def _arrays(columns: list[list[float]]) -> tuple[FloatArray, FloatArray]:
    import numpy as np

    return np.array(columns[0]), np.array(columns[1])

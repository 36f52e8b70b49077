"""``sgd-theory simulate``: predict, run SGD with really drawn indices, and give a verdict."""

from __future__ import annotations

import argparse
import importlib
import math
from typing import TYPE_CHECKING, Any

from theory.errors import TheoryError
from validation.commands.arguments import add_json, double, new_parser
from validation.commands.output import aligned_table, print_json, short
from validation.commands.predict import heading, summary
from validation.commands.problem_arguments import (
    add_problem,
    add_simulation,
    read_problem,
    theory_options,
    whole,
)
from validation.commands.progress import Progress
from validation.plan import LARGEST_START_BIAS, plan, replicas_needed

if TYPE_CHECKING:
    import numpy.typing as npt

    from validation.compare import Comparison
    from validation.predict import Prediction
    from validation.problem import Problem
    from validation.regression import FloatArray
    from validation.simulate import Noise, SimulationResult

_DESCRIPTION = """\
Run SGD on the regression from the minimum, in many independent replicas with indices drawn as the
scheme draws them, and compare the variance in every direction with the prediction.

--noise additive (default) keeps the noise of the minimum and is compared with the published theory.
--noise regression is SGD itself, whose noise depends on the weights, and is compared with the full
theory ('sgd-theory predict --simulate' is the same).

The number of replicas is fixed beforehand, from the theory, so that the comparison would catch an
error of --resolution; directions for which that is too much work are compared all the same, but do
not count towards the resolution. A negative control must fail.
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
                      standard_error of measured_variance, z (null where the start is not forgotten or
                      nothing moves) and status ("resolved", or why not); z compares mean squares about
                      the predicted mean, and counts a third of the prediction's error estimate as
                      its standard error
  verdict             {outcome, agrees, false_alarm_rate, comparisons, alarms, resolution,
                      asserted_resolution, fine_directions, negative_control}: outcome is "agrees",
                      "disagrees" (an alarm), "too-coarse" (the resolution is not met) or
                      "nothing-to-compare"; resolution is the relative error caught with
                      probability 99.9 % in each of the fine_directions; negative_control is true
                      if predictions wrong by that much raise the alarm there
The exit code is 0 whatever the verdict.
"""

_DEFAULTS = {"epochs": "1", "seed": "0"}
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
    needed = replicas_needed(problem, made, counts["epochs"], resolution)
    replicas, burn_in = plan(
        problem, made, noise, needed, counts["epochs"], counts.get("replicas"),
        counts.get("burn_in"),
    )
    with Progress("simulate", "step") as progress:
        result = simulate(
            problem.regression, problem.rule, problem.scheme, batch_size=problem.batch_size,
            hyperparameters=made.hyperparameters, replicas=replicas, seed=counts["seed"],
            noise=noise, burn_in=burn_in, measured_epochs=counts["epochs"],
            largest_start_bias=LARGEST_START_BIAS, progress=progress.update,
        )
    record, comparison = _record(made, result, needed, resolution)
    if arguments.plot:
        columns = [[d[k] for d in record["directions"]] for k in ("measured_variance", "standard_error")]
        draw(arguments.plot, problem.name, made, _arrays(columns))
    if arguments.json:
        extra = {"plot": arguments.plot} if arguments.plot else {}
        print_json(heading(problem) | record | extra)
    else:
        print(_page(problem, made, record, comparison))


def _count(name: str, text: str, least: int) -> int:
    """A whole number that is large enough; a comparison takes at least 20 replicas."""
    value = whole(name, text)
    if not least <= value < 2**63:
        raise TheoryError(f"{name} = {value} must be at least {least} and below 2**63")
    return value


def _arrays(columns: list[list[float]]) -> tuple[FloatArray, FloatArray]:
    import numpy as np

    return np.array(columns[0]), np.array(columns[1])


def _record(
    made: Prediction, result: SimulationResult, needed: npt.NDArray[Any], resolution: float
) -> tuple[dict[str, Any], Comparison | None]:
    """The JSON: prediction, measurement and verdict."""
    import numpy as np

    from validation.compare import compare

    squares = result.weights - 2 * made.mean_shift * result.means + made.mean_shift**2
    mean = result.means.mean(axis=0)
    variance = result.weights.mean(axis=0) - mean**2
    error = squares.std(axis=0, ddof=1) / math.sqrt(result.replicas)
    compared = np.flatnonzero(result.resolved & (made.variances > 0))
    comparison = None
    z: list[float | None] = [None] * len(mean)
    if compared.size:
        own = made.variances * made.relative_error_estimate / 3
        comparison = compare(
            made.variances[compared], squares[:, compared], labels=[str(i) for i in compared],
            resolution=resolution, prediction_error=own[compared],
        )
        for i, value in zip(compared, comparison.z, strict=True):
            z[i] = float(np.clip(value, -1e300, 1e300))
    record = made.record()
    extra = zip(variance, mean, error, z, result.status, strict=True)
    for direction, (value, centre, sigma, deviation, status) in zip(
        record["directions"], extra, strict=True
    ):
        direction |= {
            "measured_variance": float(value), "measured_mean": float(centre),
            "standard_error": float(sigma), "z": deviation, "status": status,
        }
    fine = needed[compared] <= result.replicas
    record |= {
        "noise": result.noise, "replicas": result.replicas, "burn_in": result.burn_in,
        "epochs": result.measured_epochs, "seed": result.seed,
        "verdict": _verdict(comparison, fine, resolution),
    }
    return record, comparison


def _verdict(
    comparison: Comparison | None, fine: npt.NDArray[Any], asserted: float
) -> dict[str, Any]:
    """Alarms count in every direction, the resolution in those that the replicas were chosen for."""
    if comparison is None:
        return {
            "outcome": "nothing-to-compare", "agrees": False, "false_alarm_rate": 1e-6,
            "comparisons": 0, "alarms": [], "resolution": None, "asserted_resolution": asserted,
            "fine_directions": 0, "negative_control": False,
        }
    reached = float(comparison.resolution[fine].max()) if fine.any() else None
    control = comparison.negative_control().alarms
    met = reached is not None and reached <= asserted
    outcome = "disagrees" if comparison.alarms.any() else "agrees" if met else "too-coarse"
    return {
        "outcome": outcome,
        "agrees": outcome == "agrees",
        "false_alarm_rate": comparison.false_alarm_rate,
        "comparisons": comparison.comparisons,
        "alarms": [int(n) for n, alarm in zip(comparison.labels, comparison.alarms, strict=True) if alarm],
        "resolution": reached,
        "asserted_resolution": asserted,
        "fine_directions": int(fine.sum()),
        "negative_control": bool(fine.any() and control[fine].all()),
    }


def _page(
    problem: Problem, made: Prediction, record: dict[str, Any], comparison: Comparison | None
) -> str:
    """The record for a reader."""
    verdict = record["verdict"]
    rows = [
        (str(i), short(d["curvature"]), short(d["variance"]), short(d["measured_variance"]),
         short(d["measured_variance"] / d["variance"] if d["variance"] else None),
         short(d["standard_error"] / d["variance"] if d["variance"] else None),
         "-" if d["z"] is None else f"{d['z']:.2f}",
         "<-- disagrees" if i in verdict["alarms"] else "" if d["status"] == "resolved" else d["status"])
        for i, d in enumerate(record["directions"])
    ]
    names = ("#", "curvature", "predicted", "measured", "ratio", "+-", "z")
    table = aligned_table(names, [row[:-1] for row in rows], right=True).split("\n")
    table = [table[0], *(f"{line}  {row[-1]}".rstrip() for line, row in zip(table[1:], rows, strict=True))]
    lines = [
        *summary(problem, made),
        f"simulated: {record['noise']} noise, {record['replicas']} replicas, {record['burn_in']} + "
        f"{record['epochs']} epochs, seed {record['seed']}", "", *table, "",
        f"verdict: {verdict['outcome']}",
    ]
    if comparison is not None:
        reached = verdict["resolution"]
        lines += [
            f"  {len(verdict['alarms'])} alarms in {verdict['comparisons']} directions at a false-alarm "
            f"rate of {verdict['false_alarm_rate']:g} for all together",
            f"  asserted resolution {verdict['asserted_resolution']:.2%}: too few replicas or too "
            "short a burn-in for every direction" if reached is None else
            f"  {verdict['fine_directions']} directions would show an error of {reached:.2%} with "
            f"probability 99.9 % (asserted {verdict['asserted_resolution']:.2%}); negative control "
            f"{'caught' if verdict['negative_control'] else 'NOT caught'}",
        ]
    return "\n".join(lines)

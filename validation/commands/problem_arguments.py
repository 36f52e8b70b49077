"""DATA and hyperparameters, as ``predict`` and ``simulate`` take them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from theory.errors import TheoryError
from validation.commands.arguments import double

if TYPE_CHECKING:
    from theory.optimizers import LinearRule
    from validation.problem import Problem

__all__ = ["add_problem", "read_problem"]

#: flags of the rules' parameters, with the value a rule that has one takes if it is not given
_OPTIONAL: Mapping[str, str | None] = {
    "momentum": None, "dampening": "0", "weight_decay": "0", "immediate_discount": None,
    "averaging_rate": None,
}


def add_problem(parser: argparse.ArgumentParser) -> None:
    """DATA, and everything that decides how SGD runs on it."""
    parser.add_argument(
        "data", metavar="DATA",
        help="a bundled set (digits, diabetes, linnerud, wine, iris, breast-cancer), or a .csv or "
        ".npz file (arrays X and y)",
    )
    parser.add_argument("--target", metavar="COLUMN", help="column to predict, by name or number")
    parser.add_argument("--learning-rate", required=True, metavar="ETA", help="step size")
    parser.add_argument("--batch-size", required=True, metavar="S", help="samples in a batch")
    parser.add_argument(
        "--sampling", required=True, metavar="SCHEME",
        help="with-replacement, fresh-batches, reshuffled, dropped-batch, kept-batch, shuffled-once, "
        "shuffled-once-unequal",
    )
    parser.add_argument(
        "--rule", default="heavy-ball",
        help="sgd, heavy-ball (default), nesterov, pytorch-sgd, pytorch-sgd-nesterov, ema-momentum, "
        "quasi-hyperbolic, averaged:<rule>",
    )
    for name, default in _OPTIONAL.items():
        note = "if the rule has one" if default is None else f"if the rule has one (default {default})"
        parser.add_argument(
            f"--{name.replace('_', '-')}", metavar="NUMBER", help=f"{name.replace('_', ' ')}, {note}"
        )
    parser.add_argument(
        "--loss", default="half-mse", metavar="half-mse|mse",
        help="half the mean squared residual (default), or PyTorch's MSELoss",
    )
    parser.add_argument("--no-intercept", action="store_true", help="no column of ones")
    parser.add_argument(
        "--rank-tolerance", metavar="R",
        help="eigenvalues of the Hessian below R times the largest count as zero",
    )
    parser.add_argument("--plot", metavar="FILE", help="figure, e.g. law.png, law.svg, law.pdf")


def add_theory(parser: argparse.ArgumentParser) -> None:
    """Which theory, by which method, how accurate."""
    from validation.laws.law import SECONDS

    parser.add_argument(
        "--theory", default="full", metavar="full|published",
        help="noise that depends on the weights (default), or that of the minimum alone",
    )
    parser.add_argument("--method", help="instead of the one chosen; see above")
    parser.add_argument(
        "--accuracy", default="0.01", help="relative error of the variances aimed at (default 0.01)"
    )
    parser.add_argument(
        "--seconds", default=f"{SECONDS:g}",
        help="time the law may take on one core, counted, not measured, so that the result does not depend "
        f"on the machine (default {SECONDS:g})",
    )


def theory_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keyword arguments of :func:`validation.predict.predict`."""
    return {
        "theory": arguments.theory, "method": arguments.method,
        "accuracy": double("accuracy", arguments.accuracy),
        "seconds": double("seconds", arguments.seconds),
        "seed": whole("seed", arguments.seed or "0"),
    }


_SIMULATION = {
    "replicas": ("R", "independent runs (default: as needed)"),
    "epochs": ("E", "epochs measured (default: 1, or as needed)"),
    "burn_in": ("E", "epochs before (default: as needed)"),
    "resolution": ("NUMBER", "relative error to be caught (default 0.05)"),
}


def add_simulation(parser: argparse.ArgumentParser) -> None:
    """How to simulate; without a default, so that what was given is known."""
    for name, (metavar, note) in _SIMULATION.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=note)
    parser.add_argument("--seed", help="the same seed gives the same bits (default 0)")


def require_no_simulation(arguments: argparse.Namespace) -> None:
    """Options of the simulation say nothing without one.

    Raises
    ------
    TheoryError
        If one is given.
    """
    for name in _SIMULATION:
        if getattr(arguments, name) is not None:
            raise TheoryError(
                f"--{name.replace('_', '-')} {getattr(arguments, name)} needs --simulate: add it, or "
                "drop the option"
            )


def read_problem(arguments: argparse.Namespace) -> Problem:
    """Read and check, names first, the data last.

    Raises
    ------
    TheoryError
        For anything wrong; the hyperparameters' domains are checked by the prediction.
    """
    from theory.errors import require_known
    from theory.optimizers import rule_by_name
    from theory.sampling import scheme_by_name

    rule, scheme = rule_by_name(arguments.rule), scheme_by_name(arguments.sampling)
    require_known(arguments.loss, ("half-mse", "mse"), "loss")
    batch_size = whole("batch_size", arguments.batch_size)
    values = _hyperparameters(arguments, rule)
    options: dict[str, Any] = {}
    if arguments.rank_tolerance is not None:
        options["rank_tolerance"] = double("rank_tolerance", arguments.rank_tolerance)
    from validation.data import load_data
    from validation.regression import Regression

    data = load_data(
        arguments.data, target=arguments.target, intercept=not arguments.no_intercept
    )
    regression = Regression(
        features=data.features, targets=data.targets, loss=arguments.loss,
        weight_decay=values.get("weight_decay", 0.0), names=data.feature_names, **options,
    )
    from validation.problem import Problem

    return Problem(
        name=data.name, target=data.target_name, regression=regression, rule=rule, scheme=scheme,
        batch_size=batch_size, hyperparameters=values,
    )


def whole(name: str, text: str) -> int:
    """Read a whole number.

    Raises
    ------
    TheoryError
        If it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise TheoryError(f"{name} = {text} is not a whole number: round it") from None


def _hyperparameters(arguments: argparse.Namespace, rule: LinearRule) -> dict[str, float]:
    """The rule's own parameters; what it has not must not be given."""
    values = {"learning_rate": double("learning_rate", arguments.learning_rate)}
    own = [s.name for s in rule.parameters]
    for name, default in _OPTIONAL.items():
        text, flag = getattr(arguments, name), f"--{name.replace('_', '-')}"
        if name not in own:
            if text is not None:
                other = " (pytorch-sgd has one)" if name in ("dampening", "weight_decay") else ""
                raise TheoryError(
                    f"rule {rule.name!r} has no {name}{other}: drop {flag} {text}, or choose "
                    "another --rule"
                )
            continue
        if text is None and default is None:
            raise TheoryError(f"rule {rule.name!r} needs {flag}: give a value, e.g. {flag} 0.9")
        values[name] = double(name, text if text is not None else str(default))
    return values

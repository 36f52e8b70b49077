"""``sgd-theory derive``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from theory.errors import TheoryError, require_known
from validation.commands.arguments import (
    add_json,
    add_symbols,
    double,
    known_slug,
    new_parser,
    read_symbols,
)
from validation.commands.output import print_json
from validation.files import write_whole

if TYPE_CHECKING:
    from derivations import Derivation

_DESCRIPTION = """\
Derive a formula step by step. Every step is checked by machine, in two polynomial engines: PROVED,
UNDECIDED or REFUTED. Without a format, the derivation is printed as Markdown with the verdicts.
"""

_EPILOG = """\
examples:
  sgd-theory derive reshuffled-weight-variance
  sgd-theory derive flat-weight-variance --latex > flat.tex
  sgd-theory derive white-weight-variance --notebook white.ipynb
  sgd-theory derive --rule nesterov --sampling shuffled-once --quantity velocity-variance

JSON keys:
  slug, title        of the formula
  proved             true if every step is
  steps              list of {because, lhs, rhs, verdict}; lhs and rhs in SymPy's syntax,
                     verdict PROVED, UNDECIDED or REFUTED
  formula            the record of 'sgd-theory show --json'
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "derive", "a readable derivation, each step checked",
        description=_DESCRIPTION, epilog=_EPILOG,
    )
    parser.add_argument("slug", metavar="SLUG", nargs="?", help="a name from 'sgd-theory list'")
    parser.add_argument("--rule", help="update rule, for pairs outside the catalogue")
    parser.add_argument("--sampling", metavar="SCHEME", help="sampling scheme")
    parser.add_argument("--quantity", metavar="Q", help="e.g. weight-variance, noise-spectrum")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="a LaTeX document (amsmath alone)")
    form.add_argument("--markdown", action="store_true", help="Markdown, without verdicts")
    form.add_argument("--notebook", metavar="FILE", help="write a runnable notebook")
    parser.add_argument(
        "--seconds", default="60",
        help="time for the checks; steps left over are UNDECIDED (default 60)",
    )
    add_symbols(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    letters = read_symbols(arguments.symbols)
    derivation = _derivation(arguments)
    from derivations import check_within, to_latex, to_markdown, to_notebook

    if arguments.notebook:
        write_whole(
            arguments.notebook, lambda path: to_notebook(derivation, path, symbols=letters)
        )
    if arguments.json:
        print_json(_record(derivation, letters, _seconds(arguments)))
    elif arguments.latex:
        print(to_latex(derivation, symbols=letters))
    elif arguments.notebook:
        print(f"wrote {arguments.notebook}")
    else:
        verdicts = () if arguments.markdown else check_within(derivation, _seconds(arguments))
        print(to_markdown(derivation, symbols=letters, verdicts=verdicts))


def _seconds(arguments: argparse.Namespace) -> float:
    seconds = double("seconds", arguments.seconds)
    if not seconds > 0:
        raise TheoryError(f"seconds = {seconds:g} must be positive")
    return seconds


def _derivation(arguments: argparse.Namespace) -> Derivation:
    """By slug, or by rule, scheme and quantity."""
    pair = {"--rule": arguments.rule, "--sampling": arguments.sampling,
            "--quantity": arguments.quantity}
    given = [flag for flag, value in pair.items() if value is not None]
    if arguments.slug is not None:
        if given:
            raise TheoryError(f"give a SLUG or {', '.join(pair)}; got {arguments.slug} and {given[0]}")
        from derivations import derive

        return derive(known_slug(arguments.slug))
    missing = [flag for flag in pair if flag not in given]
    if missing:
        raise TheoryError(f"give a SLUG, or all of {', '.join(pair)}; missing: {', '.join(missing)}")
    from theory import QUANTITIES
    from theory.optimizers import rule_by_name
    from theory.sampling import scheme_by_name

    rule, scheme = rule_by_name(arguments.rule), scheme_by_name(arguments.sampling)
    require_known(arguments.quantity, QUANTITIES, "quantity")
    from derivations import derive_pair

    return derive_pair(rule, scheme, arguments.quantity)


def _record(
    derivation: Derivation, letters: dict[str, str], seconds: float
) -> dict[str, Any]:
    from derivations import check_within
    from theory.export import formula_record

    verdicts = check_within(derivation, seconds)
    return {
        "slug": derivation.slug,
        "title": derivation.title,
        "proved": bool(verdicts) and all(v.proved for v in verdicts),
        "steps": [
            {"because": step.because, "lhs": str(step.lhs), "rhs": str(step.rhs),
             "verdict": verdict.outcome.value}
            for step, verdict in zip(derivation.steps, verdicts, strict=True)
        ],
        "formula": formula_record(derivation.result, letters),
    }

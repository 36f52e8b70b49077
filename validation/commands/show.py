"""``sgd-theory show``."""

from __future__ import annotations

import argparse
from typing import Any

from validation.commands.arguments import (
    add_json,
    add_symbols,
    known_slug,
    new_parser,
    read_symbols,
)
from validation.commands.output import aligned_table, print_json

_EPILOG = r"""examples:
  sgd-theory show white-weight-variance
  sgd-theory show reshuffled-weight-variance --latex --symbols 'learning_rate=\gamma,curvature=h'
  sgd-theory show flat-weight-variance --python > flat.py
  sgd-theory show reshuffled-weight-variance-iterated-sums --c > variance.c

JSON keys:
  slug, title, source  strings
  expression           the formula in SymPy's syntax, in the parameters alone;
                       LucasSequence(k, n, e1, ..., ed) is defined in theory/sequences.py
  compact, where       the same formula through named quantities, {name: expression} in order
  latex                with the letters of --symbols
  valid_if             the exact condition as a Python expression, domains included
  unit                 e.g. "parameter**2", "loss**2/parameter**2", "1"
  parameters           list of names; letters: their LaTeX, {name: letter}
  published, difference  the published form (or null) and what differs from it
  code                 only with --python, --c, --wolfram or --maxima: the source
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "show", "one formula: closed form, condition, unit, source",
        description="Show one formula of the catalogue.", epilog=_EPILOG,
    )
    parser.add_argument("slug", metavar="SLUG", help="a name from 'sgd-theory list'")
    form = parser.add_mutually_exclusive_group()
    for language, what in (
        ("latex", "LaTeX alone"), ("python", "a self-contained Python function"),
        ("c", "a self-contained C99 function; long double with -DREAL='long double'"),
        ("wolfram", "Wolfram Language definitions"), ("maxima", "Maxima definitions"),
    ):
        form.add_argument(
            f"--{language}", dest="form", action="store_const", const=language, help=what
        )
    add_symbols(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from theory import formula_by_slug
    from theory.export import formula_record, to_c, to_maxima, to_python, to_wolfram

    letters = read_symbols(arguments.symbols)
    formula = formula_by_slug(known_slug(arguments.slug))
    printers = {
        "python": to_python, "c": to_c, "wolfram": to_wolfram, "maxima": to_maxima,
    }
    code = printers[arguments.form](formula) if arguments.form in printers else None
    if arguments.json:
        print_json(formula_record(formula, letters) | ({} if code is None else {"code": code}))
    elif code is not None:
        print(code, end="")
    elif arguments.form == "latex":
        print(formula.latex(letters))
    else:
        print(_page(formula_record(formula, letters)))


def _page(record: dict[str, Any]) -> str:
    """The record for a reader."""
    from theory.symbols import PARAMETERS

    lines = [record["slug"], record["title"], ""]
    lines += [f"  {record['compact']}"]
    if record["where"]:
        lines += ["", "where"] + [f"  {name} = {value}" for name, value in record["where"].items()]
    facts = [("valid if", record["valid_if"]), ("unit", record["unit"]), ("source", record["source"])]
    if record["published"] is not None:
        facts.append(("published as", record["published"]))
    if record["difference"]:
        facts.append(("difference", record["difference"]))
    lines += ["", *(f"{name}: {value}" for name, value in facts), ""]
    rows = [
        (name, record["letters"][name], PARAMETERS[name].meaning if name in PARAMETERS else "")
        for name in record["parameters"]
    ]
    return "\n".join([*lines, aligned_table(("PARAMETER", "LETTER", "MEANING"), rows, right=False)])

"""``sgd-theory eval``: one number, or a sweep as CSV."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from theory.errors import TheoryError
from validation.commands.arguments import (
    add_json,
    known_slug,
    new_parser,
    read_assignments,
    read_numbers,
)
from validation.commands.output import csv_text, print_json
from validation.files import write_text

if TYPE_CHECKING:
    from theory.formula import Formula

_DESCRIPTION = """\
Evaluate a formula. Numbers are read exactly: 0.1, 1e-3 or 1/10. The result is correctly rounded
to --digits significant digits (17 unless given), wherever the formula holds.

name=a:b:n sweeps a parameter from a to b in n points, name=a:b:n:log in equal ratios; several
sweeps make a grid, the last one varying fastest. Points are rounded to the nearest double and
printed in full, so that each row can be given to eval again. Whole-number parameters take the
nearest whole numbers, each once. Sweeps are written as CSV: one column per parameter, and 'value'.

A formula over a population takes one number per sample: name=1,-1/2,0.3 or name=@FILE, a text file of
numbers between commas, spaces or line ends.
"""

_EPILOG = """\
examples:
  sgd-theory eval white-weight-variance learning_rate=0.1 momentum=0.9 curvature=1 noise_variance=1
  sgd-theory eval reshuffled-weight-variance learning_rate=1/10 curvature=3/10 momentum=9/10 \\
      steps_per_epoch=7 noise_variance=1 --digits 30
  sgd-theory eval reshuffled-weight-variance learning_rate=0.1 momentum=0.9 steps_per_epoch=100 \\
      noise_variance=1 curvature=1e-9:10:50:log --output variance.csv
  sgd-theory eval one-dimensional-epoch-mean learning_rate=0.1 displacement=1 \\
      sample_curvature=1,1/2,-0.3 sample_gradient=0.2,-1,0.8

JSON keys:
  slug, digits       as asked
  value              decimal string
  parameters         {name: value as given}
  of a sweep: slug, digits, parameters (the fixed ones), swept (names), and rows, a list of
  {parameters, value}
"""

_DEFAULT_DIGITS = 17
_MOST_POINTS = 1_000_000


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "eval", "an accurate number, or a sweep as CSV", description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("slug", metavar="SLUG", help="a name from 'sgd-theory list'")
    parser.add_argument("values", metavar="name=value", nargs="*", help="every parameter of the formula")
    parser.add_argument(
        "--digits", metavar="D", default=str(_DEFAULT_DIGITS),
        help=f"significant digits, 1 to 100000 (default {_DEFAULT_DIGITS})",
    )
    parser.add_argument("--output", metavar="FILE", help="write the CSV of a sweep there")
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from theory import formula_by_slug
    from theory.evaluate.inputs import check_names

    formula = formula_by_slug(known_slug(arguments.slug))
    values = read_assignments(arguments.values)
    check_names(formula, values)
    digits = _whole("digits", arguments.digits)
    own = [s.name for s in formula.per_sample]
    lists = {name: read_numbers(name, values[name]) for name in own}
    swept = [name for name, text in values.items() if ":" in text and name not in own]
    head = {"slug": formula.slug, "digits": digits}
    if not swept:
        if arguments.output:
            raise TheoryError("--output writes sweeps, but no parameter is one; write name=a:b:n")
        value = formula.evaluate(digits=digits, **{**values, **lists})
        if arguments.json:
            print_json({**head, "value": value, "parameters": values})
        else:
            print(value)
        return
    rows = _sweep(formula, values, swept, digits, lists)
    names = [s.name for s in formula.parameters]
    if arguments.json:
        print_json({
            **head, "parameters": {n: v for n, v in values.items() if n not in swept},
            "swept": swept,
            "rows": [{"parameters": point, "value": value} for point, value in rows],
        })
        return
    text = csv_text([*names, "value"], [[*(p[n] for n in names), v] for p, v in rows])
    if arguments.output:
        write_text(arguments.output, text)
    else:
        print(text, end="")


def _sweep(
    formula: Formula, values: Mapping[str, str], swept: list[str], digits: int,
    lists: Mapping[str, list[str]],
) -> list[tuple[dict[str, str], str]]:
    """All rows, computed before anything is written."""
    from itertools import product
    from math import prod

    symbols = {s.name: s for s in formula.parameters}
    axes = [_points(name, values[name], whole=bool(symbols[name].is_integer)) for name in swept]
    count = prod(len(axis) for axis in axes)
    if count > _MOST_POINTS:
        raise TheoryError(f"the sweep has {count} points; at most {_MOST_POINTS}: use fewer")
    rows = []
    for choice in product(*axes):
        point = {**values, **dict(zip(swept, choice, strict=True))}
        rows.append((point, str(formula.evaluate(digits=digits, **{**point, **lists}))))
    return rows


def _points(name: str, text: str, *, whole: bool) -> list[str]:
    """The points of ``a:b:n`` or ``a:b:n:log`` as decimal texts."""
    import math

    from theory.numbers import exact_number

    parts = text.split(":")
    if len(parts) not in (3, 4) or (len(parts) == 4 and parts[3] != "log"):
        raise TheoryError(f"{name} = {text!r} is no sweep: write a:b:n or a:b:n:log")
    first, last = (exact_number(name, part) for part in parts[:2])
    count = _whole(f"number of points of {name}", parts[2])
    if not 2 <= count <= _MOST_POINTS:
        raise TheoryError(f"{name}: a sweep has 2 to {_MOST_POINTS} points; got {count}")
    steps = range(count)
    if len(parts) == 3:
        exact = [first + (last - first) * k / (count - 1) for k in steps]
    else:
        if not (first > 0 and last > 0):
            raise TheoryError(f"{name}: a log sweep needs ends above 0; got {parts[0]} and {parts[1]}")
        from fractions import Fraction

        logs = [math.log(v.numerator) - math.log(v.denominator) for v in (first, last)]
        inner = [
            math.exp(logs[0] + (logs[1] - logs[0]) * k / (count - 1)) for k in steps[1:-1]
        ]
        exact = [first, *(Fraction(v) for v in inner), last]
    if whole:
        return list(dict.fromkeys(str(round(v)) for v in exact))
    return [parts[0], *(repr(float(v)) for v in exact[1:-1]), parts[1]]


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise TheoryError(f"{name} must be a whole number; got {text!r}") from None

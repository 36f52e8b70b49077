"""``sgd-theory convert``: the same trajectory in another momentum convention."""

from __future__ import annotations

import argparse
from typing import Any

from validation.commands.arguments import add_json, new_parser, read_assignments
from validation.commands.output import print_json

_DESCRIPTION = """\
Convert hyperparameters from one momentum convention to another that gives the same weights from the
same gradients. Without values, the conversion is printed in symbols.
"""

_EPILOG = """\
examples:
  sgd-theory convert ema-momentum heavy-ball learning_rate=1 momentum=9/10
  sgd-theory convert quasi-hyperbolic pytorch-sgd-nesterov
rules: sgd, heavy-ball, nesterov, pytorch-sgd, pytorch-sgd-nesterov, ema-momentum, quasi-hyperbolic,
averaged:<rule>

JSON keys:
  from, to           rules
  given              {name: value as given}
  hyperparameters    {name: value}: an exact number such as "9/10", or an expression
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "convert", "hyperparameters in another momentum convention",
        description=_DESCRIPTION, epilog=_EPILOG,
    )
    parser.add_argument("source", metavar="FROM", help="the rule the hyperparameters are for")
    parser.add_argument("target", metavar="TO", help="the rule to convert to")
    parser.add_argument("values", metavar="name=value", nargs="*", help="hyperparameters, read exactly")
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from theory.numbers import exact_number
    from theory.optimizers import rule_by_name
    from theory.optimizers.convert import convert

    texts = read_assignments(arguments.values)
    values = {name: exact_number(name, text) for name, text in texts.items()}
    source, target = rule_by_name(arguments.source), rule_by_name(arguments.target)
    found = {
        str(name): str(value) for name, value in convert(source, target, values or None).items()
    }
    if arguments.json:
        print_json({
            "from": source.name, "to": target.name, "given": texts, "hyperparameters": found,
        })
    else:
        for name, value in found.items():
            print(f"{name} = {value}")

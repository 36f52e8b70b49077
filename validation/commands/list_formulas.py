"""``sgd-theory list``."""

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

_EPILOG = """\
examples:
  sgd-theory list
  sgd-theory list flat
  sgd-theory list --json | jq -r '.[].slug'

JSON: a list of records with the keys of 'sgd-theory show --json'. All formulas are derived for it,
which takes a few seconds.
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "list", "the catalogue: one line per formula",
        description="List the formulas of the catalogue.", epilog=_EPILOG,
    )
    parser.add_argument("word", nargs="?", default="", help="only slugs that contain this word")
    add_symbols(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from theory import CATALOGUE

    letters = read_symbols(arguments.symbols)
    chosen = [entry for entry in CATALOGUE if arguments.word in entry.slug]
    if not chosen:
        known_slug(arguments.word)
    if arguments.json:
        from theory.export import formula_record

        print_json([formula_record(entry.formula, letters) for entry in chosen])
        return
    rows = [
        (entry.slug, entry.rule.name, entry.scheme.name,
         entry.quantity if entry.exact else f"{entry.quantity} (limit or scale)")
        for entry in chosen
    ]
    print(aligned_table(("SLUG", "RULE", "SAMPLING", "QUANTITY"), rows, right=False))

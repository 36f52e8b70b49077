"""``sgd-theory report``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from theory.errors import TheoryError
from validation.commands.arguments import add_json, new_parser
from validation.commands.output import print_json

_EPILOG = """\
examples:
  sgd-theory report
  sgd-theory report --output build/report --data mine.csv --target price

JSON keys:
  output             the folder, which then holds index.html, formulas.tex and results.json
  files              names of the files in it
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "report", "derive, check, predict, simulate: one self-contained page",
        description="Run everything and write index.html, formulas.tex and results.json.",
        epilog=_EPILOG,
    )
    parser.add_argument("--output", metavar="DIR", default="build/report", help="default build/report")
    parser.add_argument("--data", help="also report on this CSV or NPZ file, or bundled set")
    parser.add_argument("--target", metavar="COLUMN", help="column of --data to predict")
    parser.add_argument("--no-intercept", action="store_true", help="no column of ones in --data")
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    from validation.report import write_report

    if arguments.target is not None and arguments.data is None:
        raise TheoryError("--target names a column of --data, which is missing; give both")
    output = Path(arguments.output)
    if output.exists() and not output.is_dir():
        raise TheoryError(f"cannot write {str(output)!r}: it is a file; name a folder")
    write_report(
        output, data=arguments.data, target=arguments.target, intercept=not arguments.no_intercept
    )
    if arguments.json:
        print_json({"output": str(output), "files": sorted(p.name for p in output.iterdir())})
    else:
        print(f"wrote {output / 'index.html'}")

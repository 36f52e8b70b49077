"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import difflib
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from theory.errors import TheoryError, UnknownNameError, require_known
from theory.numbers import exact_number
from theory.symbols import PARAMETERS

__all__ = [
    "add_json", "add_symbols", "double", "known_slug", "new_parser", "read_assignments",
    "read_numbers", "read_symbols",
]


def new_parser(
    subparsers: Any, name: str, summary: str, *, description: str = "", epilog: str = ""
) -> argparse.ArgumentParser:
    """A subcommand whose description and examples keep their line breaks."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=description or summary, epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON instead (keys below)")


def add_symbols(parser: argparse.ArgumentParser) -> None:
    """``--symbols``."""
    parser.add_argument(
        "--symbols", metavar="NAME=LETTER,...", default="",
        help=r"letters for the LaTeX, e.g. 'learning_rate=\gamma,curvature=h'",
    )


def read_symbols(text: str) -> dict[str, str]:
    r"""Read ``learning_rate=\gamma,curvature=h``; a letter may hold commas in its subscripts.

    Raises
    ------
    TheoryError, UnknownNameError
        If an item has no letter, or the parameter does not exist.
    """
    found: dict[str, str] = {}
    for item in re.split(r",(?=\s*\w+\s*=)", text) if text.strip() else ():
        name, sign, letter = (part.strip() for part in item.partition("="))
        if not sign or not letter:
            raise TheoryError(
                f"--symbols: {item!r} is no NAME=LETTER pair; write "
                r"'learning_rate=\gamma,curvature=h'"
            )
        require_known(name, PARAMETERS, "parameter")
        found[name] = letter
    return found


def read_assignments(items: list[str]) -> dict[str, str]:
    """Read ``name=value`` arguments, each name once.

    Raises
    ------
    TheoryError
        If there is no ``=`` or a name comes twice.
    """
    found: dict[str, str] = {}
    for item in items:
        name, sign, value = (part.strip() for part in item.partition("="))
        if not sign or not name or not value:
            raise TheoryError(f"{item!r} is no name=value pair; write for example momentum=9/10")
        if name in found:
            raise TheoryError(f"{name} is given twice: {found[name]} and {value}; keep one")
        found[name] = value
    return found


def read_numbers(name: str, text: str) -> list[str]:
    """Read ``1,2,1/3``, or the numbers of a file, ``@FILE``, between commas or white space.

    Raises
    ------
    TheoryError
        If the file cannot be read, or a number is missing between two commas.
    """
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TheoryError(f"{name}: cannot read {text[1:]!r} ({error}); write {name}=@FILE") from None
    found = [part.strip() for part in re.split(r"\s*,\s*|\s+", text.strip())]
    if not all(found):
        raise TheoryError(f"{name} = {text!r} misses a number: write them like 1,-1/2,0.3")
    return found


def double(name: str, text: str) -> float:
    """Read one number exactly, then round it to a double.

    Raises
    ------
    TheoryError
        If it is no number, or no double holds it.
    """
    exact: Fraction = exact_number(name, text)
    try:
        value = float(exact)
    except OverflowError:
        value = float("inf")
    if exact and not 0 < abs(value) < float("inf"):
        raise TheoryError(f"{name} = {text} is outside the range of doubles, 1e-308 to 1e308")
    return value


def known_slug(slug: str) -> str:
    """Return a slug of the catalogue.

    Raises
    ------
    UnknownNameError
        If there is no such formula; the message offers the nearest.
    """
    from theory import CATALOGUE

    names = [entry.slug for entry in CATALOGUE]
    if slug not in names:
        near = difflib.get_close_matches(slug, names, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise UnknownNameError(
            f"unknown formula {slug!r}: {hint}'sgd-theory list' shows all {len(names)}"
        )
    return slug

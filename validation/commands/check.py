"""``sgd-theory check``: is this formula right, where, and if not, what is wrong with it?"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theory.errors import TheoryError
from validation.commands.arguments import add_json, double, known_slug, new_parser
from validation.commands.output import print_json

if TYPE_CHECKING:
    from derivations.checking.claim_file import BrokenClaim, ClaimEntry
    from derivations.checking.report import ClaimReport

_DESCRIPTION = """\
Check a formula from a paper against a proved one: the catalogue's (--as SLUG), or that of any rule,
scheme and quantity. CLAIM is a formula or an equation, as text such as 'eta*c/(2*lambda)', with
--latex as LaTeX, or '-' for standard input. --file FILE checks the claims of a file.

The verdict is the first that holds of
  unreadable             the message points at the character
  outside                right where it holds, but claimed where the quantity does not exist
  equivalent             proved identical
  equivalent-under       proved identical after a renaming, or in another convention
  wrong-by-factor        the factor, and what it usually means
  missing-or-extra-term  the term
  equivalent-in-limit    right for eta -> 0, M -> oo or N -> oo only: to which order, and where it is
                         good to 1 % and 10 %; comes before the two above if the claim declares the
                         limit or the ratio tends to 1
  different              with a point where the two differ
  undecided              what was tried
The diagnosis lists everything that holds. Nothing is called equivalent without a proof.
"""

_EPILOG = r"""examples:
  sgd-theory check 'eta*c/(2*lambda)' --as white-weight-variance --limit 'learning_rate -> 0'
  sgd-theory check '\frac{M \eta^2 c}{6 (1-\beta)^2}' --latex --as flat-weight-variance
  sgd-theory check 'gamma*s/(h*(2 - gamma*h))' --notation 'gamma=learning_rate, s=noise_variance' \
      --rule sgd --sampling fresh-batches --quantity weight-variance --where 'gamma*h < 2'
  sgd-theory check --file claims.txt --as reshuffled-weight-variance --json

A claim file is plain text; only 'claim' must be there, and 'against' unless --as is given:
  # comment
  source: mandt2017, one direction
  notation:
      gamma = learning_rate
      sigma2 = batch_size*noise_variance
  claim: gamma*sigma2/(2*S*lambda)
  against: white-weight-variance          (or: heavy-ball / reshuffled / weight-variance)
  where: 0 <= beta < 1                    (the region it is claimed on)
  limit: learning_rate -> 0               (a limit that it declares itself)
  format: latex                           (if it is LaTeX)
  expect: equivalent-in-limit             (the verdict you expect)
A line --- separates claims; a first block without 'claim' gives what the others share; a value goes
on in indented lines. Options on the command line stand in where the file says nothing.

JSON keys:
  claim, against     as given
  verdict            see above
  summary            the verdict in one sentence
  diagnosis          list of {verdict, summary, evidence, data}: all that holds, the verdict's own first
  evidence           how the verdict was established
  witness            null, or a point at small rational values with the claim's value, the formula's
                     value and the exact value of an independent solver, as strings
  seconds            how long it took
  of a file: {"claims": [...], "broken": [...]}; each claim has these keys and source, note, expect,
  line; each broken one line, column and message

exit codes: 0 checked, whatever the verdict; 2 unreadable, or bad input (the other claims of a file
are checked and printed all the same); 130 interrupted
"""

_LARGEST_INPUT = 2_000_000
_CLAIM_FILE = re.compile(r"^claim[ \t]*:", re.MULTILINE | re.IGNORECASE)
_PAIR = {"--rule": "rule", "--sampling": "sampling", "--quantity": "quantity"}


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "check", "is this formula right, where, and what is wrong with it",
        description=_DESCRIPTION, epilog=_EPILOG,
    )
    parser.add_argument("claim", metavar="CLAIM", nargs="?", help="a formula or equation; '-' for stdin")
    parser.add_argument("--file", metavar="FILE", help="a file of claims, or with one formula; '-' for stdin")
    parser.add_argument("--as", dest="slug", metavar="SLUG", help="a name from 'sgd-theory list'")
    parser.add_argument("--rule", help="update rule, for pairs outside the catalogue")
    parser.add_argument("--sampling", metavar="SCHEME", help="sampling scheme")
    parser.add_argument("--quantity", metavar="Q", help="e.g. weight-variance, noise-spectrum")
    parser.add_argument("--latex", action="store_true", help="the claim is LaTeX")
    parser.add_argument("--where", metavar="REGION", default="", help="the region it is claimed on")
    parser.add_argument("--limit", default="", help="a limit it declares, e.g. 'learning_rate -> 0'")
    parser.add_argument(
        "--notation", metavar="NAME=MEANING,...", default="",
        help="its own names, e.g. 'gamma=learning_rate, sigma2=batch_size*noise_variance'",
    )
    parser.add_argument(
        "--seconds", default="30", help="time for one claim, then 'undecided' (default 30)"
    )
    add_json(parser)
    plain = parser.parse_known_args
    # a claim may begin with a minus sign, which argparse would take for an option
    setattr(parser, "parse_known_args", partial(_parse, parser, plain))  # noqa: B010
    return parser


def _parse(parser: argparse.ArgumentParser, plain: Any, args: Sequence[str], *rest: Any) -> Any:
    """Parse with formulas that begin with ``-`` shielded from argparse."""
    takes_value = {
        text for action in parser._actions if action.nargs is None for text in action.option_strings
    }
    shielded: list[str] = []
    claims: list[str] = []
    words = iter(args)
    for word in words:
        if word in takes_value and (value := next(words, None)) is not None:
            shielded.append(f"{word}={value}")
        elif word.startswith("-") and not word.startswith("--") and word not in ("-", "-h"):
            claims.append(word)
        else:
            shielded.append(word)
    return plain([*shielded, *(["--", *claims] if claims else [])], *rest)


def run(arguments: argparse.Namespace) -> None:
    from derivations.checking.claim_file import BrokenClaim

    text, origin = _text(arguments)
    as_file = bool(_CLAIM_FILE.search(text)) and origin != ""
    against = _against(arguments, needed=not as_file)
    seconds = _seconds(arguments)
    if not as_file:
        report = _checked(_single(arguments, text), against, seconds)
        if arguments.json:
            print_json(report.to_json())
        if report.verdict == "unreadable":
            raise TheoryError(report.summary)
        if not arguments.json:
            _print_page(report)
        return
    broken: list[BrokenClaim] = []
    records: list[dict[str, Any]] = []
    problems: list[str] = []
    for entry in _entries(arguments, text):
        if isinstance(entry, BrokenClaim):
            broken.append(entry)
            problems.append(f"{origin}, {entry}")
            continue
        try:
            report = _checked(entry, against, seconds)
        except TheoryError as error:
            line, column = entry.place()
            broken.append(BrokenClaim(line=line, column=column, message=str(error)))
            problems.append(f"{origin}, {broken[-1]}")
            continue
        if report.verdict == "unreadable":
            problems.append(f"{origin}, {_unreadable_at(entry, report)}")
        if arguments.json:
            records.append(_record(entry, report))
        else:
            _print_page(report, entry)
    if arguments.json:
        print_json({
            "claims": records,
            "broken": [{"line": b.line, "column": b.column, "message": b.message} for b in broken],
        })
    if problems:
        raise TheoryError("\n".join(problems))


def _text(arguments: argparse.Namespace) -> tuple[str, str]:
    """The text of the claim or claims, and where it is from; "" for the command line."""
    if (arguments.claim is None) == (arguments.file is None):
        raise TheoryError("give a CLAIM (in quotes) or --file FILE, one of the two")
    if arguments.claim not in (None, "-"):
        return arguments.claim, ""
    if arguments.claim == "-" or arguments.file == "-":
        return _decoded(sys.stdin.buffer.read(_LARGEST_INPUT + 1), "standard input"), "standard input"
    with Path(arguments.file).open("rb") as stream:
        return _decoded(stream.read(_LARGEST_INPUT + 1), repr(arguments.file)), str(arguments.file)


def _decoded(raw: bytes, origin: str) -> str:
    if len(raw) > _LARGEST_INPUT:
        raise TheoryError(f"{origin} is longer than {_LARGEST_INPUT} bytes; a claim is a formula")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TheoryError(f"{origin}, line {line}: byte {error.start} is no UTF-8 text") from None


def _against(arguments: argparse.Namespace, *, needed: bool) -> str:
    """A slug or ``rule / scheme / quantity``; "" if nothing is named and nothing is needed."""
    given = [flag for flag, name in _PAIR.items() if getattr(arguments, name) is not None]
    if arguments.slug is not None:
        if given:
            raise TheoryError(f"give --as SLUG or {', '.join(_PAIR)}; got --as and {given[0]}")
        return known_slug(arguments.slug)
    missing = [flag for flag in _PAIR if flag not in given]
    if missing and (given or needed):
        raise TheoryError(f"give --as SLUG, or all of {', '.join(_PAIR)}; missing: {', '.join(missing)}")
    return " / ".join(getattr(arguments, name) for name in _PAIR.values()) if not missing else ""


def _seconds(arguments: argparse.Namespace) -> float:
    from derivations.checking.check import require_seconds

    return require_seconds(double("seconds", arguments.seconds))


def _single(arguments: argparse.Namespace, text: str) -> ClaimEntry:
    from derivations.checking.claim_file import ClaimEntry, read_notation

    return ClaimEntry(
        claim=text.strip("\n"), notation=read_notation(arguments.notation), where=arguments.where,
        limit=arguments.limit, latex=arguments.latex,
    )


def _entries(arguments: argparse.Namespace, text: str) -> tuple[ClaimEntry | BrokenClaim, ...]:
    """The claims of a file, with the command line's options where it says nothing."""
    from dataclasses import replace

    from derivations.checking.claim_file import BrokenClaim, parse_claims

    own = _single(arguments, "")
    return tuple(
        entry if isinstance(entry, BrokenClaim) else replace(
            entry, notation={**own.notation, **entry.notation}, where=entry.where or own.where,
            limit=entry.limit or own.limit, latex=entry.latex or own.latex,
        )
        for entry in parse_claims(text)
    )


def _checked(entry: ClaimEntry, against: str, seconds: float) -> ClaimReport:
    from derivations.checking.check_entry import check_entry

    return check_entry(entry, against=against, seconds=seconds)


def _unreadable_at(entry: ClaimEntry, report: ClaimReport) -> str:
    """The place in the file, and the message with its caret."""
    data = report.diagnosis[0].data
    line, column = entry.place(int(data.get("line", 1)), int(data.get("column", 1)))
    message = re.sub(r"^line \d+, column \d+: ", "", report.summary)
    return f"line {line}, column {column}: the claim is unreadable: {message}"


def _record(entry: ClaimEntry, report: ClaimReport) -> dict[str, Any]:
    return report.to_json() | {
        "source": entry.source, "note": entry.note, "expect": entry.expect or None,
        "line": entry.place()[0],
    }


def _print_page(report: ClaimReport, entry: ClaimEntry | None = None) -> None:
    from validation.commands.claim_page import claim_page

    print(claim_page(report, entry))
    sys.stdout.flush()

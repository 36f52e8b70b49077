"""``sgd-theory verify``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from theory.errors import TheoryError
from validation.commands.arguments import add_json, known_slug, new_parser
from validation.commands.output import aligned_table, print_json, short

if TYPE_CHECKING:
    from validation.evidence import RungResult

_DESCRIPTION = """\
Climb the ladder of evidence, formula by formula; everything is computed afresh:
  proved     every step of the derivation, by two polynomial engines
  exact      equal rational numbers from the epoch-lifted solver, and no law outside the condition
  enclosed   rigorous balls of formula and solver overlap, at irrational and extreme points
  solved     floating-point solvers with no numerical method in common agree
  simulated  real index sequences agree, at a stated false-alarm rate and resolution
  dimension  homogeneous in both base units
A check that tested no point is 'vacuous' and counts as failed.
"""

_EPILOG = """\
examples:
  sgd-theory verify
  sgd-theory verify flat-weight-variance --json
  sgd-theory verify --rungs proved,exact,dimension
  sgd-theory verify --mutate

JSON keys:
  results   list of {slug, rungs}; rungs is {name: {verdict, reason, figures}} with verdict one of
            pass, fail, vacuous, not-applicable; figures are numbers and words by name
  summary   {rung: {verdict: count}}
  passed    true if nothing failed and nothing was vacuous
  with --mutate: mutants, equivalent, survivors and the scores by rung; see 'mutation' there

exit codes: 0 nothing failed, 1 something failed or was vacuous (or a mutant survived the rungs that
were climbed), 2 bad input, 130 interrupted
"""

_MARKS = {"pass": "pass", "fail": "FAIL", "vacuous": "VACUOUS", "not-applicable": "n.a."}


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser = new_parser(
        subparsers, "verify", "the evidence behind formulas, computed afresh",
        description=_DESCRIPTION, epilog=_EPILOG,
    )
    parser.add_argument("slugs", metavar="SLUG", nargs="*", help="formulas; all of the catalogue by default")
    parser.add_argument("--rungs", metavar="LIST", default=None, help="only these, separated by commas")
    parser.add_argument(
        "--mutate", action="store_true",
        help="alter the formulas on purpose and report which share of the errors each rung notices",
    )
    parser.add_argument(
        "--places", metavar="N", default="3",
        help="with --mutate: places of a formula that each operator alters; 'all' takes hours (default: 3)",
    )
    parser.add_argument("--processes", metavar="N", type=int, default=2, help="default: 2")
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    slugs = [known_slug(slug) for slug in arguments.slugs] or None
    rungs = [part.strip() for part in (arguments.rungs or "").split(",") if part.strip()]
    if arguments.rungs is not None and not rungs:
        raise TheoryError(f"--rungs {arguments.rungs!r} names no rung; write for example proved,exact")
    return _mutate(arguments, slugs, rungs) if arguments.mutate else _verify(arguments, slugs, rungs)


def _verify(arguments: argparse.Namespace, slugs: list[str] | None, rungs: list[str]) -> int:
    from validation.evidence import RUNGS, verify

    with _progress(_count(slugs)) as progress:
        results = verify(slugs, rungs or RUNGS, progress=progress, processes=arguments.processes)
    good = all(result.good for result in results)
    if arguments.json:
        print_json({"results": _by_slug(results), "summary": _summary(results), "passed": good})
    else:
        print(_page(results))
    return 0 if good else 1


def _mutate(arguments: argparse.Namespace, slugs: list[str] | None, rungs: list[str]) -> int:
    from validation.mutation import mutate

    options: dict[str, Any] = {"rungs": tuple(rungs)} if rungs else {}
    options["places"] = _places(arguments.places)
    with _progress(_count(slugs)) as progress:
        report = mutate(slugs, progress=progress, processes=arguments.processes, **options)
    if arguments.json:
        print_json(report.to_json())
    else:
        print(report)
    return 0 if report.good else 1


def _places(text: str) -> int | None:
    """How many places per operator; None for all."""
    if text.strip() == "all":
        return None
    if not text.strip().isdecimal() or not int(text):
        raise TheoryError(f"--places {text!r} is no whole number >= 1; write a number, or 'all'")
    return int(text)


def _count(slugs: list[str] | None) -> int:
    from theory import CATALOGUE

    return len(CATALOGUE) if slugs is None else len(set(slugs))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda slug: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="formula", leave=False) as bar:
        def advance(slug: str) -> None:
            bar.set_postfix_str(slug, refresh=False)
            bar.update()

        yield advance


def _by_slug(results: Sequence[RungResult]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for result in results:
        rows.setdefault(result.slug, {})[result.rung] = result.record()
    return [{"slug": slug, "rungs": rungs} for slug, rungs in rows.items()]


def _summary(results: Sequence[RungResult]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for result in results:
        own = counts.setdefault(result.rung, {})
        own[result.verdict] = own.get(result.verdict, 0) + 1
    return counts


def _page(results: Sequence[RungResult]) -> str:
    """The table, what failed, why some rungs do not apply, and the sums."""
    counts = _summary(results)
    rows = [
        (row["slug"], *(_cell(row["rungs"][name]) for name in counts)) for row in _by_slug(results)
    ]
    lines = [aligned_table(("FORMULA", *(name.upper() for name in counts)), rows, right=False), ""]
    lines += [
        f"{_MARKS[r.verdict]}: {r.slug}, {r.rung}: {r.reason}" for r in results if not r.good
    ]
    reasons: dict[tuple[str, str], list[str]] = {}
    for r in results:
        if r.verdict == "not-applicable":
            reasons.setdefault((r.rung, r.reason), []).append(r.slug)
    lines += [f"n.a.: {rung}: {why} ({', '.join(who)})" for (rung, why), who in reasons.items()]
    lines += [
        f"{rung}: " + ", ".join(f"{count} {_MARKS[verdict]}" for verdict, count in own.items())
        for rung, own in counts.items()
    ]
    return "\n".join(lines)


#: the figure of each rung that says most, and how it is written
_FIGURES: tuple[tuple[str, str], ...] = (
    ("steps", "{} steps"), ("false_identity_survives", "p <= {}"), ("covered", "only {}"),
    ("largest_relative_radius", "radius {}"),
    ("deviation_in_tolerances", "{} of limit"), ("resolution", "within {}"),
)


def _cell(record: dict[str, Any]) -> str:
    mark, figures = _MARKS[record["verdict"]], record["figures"]
    if record["verdict"] != "pass":
        return mark
    for name, form in _FIGURES:
        if name in figures:
            value = figures[name]
            return f"{mark} ({form.format(short(value) if isinstance(value, float) else value)})"
    return mark

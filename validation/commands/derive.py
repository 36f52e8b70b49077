"""``sgd-theory derive``."""

from __future__ import annotations

import argparse
from typing import Any

from theory.errors import TheoryError, require_known
from validation.commands.arguments import (
    add_json,
    add_symbols,
    known_slug,
    new_parser,
    read_symbols,
)
from validation.commands.output import print_json, write_whole

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
    add_symbols(parser)
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    letters = read_symbols(arguments.symbols)
    derivation = _derivation(arguments)
    if arguments.notebook:
        from derivations import to_notebook

        notebook = to_notebook(derivation, letters)
        write_whole(arguments.notebook, lambda path: _write_notebook(path, notebook))
        if not arguments.json:
            print(f"wrote {arguments.notebook}")
    if arguments.json:
        print_json(_record(derivation, letters))
    elif arguments.latex:
        from derivations import to_latex

        print(to_latex(derivation, letters))
    elif not arguments.notebook:
        from derivations import to_markdown

        print(to_markdown(derivation, letters))
        if not arguments.markdown:
            print(_verdicts(derivation))


def _derivation(arguments: argparse.Namespace) -> Any:
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


def _write_notebook(path: Any, notebook: Any) -> None:
    """A notebook may be text, a mapping, or an nbformat node (which is a mapping)."""
    import json

    text = notebook if isinstance(notebook, str) else json.dumps(notebook, indent=1)
    path.write_text(text, encoding="utf-8")


def _record(derivation: Any, letters: dict[str, str]) -> dict[str, Any]:
    from theory.export import formula_record

    verdicts = derivation.check()
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


def _verdicts(derivation: Any) -> str:
    verdicts = derivation.check()
    lines = [f"step {i}: {verdict}" for i, verdict in enumerate(verdicts, start=1)]
    proved = sum(v.proved for v in verdicts)
    return "\n".join([*lines, f"{proved} of {len(verdicts)} steps PROVED"])

"""One self-contained HTML page: formulas as MathML, figures as SVG, no script."""

from __future__ import annotations

import html
from collections.abc import Sequence

import sympy as sp

from theory.errors import MissingPackageError
from theory.formula import Formula
from theory.symbols import PARAMETERS
from theory.typeset import condition_latex, expression_latex, formula_lines
from theory.units import unit_text

__all__ = ["formula_section", "math", "page", "symbol_section"]

_STYLE = """
body{font:16px/1.5 Georgia,serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
h1,h2,h3,table,nav,.tag{font-family:system-ui,sans-serif}
h2{border-bottom:1px solid #ccc;margin-top:2.5rem}
table{border-collapse:collapse;font-size:.82rem;margin:1rem 0}
th,td{padding:.2rem .55rem;text-align:right;border-bottom:1px solid #e4e4e4}
th:first-child,td:first-child{text-align:left}
.pass{color:#1a7f37}.fail{color:#c01c28;font-weight:bold}.na{color:#8a8a8a}
.scroll{overflow-x:auto;padding:.3rem 0}
details{margin:.5rem 0 .5rem 1rem}summary{cursor:pointer}
.tag{font-size:.8rem;color:#555}
svg{max-width:100%;height:auto}math{font-size:1.02rem}
.verdict{font-family:system-ui,sans-serif;padding:.5rem .8rem;border-left:4px solid #1a7f37;
background:#f4f8f4}
.verdict.note{border-color:#b58900;background:#faf6ea}
.verdict.bad{border-color:#c01c28;background:#fbf3f3}
.words,table.legend td{text-align:left}
table.numbers td{white-space:nowrap}
table.ladder{font-size:.74rem}table.ladder td,table.ladder th{text-align:center;padding:.15rem .4rem}
table.ladder td.pass{background:#f1f8f3}table.ladder td.fail{background:#fbeeee}
table.ladder td:first-child,table.ladder th:first-child{text-align:left}
table.ladder small{color:#555;font-size:.66rem;display:block;min-width:7rem}
pre{background:#f6f6f6;padding:.5rem .8rem;overflow-x:auto;font-size:.82rem}
.claim{border-left:4px solid var(--v,#8a8a8a);padding:.1rem 0 .1rem 1rem;margin:1.6rem 0}
.claim h3{margin:.2rem 0;font-size:1.05rem}.claim p{margin:.35rem 0}.claim table{margin:.3rem 0 .3rem 1rem}
.badge{font:600 .76rem system-ui,sans-serif;color:#fff;background:var(--v,#6b6b6b);border-radius:.7rem;
padding:.1rem .6rem;white-space:nowrap}
.v-equivalent{--v:#1a7f37}.v-equivalent-under{--v:#11737a}.v-equivalent-in-limit{--v:#8a6d00}
.v-wrong-by-factor{--v:#b3541e}.v-missing-or-extra-term{--v:#a03b68}.v-outside{--v:#6a4fb3}
.v-different{--v:#c01c28}.v-unreadable,.v-undecided{--v:#6b6b6b}
"""


def math(latex: str, *, display: bool = False) -> str:
    """MathML of a LaTeX expression.

    Raises
    ------
    MissingPackageError
        Without latex2mathml.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise MissingPackageError(
            "the report needs latex2mathml: pip install 'sgd-theory[report]'"
        ) from error
    text: str = convert(latex, display="block" if display else "inline")
    return text


def page(title: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """The whole page from (anchor, heading, body) triples."""
    links = " · ".join(f'<a href="#{a}">{html.escape(h)}</a>' for a, h, _ in sections)
    body = "\n".join(
        f'<section id="{a}"><h2>{html.escape(h)}</h2>\n{text}\n</section>'
        for a, h, text in sections
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1><nav>{links}</nav>\n{body}\n</body></html>\n"
    )


def formula_section(formula: Formula) -> str:
    """Title, condition, unit, source and the formula itself, line by line."""
    lines = formula_lines(formula, named=True)
    main = "".join(f'<div class="scroll">{math(part, display=True)}</div>' for part in _rows(*lines[0]))
    where = "".join(
        f'<div class="scroll">{math(part, display=True)}</div>'
        for left, right in lines[1:]
        for part in _rows(left, right)
    )
    condition = condition_latex(formula.valid_if)
    facts = [f"unit {html.escape(_unit(formula.unit))}", f"source: {html.escape(formula.source)}"]
    parts = [
        f'<h3 id="{formula.slug}"><code>{formula.slug}</code></h3>',
        f"<p>{html.escape(formula.title)}.</p>", main,
    ]
    if where:
        count = len(lines) - 1
        parts.append(f"<details><summary>where ({count} line{'s' * (count > 1)})</summary>{where}</details>")
    shown = "always" if formula.valid_if is sp.true else f"if {math(condition)}"
    parts.append(f'<p class="tag">valid {shown}')
    parts.append(f" · {' · '.join(facts)}</p>")
    if formula.published is not None:
        parts.append(
            f'<p class="tag">published form: {math(expression_latex(formula.published))} — '
            f"difference: {html.escape(formula.difference)}</p>"
        )
    return "".join(parts)


def _rows(left: str, right: Sequence[str]) -> list[str]:
    """Lines of one equation; a bracket opened on one line may close on another, so fix sizes."""
    fixed = [part.replace(r"\Bigl[", "[").replace(r"\Bigr]", "]") for part in right]
    first = f"{left} = {fixed[0]}" if left else fixed[0]
    return [first, *(rf"\quad {part}" for part in fixed[1:])]


def _unit(unit: tuple[int, int]) -> str:
    """A unit as a reader writes it: parameter²/loss."""
    return unit_text(unit).replace("**2", "²")


def symbol_section() -> str:
    """The table of symbols."""
    rows = "".join(
        f"<tr><td>{math(p.letter)}</td><td style='text-align:left'><code>{p.name}</code></td>"
        f"<td style='text-align:left'>{html.escape(p.meaning)}</td>"
        f"<td>{html.escape(p.domain)}</td><td>{html.escape(_unit(p.unit))}</td></tr>"
        for p in PARAMETERS.values()
    )
    return f"<table><tr><th></th><th>name</th><th>meaning</th><th>domain</th><th>unit</th></tr>{rows}</table>"

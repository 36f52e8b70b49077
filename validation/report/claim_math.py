"""A claim of the gallery in its own letters, typeset."""

from __future__ import annotations

import html
from collections.abc import Mapping

import sympy as sp

from derivations.checking.check_entry import find_target
from derivations.checking.claim_file import ClaimEntry
from theory.errors import TheoryError
from theory.reading import DEFAULT_NOTATION, Notation, read_text
from theory.symbols import PARAMETERS
from theory.typeset import expression_latex, formula_lines
from validation.report.page import math

__all__ = ["claim_math", "data_latex"]


def claim_math(entry: ClaimEntry) -> str:
    """MathML of a claim, with its definitions and its notation; as written where it is unreadable.

    Raises
    ------
    MissingPackageError
        Without latex2mathml.
    """
    if entry.expect == "unreadable":
        shown = f"<pre>{html.escape(entry.claim)}</pre>"
    elif entry.latex:
        claim = " ".join(entry.claim.split())
        shown = _display(claim if "=" in claim.split("where")[0] else f"{_quantity(entry)}{claim}")
    else:
        try:
            shown = _typeset(entry)
        except TheoryError:
            shown = f"<pre>{html.escape(entry.claim)}</pre>"
    return shown + _meanings(entry.notation)


def data_latex(text: str) -> str:
    """LaTeX of an expression of a report's data, in the letters of the page; else the text itself."""
    try:
        return expression_latex(read_text(text).expression)
    except TheoryError:
        return rf"\text{{{text}}}"


def _display(latex: str) -> str:
    return f'<div class="scroll">{math(latex, display=True)}</div>'


def _typeset(entry: ClaimEntry) -> str:
    """The claim in its own letters: names of its notation stay what they are."""
    own = {name: sp.Symbol(name) for name in entry.notation}
    reading = read_text(entry.claim, Notation(names={**DEFAULT_NOTATION.names, **own}))
    left = f"{sp.latex(sp.Symbol(reading.left))} = " if reading.left.isidentifier() else _quantity(entry)
    if reading.equation is not None:
        left = f"{expression_latex(reading.equation[0])} = "
    lines = [left + expression_latex(reading.compact)]
    lines += [f"{sp.latex(name)} = {expression_latex(value)}" for name, value in reading.where]
    first, *rest = (_display(_as_by_hand(line)) for line in lines)
    if not rest:
        return first
    return f'{first}<details><summary>where ({len(rest)} definitions)</summary>{"".join(rest)}</details>'


def _quantity(entry: ClaimEntry) -> str:
    """What the claim is about, as the formula that it is held against writes it."""
    left = formula_lines(find_target(entry.against).formula, named=True)[0][0]
    return f"{left} = " if left else ""


def _as_by_hand(latex: str) -> str:
    """Names such as z_plus and sigma2 as papers print them."""
    return latex.replace("_{plus}", "_{+}").replace("_{minus}", "_{-}").replace(r"\sigma_{2}", r"\sigma^{2}")


def _meanings(notation: Mapping[str, str]) -> str:
    if not notation:
        return ""
    items = ", ".join(
        f"{math(_letter(name))} is {math(_meaning(meaning))}" for name, meaning in notation.items()
    )
    return f'<p class="tag">its letters: {items}</p>'


def _letter(name: str) -> str:
    return name if name.startswith("\\") else _as_by_hand(str(sp.latex(sp.Symbol(name))))


def _meaning(text: str) -> str:
    """A meaning such as batch_size*noise_variance in the letters of this page."""
    return PARAMETERS[text].letter if text in PARAMETERS else data_latex(text)

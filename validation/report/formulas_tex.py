"""The catalogue as a LaTeX document that needs amsmath alone."""

from __future__ import annotations

from collections.abc import Iterable

from theory.formula import Formula
from theory.typeset import condition_latex, expression_latex, formula_lines, formula_rows
from theory.units import unit_text

__all__ = ["catalogue_latex", "formula_align"]

_HEAD = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage{amsmath}
\usepackage[margin=18mm]{geometry}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\begin{document}
\section*{Stationary laws of SGD: the catalogue}
"""


def formula_align(formula: Formula) -> str:
    """One ``align*`` environment: the formula, its named quantities, its sequences."""
    rows = formula_rows(formula_lines(formula, named=True))
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def catalogue_latex(formulas: Iterable[Formula]) -> str:
    """The whole document."""
    parts = [_HEAD]
    for formula in formulas:
        unit = unit_text(formula.unit).replace("**", r"\textasciicircum{}")
        condition = condition_latex(formula.valid_if) or r"\text{always}"
        parts.append(
            f"\\subsection*{{\\texttt{{{formula.slug}}}}}\n{_text(formula.title)}. "
            f"Unit: {unit}. Source: {_text(formula.source)}.\n"
            f"{{\\small\n{formula_align(formula)}\n}}\n"
            f"Valid if $\\displaystyle {condition}$.\n"
        )
        if formula.published is not None:
            parts.append(
                f"\nPublished: $\\displaystyle {expression_latex(formula.published)}$. "
                f"Difference: {_text(formula.difference)}.\n"
            )
    parts.append("\\end{document}\n")
    return "\n".join(parts)


def _text(text: str) -> str:
    """Plain words for LaTeX: escape what has a meaning there."""
    table = {
        "\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "^": r"\^{}",
        "²": r"\textsuperscript{2}", "<": r"$<$", ">": r"$>$", "é": r"\'e",
    }
    return "".join(table.get(ch, ch) for ch in text)

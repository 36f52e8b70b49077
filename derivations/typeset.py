r"""A derivation as LaTeX (``align``, amsmath alone), Markdown, and lines for a notebook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.step import Step
from theory.formula import Formula
from theory.symbols import PARAMETERS
from theory.typeset import _ORDERED, _broken, _Printer, condition_latex, formula_lines, letters

__all__ = ["definition_rows", "definitions", "header_markdown", "result_markdown",
    "step_markdown", "step_rows", "to_latex", "to_markdown"]

Letters = Mapping[str, str] | None
#: a row of an alignment is broken after about this many characters of LaTeX
_LINE = 110
_NAMED = re.compile(r"\b(" + "|".join(PARAMETERS) + r")\b")


class _MatrixPrinter(_Printer):
    """Adds matrices: transposes as a superscript, names with the parameters' letters."""

    def _print_Transpose(self, expr: Any) -> str:  # noqa: N802
        inner = expr.arg
        text: str = self.doprint(inner)
        if isinstance(inner, sp.MatrixSymbol):
            base, mark, power = text.partition("^{")
            return f"{base}^{{{power[:-1]}\\top}}" if mark else rf"{text}^{{\top}}"
        return rf"\left({text}\right)^{{\top}}"

    def _print_Identity(self, expr: Any) -> str:  # noqa: N802
        return "I"

    def _print_ZeroMatrix(self, expr: Any) -> str:  # noqa: N802
        return "0"

    def _print_MatrixSymbol(self, expr: Any) -> str:  # noqa: N802
        table = {p.name: self._settings["symbol_names"][_ORDERED[p.symbol]] for p in PARAMETERS.values()}
        name = re.sub(r"Mod\((.*?), (.*?)\)", r"(\1 \\bmod \2)", expr.name)
        text = _NAMED.sub(lambda match: table[match[1]], name)
        text = re.sub(r"\^\{([a-z-]*[a-z]{2}[a-z-]*)\}", r"^{\\text{\1}}", text)
        return re.sub(r"'\^", r"'^", text.replace("1*", "").replace("*", ""))

    def _print_Mod(self, expr: Any, exp: Any = None) -> str:  # noqa: N802
        return rf"({self.doprint(expr.args[0])} \bmod {self.doprint(expr.args[1])})"


def _latex(expression: Any, symbols: Letters) -> str:
    printer = _MatrixPrinter({"symbol_names": letters(symbols), "mat_delim": "("})
    text: str = printer.doprint(expression.xreplace(_ORDERED))
    return text


def _lines(expression: Any, symbols: Letters) -> list[str]:
    """The expression in pieces that fit a line."""
    text = _latex(expression, symbols)
    if len(text) <= _LINE:
        return [text]
    if isinstance(expression, sp.MatrixBase):
        return [text]
    if isinstance(expression, (sp.MatAdd, sp.MatrixExpr)) or expression.is_Matrix:
        if not isinstance(expression, sp.MatAdd):
            return [text]
        return _joined([_latex(term, symbols) for term in expression.args])
    pieces = _broken(expression, symbols)
    return [line for piece in pieces for line in _split(piece)]


def _joined(terms: list[str]) -> list[str]:
    lines = [terms[0]]
    for term in terms[1:]:
        text = term if term.lstrip().startswith("-") else "+" + term
        if len(lines[-1]) + len(text) > _LINE:
            lines.append(text)
        else:
            lines[-1] += text
    return lines


def _split(text: str) -> list[str]:
    r"""Break at top-level + and -; delimiters that stay open are closed by ``\right.``."""
    if _width(text) <= _LINE:
        return [text]
    depth, cuts = 0, []
    for place, mark in enumerate(text):
        if mark == "{":
            depth += 1
        elif mark == "}":
            depth -= 1
        elif mark in "+-" and depth == 0 and place:
            cuts.append(place)
    lines, start, last = [], 0, 0
    for cut in cuts:
        if _width(text[start:cut]) > _LINE and last > start:
            lines.append(text[start:last])
            start = last
        last = cut
    if _width(text[start:]) > _LINE and last > start:
        lines.append(text[start:last])
        start = last
    lines.append(text[start:])
    return [_balanced(line) for line in lines]


def _width(text: str) -> int:
    """Length of what is seen: commands count once; the longer side of a fraction counts."""
    return len(re.sub(r"\\[A-Za-z]+|[{}^_ ]", "", text)) + len(re.findall(r"\\[A-Za-z]+", text)) // 2


def _balanced(line: str) -> str:
    r"""``\left( ... `` across lines: sizes of their own instead."""
    return line.replace(r"\left(", r"\bigl(").replace(r"\right)", r"\bigr)") if (
        line.count(r"\left") != line.count(r"\right")
    ) else line


def step_rows(step: Step, symbols: Letters = None) -> list[str]:
    """Rows of an alignment; the sides as they are checked, with the remainder of an expansion."""
    left, right = _lines(step.lhs, symbols), _lines(step.rhs, symbols)
    if step.modulo is not None:
        x, order = step.modulo
        power = _latex(x, symbols) + (f"^{{{order}}}" if order > 1 else "")
        right[-1] += f"+O\\left({power}\\right)"
    short = len(left) == 1 and _width(left[0]) <= 45
    if short and len(right) == 1 and _width(right[0]) > 2 * _LINE:
        short = False
    rows = [f"{left[0]} &= {right[0]}"] if short else [f"& {left[0]}"]
    if not short:
        rows += [rf"&\quad {line}" for line in left[1:]]
        rows.append(f"&= {right[0]}")
    return [*rows, *(rf"&\quad {line}" for line in right[1:])]


def definitions(step: Step, known: set[tuple[Any, Any]], result: Formula) -> list[tuple[Any, Any]]:
    """Names that a step uses and no earlier one did, with their values; adds them to ``known``.

    The names of the result's own 'where' list are left to the result.
    """
    own = {name for name, _ in result.where}
    found, stack = [], [step.rhs, step.lhs]
    while stack:
        node = stack.pop()
        if node in own:
            continue
        if node in step.given:
            value = step.given[node]
            if (node, value) not in known:
                known.add((node, value))
                found.append((node, value))
                stack.append(value)
        elif isinstance(node, sp.MatrixBase):
            stack.extend(node)
        elif not isinstance(node, (sp.MatrixSymbol, sp.Identity, sp.ZeroMatrix)):
            stack.extend(node.args[::-1])
    return found


def definition_rows(
    step: Step, known: set[tuple[Any, Any]], result: Formula, symbols: Letters = None
) -> list[str]:
    """Rows that define these names."""
    rows = []
    for name, value in definitions(step, known, result):
        lines = _value_lines(name, value, symbols)
        rows.append(f"{_latex(name, symbols)} &= {lines[0]}")
        rows += [rf"&\quad {line}" for line in lines[1:]]
    return rows


def _value_lines(name: Any, value: Any, symbols: Letters) -> list[str]:
    """A definition; matrices with long entries are given entry by entry."""
    if not isinstance(value, sp.MatrixBase):
        return _lines(value, symbols)
    if max(len(_latex(e, symbols)) for e in value) * value.cols <= _LINE:
        return [_latex(value, symbols)]
    lines = [r"\text{the matrix with entries}"]
    for i in range(value.rows):
        for k in range(value.cols):
            if i > k and value[i, k] == value[k, i]:
                continue
            entry = _lines(value[i, k], symbols)
            lines += [rf"({i + 1},{k + 1}):\ {entry[0]}", *(rf"\quad {e}" for e in entry[1:])]
    return lines


def _result_rows(derivation: Derivation, symbols: Letters) -> list[str]:
    rows = []
    for left, right in formula_lines(derivation.result, symbols):
        pieces = [line for piece in right for line in _split(piece)]
        rows.append(f"{left} &= {pieces[0]}" if left else f"& {pieces[0]}")
        rows += [rf"&\quad {line}" for line in pieces[1:]]
    return rows


_HEAD = r"""\documentclass[a4paper,10pt]{article}
\usepackage[margin=18mm]{geometry}
\usepackage{amsmath}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\begin{document}
"""


def _align(rows: list[str]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"


def to_latex(
    derivation: Derivation, *, standalone: bool = True, symbols: Mapping[str, str] | None = None
) -> str:
    """A LaTeX document, or its body.

    Parameters
    ----------
    derivation
        What is set.
    standalone
        With preamble, for pdflatex; else the body for a document that loads amsmath.
    symbols
        Other letters for parameters, by name, e.g. ``{"momentum": r"\\mu"}``.

    Raises
    ------
    UnknownNameError
        If a replaced parameter does not exist.
    """
    out = [rf"\section*{{{_plain(_titled(derivation.title))}}}", *derivation.setting]
    condition = condition_latex(derivation.result.valid_if, symbols)
    out.append(f"It holds if ${condition}$." if derivation.result.valid_if != sp.true else "")
    known: set[tuple[Any, Any]] = set()
    out.append(r"\subsection*{Steps}")
    for number, step in enumerate(derivation.steps, start=1):
        out += [rf"\textbf{{{number}.}} {step.because}", _align(step_rows(step, symbols))]
        if rows := definition_rows(step, known, derivation.result, symbols):
            out += ["with", _align(rows)]
    out += [r"\subsection*{Result}", _align(_result_rows(derivation, symbols))]
    body = "\n\n".join(part for part in out if part)
    return f"{_HEAD}{body}\n\\end{{document}}\n" if standalone else body


def _plain(text: str) -> str:
    for mark in "&%#_":
        text = text.replace(mark, "\\" + mark)
    return re.sub(r"[<>^]", lambda match: f"${match[0]}$" if match[0] != "^" else r"\^{}", text).replace("²", "$^2$")


def _block(rows: list[str]) -> str:
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"


def header_markdown(derivation: Derivation, symbols: Letters = None) -> str:
    """Title, setting and condition."""
    out = [f"# {_titled(derivation.title)}", *derivation.setting]
    if derivation.result.valid_if != sp.true:
        out.append(f"It holds if ${condition_latex(derivation.result.valid_if, symbols)}$.")
    return "\n\n".join(out)


def step_markdown(
    derivation: Derivation, number: int, known: set[tuple[Any, Any]], symbols: Letters = None
) -> str:
    """One step (counted from 0) with the names it is the first to use."""
    step = derivation.steps[number]
    out = [f"**{number + 1}.** {step.because}", _block(step_rows(step, symbols))]
    if rows := definition_rows(step, known, derivation.result, symbols):
        out += ["with", _block(rows)]
    return "\n\n".join(out)


def result_markdown(derivation: Derivation, symbols: Letters = None) -> str:
    """The formula."""
    return "## Result\n\n" + _block(_result_rows(derivation, symbols))


def to_markdown(
    derivation: Derivation, *, symbols: Mapping[str, str] | None = None, verdicts: bool = False
) -> str:
    """Markdown with ``$$`` blocks; with ``verdicts`` every step is checked and says what was found.

    Raises
    ------
    UnknownNameError
        If a replaced parameter does not exist.
    """
    found = [str(v) for v in derivation.check()] if verdicts else []
    known: set[tuple[Any, Any]] = set()
    out = [header_markdown(derivation, symbols), "## Steps"]
    for number in range(len(derivation.steps)):
        out.append(step_markdown(derivation, number, known, symbols))
        if found:
            out.append(f"*{found[number]}*")
    return "\n\n".join([*out, result_markdown(derivation, symbols)]) + "\n"


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]

r"""A derivation as LaTeX (``align``, amsmath alone), Markdown, and lines for a notebook."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.step import Step, Verdict
from theory.formula import Formula
from theory.symbols import PARAMETERS
from theory.typeset import _ORDERED, _broken, _Printer, condition_latex, formula_lines, letters

__all__ = ["definition_rows", "definitions", "header_markdown", "result_markdown",
    "step_markdown", "step_rows", "to_latex", "to_markdown"]

Letters = Mapping[str, str] | None
#: a row of an alignment is broken after about this many letters of the running font
_ROOM = 81
_NAMED = re.compile(r"\b(" + "|".join(PARAMETERS) + r")\b")


class _MatrixPrinter(_Printer):
    """Adds matrices: transposes as a superscript, names with the parameters' letters."""

    def _print_Transpose(self, expr: Any) -> str:
        inner = expr.arg
        text: str = self.doprint(inner)
        if isinstance(inner, sp.MatrixSymbol):
            base, mark, power = text.partition("^{")
            return f"{base}^{{{power[:-1]}\\top}}" if mark else rf"{text}^{{\top}}"
        return rf"\left({text}\right)^{{\top}}"

    def _print_Identity(self, expr: Any) -> str:
        return "I"

    def _print_ZeroMatrix(self, expr: Any) -> str:
        return "0"

    def _print_MatrixSymbol(self, expr: Any) -> str:
        table = {p.name: self._settings["symbol_names"][_ORDERED[p.symbol]] for p in PARAMETERS.values()}
        name = re.sub(r"Mod\((.*?), (.*?)\)", r"(\1 \\bmod \2)", expr.name)
        text = _NAMED.sub(lambda match: table[match[1]], name)
        text = re.sub(r"\^\{([a-z-]*[a-z]{2}[a-z-]*)\}", r"^{\\text{\1}}", text)
        text = re.sub(r"^(\w+)'_(\{.*\})$", r"\1_\2'", text)  # a prime before a subscript forbids \top
        return re.sub(r"(\d)\*", r"\1 ", text)

    def _print_Mod(self, expr: Any, exp: Any = None) -> str:
        return rf"({self.doprint(expr.args[0])} \bmod {self.doprint(expr.args[1])})"


def _latex(expression: Any, symbols: Letters) -> str:
    printer = _MatrixPrinter({"symbol_names": letters(symbols), "mat_delim": "("})
    text: str = printer.doprint(expression.xreplace(_ORDERED))
    return text


def _lines(expression: Any, symbols: Letters) -> list[str]:
    """The expression in pieces that fit a line."""
    text = _latex(expression, symbols)
    if isinstance(expression, sp.MatrixBase) or _width(text) <= _ROOM:
        return [text]
    if isinstance(expression, sp.MatAdd):
        terms = _joined([_latex(term, symbols) for term in expression.args])
        return [line for term in terms for line in _split(term)]
    if isinstance(expression, sp.MatrixExpr):
        return _split(text)
    pieces = _broken(expression, symbols)
    return [line for piece in pieces for line in _split(piece)]


def _joined(terms: list[str]) -> list[str]:
    lines = [terms[0]]
    for term in terms[1:]:
        text = term if term.lstrip().startswith("-") else "+" + term
        if _width(lines[-1] + text) > _ROOM:
            lines.append(text)
        else:
            lines[-1] += text
    return lines


def _split(text: str, room: float | None = None) -> list[str]:
    """Break at top-level plus, minus and between factors, so that pieces fit the line."""
    room = _ROOM if room is None else room
    if _width(text) <= room:
        return [text]
    lines: list[str] = []
    start = last = 0
    for cut in [*_cuts(text), len(text)]:
        if _width(text[start:cut]) > room and last > start:
            lines.append(text[start:last])
            start = last
            room = _ROOM
        last = cut
    lines.append(text[start:])
    return [_balanced(line) for line in lines]


def _cuts(text: str) -> list[int]:
    """Places outside all braces before a sign or before an opening parenthesis."""
    depth, cuts = 0, []
    for place, mark in enumerate(text):
        depth += (mark == "{") - (mark == "}")
        opening = text.startswith((r"\left(", r"\Big/", r"\Bigl["), place)
        if depth == 0 and place > 1 and (mark in "+-" or opening) and text[place - 1] not in "(=":
            cuts.append(place)
    return cuts


_WIDTHS = {" ": 0.0, "&": 0.0, "+": 2.4, "-": 2.4, "=": 2.6, "(": 0.75, ")": 0.75, "[": 0.6, "]": 0.6}


def _width(text: str) -> float:
    """Rough width in units of one letter of the running font."""
    return _measured(text, 0)[0]


def _measured(text: str, place: int) -> tuple[float, int]:
    """Width up to the closing brace that ends this group, and the place behind it."""
    total = 0.0
    while place < len(text):
        mark = text[place]
        if mark == "}":
            return total, place + 1
        if mark == "{":
            inner, place = _measured(text, place + 1)
            total += inner
        elif mark in "^_":
            group = text[place + 1 : place + 2] == "{"
            inner, place = _measured(text, place + 2) if group else (1.0, place + 2)
            total += 0.7 * inner
        elif text.startswith(r"\frac{", place):
            over, place = _measured(text, place + 6)
            under, place = _measured(text, place + 1)
            total += max(over, under) + 0.5
        elif mark == "\\":
            command = re.match(r"\\([A-Za-z]+|.)", text[place:])
            place += len(command[0]) if command else 1
            name = command[1] if command else ""
            quiet = ("left", "right", "Bigl", "Bigr", "bigl", "bigr", "Big", "text", "hat", ",", " ")
            total += 0 if name in quiet else 2 if name == "quad" else 1.1
        else:
            total += _WIDTHS.get(mark, 1.6 if mark.isupper() else 1.0)
            place += 1
    return total, place


def _balanced(line: str) -> str:
    r"""Delimiters whose partner is on another line get a size of their own."""
    depth = 0
    for found in re.findall(r"\\(left|right)(?![a-z])", line):
        depth += 1 if found == "left" else -1
        if depth < 0:
            break
    if depth == 0:
        return line
    return re.sub(r"\\right(?![a-z])", r"\\bigr", re.sub(r"\\left(?![a-z])", r"\\bigl", line))


def step_rows(step: Step, symbols: Letters = None) -> list[str]:
    """Rows of an alignment; the sides as they are checked, with the remainder of an expansion."""
    left, right = _lines(step.lhs, symbols), _lines(step.rhs, symbols)
    if step.modulo is not None:
        x, order = step.modulo
        power = _latex(x, symbols) + (f"^{{{order}}}" if order > 1 else "")
        right[-1] += f"+O\\left({power}\\right)"
    if len(left) == 1 and _width(left[0]) <= _ROOM / 2:
        return _beside(left[0], right)
    rows = [f"& {left[0]}", *(rf"&\quad {line}" for line in left[1:]), f"&= {right[0]}"]
    return [*rows, *(rf"&\quad {line}" for line in right[1:])]


def _beside(left: str, lines: list[str]) -> list[str]:
    """``left = first line``, or below each other where that is too wide."""
    room = _ROOM - _width(left) - 2
    first = _split(lines[0], room)
    if _width(first[0]) > room:
        return [f"& {left}", rf"&\quad = {lines[0]}", *(rf"&\quad {x}" for x in lines[1:])]
    return [f"{left} &= {first[0]}", *(rf"&\quad {x}" for x in [*first[1:], *lines[1:]])]


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
        rows += _beside(_latex(name, symbols), lines)
    return rows


def _value_lines(name: Any, value: Any, symbols: Letters) -> list[str]:
    """A definition; matrices with long entries are given entry by entry."""
    if not isinstance(value, sp.MatrixBase):
        return _lines(value, symbols)
    if max(_width(_latex(e, symbols)) for e in value) * value.cols <= _ROOM - 10:
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
        if left:
            rows += _beside(left, pieces)
        else:
            rows += [f"& {pieces[0]}", *(rf"&\quad {line}" for line in pieces[1:])]
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
    r"""An alignment; where a row cannot be broken, in smaller type."""
    left = max(_width(row.split("&")[0]) for row in rows)
    widest = max(left + _width(row.partition("&")[2]) for row in rows)
    sizes = (("", 87), (r"\small", 96), (r"\footnotesize", 108), (r"\scriptsize", 123))
    size = next((size for size, room in sizes if widest <= room), r"\tiny")
    if size:
        return f"{{{size}\n{_alignment(rows)}}}\n"
    return _alignment(rows)


def _alignment(rows: list[str]) -> str:
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
    title = _plain(_titled(derivation.title))
    out = [rf"\section*{{{title}}}", *(prose(text, symbols) for text in derivation.setting)]
    condition = condition_latex(derivation.result.valid_if, symbols)
    out.append(f"It holds if ${condition}$." if derivation.result.valid_if != sp.true else "")
    known: set[tuple[Any, Any]] = set()
    out.append(r"\subsection*{Steps}")
    for number, step in enumerate(derivation.steps, start=1):
        out += [rf"\textbf{{{number}.}} {prose(step.because, symbols)}", _align(step_rows(step, symbols))]
        if rows := definition_rows(step, known, derivation.result, symbols):
            out += ["with", _align(rows)]
    out += [r"\subsection*{Result}", _align(_result_rows(derivation, symbols))]
    body = "\n\n".join(part for part in out if part)
    return f"{_HEAD}{body}\n\\end{{document}}\n" if standalone else body


def prose(text: str, symbols: Letters) -> str:
    """Replaced letters in the formulas of a sentence (Greek ones and M)."""
    letters(symbols)  # refuses unknown parameters
    table = {
        PARAMETERS[name].letter: letter for name, letter in (symbols or {}).items()
        if PARAMETERS[name].letter.startswith("\\") or PARAMETERS[name].letter == "M"
    }
    for old, new in table.items():
        pattern = rf"(?<![A-Za-z\\]){re.escape(old)}(?![A-Za-z])"
        safe = new.replace("\\", r"\\")
        parts = re.split(r"(\$[^$]*\$)", text)
        text = "".join(re.sub(pattern, safe, x) if x.startswith("$") else x for x in parts)
    return text


def _plain(text: str) -> str:
    for mark in "&%#_":
        text = text.replace(mark, "\\" + mark)
    table = {"<": "$<$", ">": "$>$", "^": r"\^{}", "²": "$^2$"}
    return re.sub("[<>^²]", lambda match: table[match[0]], text)


def _block(rows: list[str]) -> str:
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"


def header_markdown(derivation: Derivation, symbols: Letters = None) -> str:
    """Title, setting and condition."""
    out = [f"# {_titled(derivation.title)}", *(prose(text, symbols) for text in derivation.setting)]
    if derivation.result.valid_if != sp.true:
        out.append(f"It holds if ${condition_latex(derivation.result.valid_if, symbols)}$.")
    return "\n\n".join(out)


def step_markdown(
    derivation: Derivation, number: int, known: set[tuple[Any, Any]], symbols: Letters = None
) -> str:
    """One step (counted from 0) with the names it is the first to use."""
    step = derivation.steps[number]
    out = [f"**{number + 1}.** {prose(step.because, symbols)}", _block(step_rows(step, symbols))]
    if rows := definition_rows(step, known, derivation.result, symbols):
        out += ["with", _block(rows)]
    return "\n\n".join(out)


def result_markdown(derivation: Derivation, symbols: Letters = None) -> str:
    """The formula."""
    return "## Result\n\n" + _block(_result_rows(derivation, symbols))


def to_markdown(
    derivation: Derivation, *, symbols: Mapping[str, str] | None = None, verdicts: Sequence[Verdict] = ()
) -> str:
    """Markdown with ``$$`` blocks; with ``verdicts``, as checked, every step says what was found.

    Raises
    ------
    UnknownNameError
        If a replaced parameter does not exist.
    """
    found = [str(v) for v in verdicts]
    known: set[tuple[Any, Any]] = set()
    out = [header_markdown(derivation, symbols), "## Steps"]
    for number in range(len(derivation.steps)):
        out.append(step_markdown(derivation, number, known, symbols))
        if found:
            out.append(f"*{found[number]}*")
    return "\n\n".join([*out, result_markdown(derivation, symbols)]) + "\n"


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]

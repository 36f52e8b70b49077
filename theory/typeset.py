"""LaTeX of formulas: the field's letters, terms in the order a hand would write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from theory.errors import require_known
from theory.sequences import LucasSequence
from theory.symbols import PARAMETERS

if TYPE_CHECKING:
    from theory.formula import Formula

__all__ = ["condition_latex", "expression_latex", "formula_latex", "formula_lines"]

#: products are written in this order; SymPy sorts factors by name, so stand-ins carry it
_FACTORS = (
    "samples", "batch_size", "averaging_rate", "dampening", "immediate_discount", "momentum",
    "learning_rate", "curvature", "second_curvature", "weight_decay", "noise_variance",
)
_ORDERED = {
    p.symbol: sp.Symbol(
        f"{_FACTORS.index(p.name) if p.name in _FACTORS else 99:02d}{p.name}",
        **p.symbol.assumptions0,
    )
    for p in PARAMETERS.values()
}

#: a sum is broken after about this many characters of LaTeX
_LINE = 260


class _Printer(LatexPrinter):  # type: ignore[misc]
    """SymPy's printer with terms ordered 1 - beta, never -(beta - 1)."""

    def _as_ordered_terms(self, expr: sp.Expr, order: Any = None) -> list[sp.Expr]:
        terms = sorted(sp.Add.make_args(expr), key=_term_key)
        for place, term in enumerate(terms):
            if not term.could_extract_minus_sign():
                return [term, *terms[:place], *terms[place + 1 :]]
        return terms


def _term_key(term: sp.Expr) -> tuple[int, int, str]:
    """Constants first, then by degree, sequences last, ties by name."""
    powers = term.as_powers_dict()
    sequences = sum(int(e) if e.is_Integer else 1 for b, e in powers.items() if b.has(LucasSequence))
    degree = sum(int(e) if e.is_Integer else 1 for b, e in powers.items() if not b.is_number)
    return sequences, degree, str(term)


def letters(symbols: Mapping[str, str] | None = None) -> dict[sp.Symbol, str]:
    """Letters of the parameters, with the user's replacements.

    Raises
    ------
    UnknownNameError
        If a replaced parameter does not exist.
    """
    table = {_ORDERED[p.symbol]: p.letter for p in PARAMETERS.values()}
    for name, letter in (symbols or {}).items():
        require_known(name, PARAMETERS, "parameter")
        table[_ORDERED[PARAMETERS[name].symbol]] = letter
    return table


def expression_latex(expression: sp.Basic, symbols: Mapping[str, str] | None = None) -> str:
    """LaTeX of any expression in the project's symbols."""
    text: str = _printer(symbols).doprint(expression.xreplace(_ORDERED))
    return text


def _printer(symbols: Mapping[str, str] | None) -> _Printer:
    return _Printer({"symbol_names": letters(symbols)})


def condition_latex(condition: sp.Basic, symbols: Mapping[str, str] | None = None) -> str:
    """LaTeX of a condition; the parts of an ``And`` separated by commas."""
    parts = sp.And.make_args(condition)
    ordered = sorted(parts, key=lambda part: (len(part.free_symbols), str(part)))
    return r",\quad ".join(expression_latex(part, symbols) for part in ordered)


def formula_lines(
    formula: Formula, symbols: Mapping[str, str] | None = None
) -> list[tuple[str, list[str]]]:
    """The formula and its 'where' quantities: pairs (left side, lines of the right side).

    The first left side is empty. Sequences are defined last.
    """
    lines = [("", _broken(formula.compact, symbols))]
    lines += [(expression_latex(name, symbols), _broken(value, symbols)) for name, value in formula.where]
    used = [formula.compact, *(value for _, value in formula.where)]
    families: dict[tuple[sp.Expr, ...], LucasSequence] = {}
    for expression in used:
        for atom in expression.atoms(LucasSequence):
            families.setdefault(atom.args[2:], atom)
    for invariants, atom in sorted(families.items(), key=str):
        lines.append(_definition(invariants, atom, symbols))
    return lines


def _definition(
    invariants: tuple[sp.Expr, ...], atom: LucasSequence, symbols: Mapping[str, str] | None
) -> tuple[str, list[str]]:
    """One line that defines the sequences of one set of invariants."""
    e = [expression_latex(i, symbols) for i in invariants]
    prime = "'" if atom.has(PARAMETERS["second_curvature"].symbol) else ""
    if len(invariants) == 2:
        u, w = f"U{prime}", f"W{prime}"
        return (
            rf"{u}_{{n+1}}",
            [rf"\left({e[0]}\right){u}_{{n}}-\left({e[1]}\right){u}_{{n-1}},\quad "
             rf"{u}_{{0}}=0,\ {u}_{{1}}=1,\quad {w}_{{n}}=\left({e[0]}\right){u}_{{n}}-{u}_{{n+1}}"],
        )
    d = len(invariants)
    signs = ["" if (d - 1 - k) % 2 == 0 else "-" for k in range(d)]
    body = "".join(
        (sign or ("+" if k < d - 1 else "")) + rf"u{prime}^{{({k})}}_{{n}}" + (f"z^{{{k}}}" if k else "")
        for k, sign in reversed(list(enumerate(signs)))
    )
    modulus = "".join(
        ("-" if i % 2 == 0 else "+") + rf"\left({x}\right)" + (f"z^{{{d - 1 - i}}}" if i < d - 1 else "")
        for i, x in enumerate(e)
    )
    return "z^{n}", [body, rf"\quad\bmod\ z^{{{d}}}{modulus}"]


def _broken(expression: sp.Expr, symbols: Mapping[str, str] | None) -> list[str]:
    """LaTeX, broken at top-level terms where it is long."""
    whole = expression_latex(expression, symbols)
    if len(whole) <= _LINE:
        return [whole]
    expression = expression.xreplace(_ORDERED)
    numerator, denominator = sp.fraction(expression)
    factors = sp.Mul.make_args(numerator)
    sums = [f for f in factors if f.is_Add]
    if not expression.is_Add and not sums:
        return [whole]
    printer = _printer(symbols)
    if expression.is_Add:
        prefix, terms, suffix = "", printer._as_ordered_terms(expression), ""
    else:
        longest = max(sums, key=lambda f: len(f.args))
        front = sp.Mul(*(f for f in factors if f is not longest)) / denominator
        prefix = "" if front == 1 else printer.doprint(front) + r"\Bigl["
        terms, suffix = printer._as_ordered_terms(longest), "" if front == 1 else r"\Bigr]"
    lines, current = [], prefix
    for place, term in enumerate(terms):
        text = printer.doprint(term)
        if place and not text.lstrip().startswith("-"):
            text = "+" + text
        if current and len(current) + len(text) > _LINE and current != prefix:
            lines.append(current)
            current = ""
        current += text
    lines.append(current + suffix)
    return lines


def formula_latex(formula: Formula, symbols: Mapping[str, str] | None = None) -> str:
    """One LaTeX expression; with named quantities an ``aligned`` block, formula first."""
    lines = formula_lines(formula, symbols)
    if len(lines) == 1 and len(lines[0][1]) == 1:
        return lines[0][1][0]
    rows = []
    for left, right in lines:
        rows.append(f"{left} &= {right[0]}" if left else f"&\\phantom{{=}} {right[0]}")
        rows += [rf"&\quad {line}" for line in right[1:]]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

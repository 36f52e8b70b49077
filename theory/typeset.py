"""LaTeX of formulas: the field's letters, terms in the order a hand would write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import Template
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from theory.errors import TheoryError, require_known
from theory.sequences import LucasSequence
from theory.symbols import PARAMETERS

if TYPE_CHECKING:
    from theory.formula import Formula

__all__ = [
    "condition_latex",
    "expression_latex",
    "formula_latex",
    "formula_lines",
    "formula_rows",
]

#: products are written in this order; SymPy sorts factors by name, so stand-ins carry it
_FACTORS = (
    "samples", "batch_size", "averaging_rate", "dampening", "immediate_discount", "momentum",
    "learning_rate", "curvature", "second_curvature", "weight_decay", "curvature_variance",
    "negative_curvature", "label_variance", "noise_variance", "curvature_gradient_covariance",
    "displacement",
)
_ORDERED = {
    p.symbol: sp.Symbol(
        f"{_FACTORS.index(p.name) if p.name in _FACTORS else 99:02d}{p.name}",
        **p.symbol.assumptions0,
    )
    for p in PARAMETERS.values()
}

#: letters of the sequences and of the generating function
_RESERVED = ("U", "W", "F", "u", "q", "z", "n")

#: a sum is broken after about this many printed characters, which fills a page's width
_LINE = 96
_OPENING = (r"\Bigl[", r"\bigl(")


class _Printer(LatexPrinter):  # type: ignore[misc]
    """SymPy's printer with terms ordered 1 - beta, never -(beta - 1)."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._printed: dict[sp.Expr, str] = {}  # a long line is printed in whole and in parts

    def _as_ordered_terms(self, expr: sp.Expr, order: Any = None) -> list[sp.Expr]:
        terms = sorted(sp.Add.make_args(expr), key=_term_key)
        for place, term in enumerate(terms):
            if not term.could_extract_minus_sign():
                return [term, *terms[:place], *terms[place + 1 :]]
        return terms


    def _print_Add(self, expr: sp.Expr, order: Any = None) -> str:
        """Join by the sign each term prints with: a turned factor may have brought a minus."""
        if expr in self._printed:
            return self._printed[expr]
        total = ""
        for term in self._as_ordered_terms(expr, order):
            text = str(self._print(term)).lstrip()
            if text.startswith("-"):
                total += (" - " if total else "- ") + text[1:].lstrip()
            else:
                total += (" + " if total else "") + text
        self._printed[expr] = total
        return total

    def _print_Mul(self, expr: sp.Expr) -> str:
        """Take the sign out of a factor whose terms are all negative: -(1 + beta)."""
        content: sp.Expr = sp.S.One
        factors: list[sp.Expr] = []
        for factor in expr.args:  # SymPy multiplies numbers into sums: take a sixth out again
            part, rest = factor.primitive() if factor.is_Add else (sp.S.One, factor)
            content, factors = (content * part, [*factors, rest]) if part.q != 1 else (
                content, [*factors, factor]
            )
        if content != 1 and len(factors) > 1:
            expr = sp.Mul(content, *factors)
            factors = list(expr.args)
        flipped = [
            f.is_Add and all(term.could_extract_minus_sign() for term in f.args) for f in factors
        ]
        if sum(flipped) % 2 == 0 or expr.could_extract_minus_sign():
            text: str = super()._print_Mul(expr)
            return text
        turned = [-f if flip else f for f, flip in zip(factors, flipped, strict=True)]
        return "- " + str(super()._print_Mul(sp.Mul(*turned)))


def _term_key(term: sp.Expr) -> tuple[int, int, tuple[tuple[str, int], ...]]:
    """Constants first, then by degree, sequences last, ties by the names of the factors."""
    sequences, degree, names = 0, 0, []
    for base, power in term.as_powers_dict().items():
        e = int(power) if power.is_Integer else 1
        if not base.is_number:
            degree += e
            names.append((_name(base), e))
            if base.has(LucasSequence):
                sequences += e
    return sequences, degree, tuple(sorted(names))


@lru_cache(maxsize=4096)
def _name(base: sp.Expr) -> str:
    """Text of a factor; printing is the slow part of sorting."""
    return str(base)


def letters(symbols: Mapping[str, str] | None = None) -> dict[sp.Symbol, str]:
    """Letters of the parameters, with the user's replacements.

    Raises
    ------
    UnknownNameError
        If a replaced parameter does not exist.
    TheoryError
        If a letter would mean two things.
    """
    table = {_ORDERED[p.symbol]: p.letter for p in PARAMETERS.values()}
    for name, letter in (symbols or {}).items():
        require_known(name, PARAMETERS, "parameter")
        table[_ORDERED[PARAMETERS[name].symbol]] = letter
    if symbols:
        _require_distinct({s.name[2:]: letter for s, letter in table.items()}, symbols)
    return table


def _require_distinct(table: Mapping[str, str], renamed: Mapping[str, str]) -> None:
    """A letter must mean one thing."""
    for name in renamed:
        letter = table[name].strip()
        others = [n for n, l in table.items() if n != name and l.strip() == letter]
        if not letter or others or letter in _RESERVED:
            owner = others[0] if others else "a sequence of the formulas"
            raise TheoryError(
                f"the letter {letter!r} for {name} is taken by {owner}; choose another"
                if letter else f"the letter for {name} is empty; give one"
            )


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
    formula: Formula, symbols: Mapping[str, str] | None = None, *, named: bool = False
) -> list[tuple[str, list[str]]]:
    """The formula and its 'where' quantities: pairs (left side, lines of the right side).

    The first left side is empty, or ``formula.left`` if ``named``. Sequences are defined last.
    """
    left = ""
    if named:
        own = {p.name: letters(symbols)[_ORDERED[p.symbol]] for p in PARAMETERS.values()}
        left = Template(formula.left).safe_substitute(own)
    lines = [(left, _broken(formula.compact, symbols))]
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
        trace, determinant = (
            rf"\left({text}\right)" if i.is_Add else "" if i == 1 else f"{text}\\,"
            for i, text in zip(invariants, e, strict=True)
        )
        return (
            rf"{u}_{{n+1}}",
            [rf"{trace}{u}_{{n}}-{determinant}{u}_{{n-1}},\quad {u}_{{0}}=0,\ {u}_{{1}}=1,\quad "
             rf"{w}_{{n}}={trace}{u}_{{n}}-{u}_{{n+1}}"],
        )
    d = len(invariants)
    if d > 3:
        return rf"\sum_{{n}}F{prime}_{{n}}q^{{n}}", [_generating_function(invariants, symbols)]
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


def _generating_function(
    invariants: tuple[sp.Expr, ...], symbols: Mapping[str, str] | None
) -> str:
    """Of the fundamental sequence: q^(d-1) over the reversed characteristic polynomial, factored."""
    q, d = sp.Symbol("q"), len(invariants)
    below = 1 + sum((-1) ** (i + 1) * e * q ** (i + 1) for i, e in enumerate(invariants))
    factors = []
    for factor, power in sp.factor_list(below)[1]:
        oriented = factor if factor.subs(q, 0).could_extract_minus_sign() is False else -factor
        text = expression_latex(sp.collect(sp.expand(oriented), q), symbols)
        factors.append(rf"\left({text}\right)" + (f"^{{{power}}}" if power > 1 else ""))
    return rf"\frac{{q^{{{d - 1}}}}}{{{''.join(factors)}}}"


def _width(latex: str) -> int:
    """About how many characters wide it prints: commands count one, a fraction its wider half."""
    text = re.sub(r"\\(left|right|Bigl|Bigr|displaystyle|quad)\b", "", latex)
    if text.startswith(r"\frac"):
        depth, cut = 0, 0
        for place, ch in enumerate(text):
            depth += {"{": 1, "}": -1}.get(ch, 0)
            if ch == "}" and depth == 0:
                if cut:
                    halves = _width(text[5:cut]), _width(text[cut : place + 1])
                    return max(halves) + _width(text[place + 1 :])
                cut = place + 1
    signs = text.count("+") + text.count("-")  # set with space around them
    return len(re.sub(r"[{}^_\s\\]", "", re.sub(r"\\[a-zA-Z]+", "x", text))) + 2 * signs


def _broken(expression: sp.Expr, symbols: Mapping[str, str] | None) -> list[str]:
    """LaTeX in lines of about a page's width, broken between terms."""
    tokens = _tokens(_printer(symbols), expression.xreplace(_ORDERED), (r"\Bigl[", r"\Bigr]"))
    lines = [tokens[0]]
    for token in tokens[1:]:
        if _width(lines[-1]) + _width(token) > _LINE and not lines[-1].endswith(_OPENING):
            lines.append(token)
        else:
            lines[-1] += token
    return lines


def _tokens(printer: _Printer, expression: sp.Expr, bracket: tuple[str, str]) -> list[str]:
    """Pieces between which a line may break; a sum inside a product is opened where it is long."""
    whole = printer.doprint(expression)
    if _width(whole) <= _LINE:
        return [whole]
    if expression.is_Add:
        tokens: list[str] = []
        for place, term in enumerate(printer._as_ordered_terms(expression)):
            first, *rest = _tokens(printer, term, (r"\bigl(", r"\bigr)"))
            sign = "" if place == 0 or first.lstrip().startswith("-") else "+"
            tokens += [sign + first, *rest]
        return tokens
    numerator, denominator = sp.fraction(expression)
    sums = [f for f in sp.Mul.make_args(numerator) if f.is_Add]
    if not sums:
        return [whole]
    longest = max(sums, key=lambda f: _width(printer.doprint(f)))
    others = [f for f in sp.Mul.make_args(numerator) if f is not longest]
    behind = [f for f in others if f.has(LucasSequence) and denominator == 1]
    front = sp.Mul(*(f for f in others if f not in behind))
    below: list[str] = []
    if _width(printer.doprint(front / denominator)) <= 3 * _LINE // 4:
        front /= denominator
    else:  # too wide for a fraction bar: divide behind the bracket, factor by factor
        below = [printer.doprint(f) for f in sp.Mul.make_args(denominator)]
        below = [text if not f.is_Add else rf"\left({text}\right)"
                 for text, f in zip(below, sp.Mul.make_args(denominator), strict=True)]
        below[0] = r"\Big/\bigl(" + below[0]
        below[-1] += r"\bigr)"
    before = "" if front == 1 else "- " if front == -1 else printer.doprint(front)
    after = "" if not behind else printer.doprint(sp.Mul(*behind))
    inner = _tokens(printer, longest, (r"\bigl(", r"\bigr)"))
    inner[0] = before + bracket[0] + inner[0]
    inner[-1] += bracket[1] + after
    return [*inner, *below]


def formula_rows(lines: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Rows of an ``align`` or ``aligned`` environment, without their ends."""
    rows = []
    for left, right in lines:
        rows.append(f"{left} &= {right[0]}" if left else f"&\\phantom{{=}} {right[0]}")
        rows += [rf"&\quad {line}" for line in right[1:]]
    return rows


def formula_latex(
    formula: Formula, symbols: Mapping[str, str] | None = None, *, named: bool = False
) -> str:
    """One LaTeX expression; with named quantities an ``aligned`` block, formula first."""
    lines = formula_lines(formula, symbols, named=named)
    if len(lines) == 1 and len(lines[0][1]) == 1:
        left, (right,) = lines[0]
        return f"{left} = {right}" if left else right
    rows = formula_rows(lines)
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

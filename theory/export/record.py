"""A formula as JSON: the record that the command line documents and prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from theory.errors import require_known
from theory.export.assignments import named_where
from theory.formula import Formula
from theory.symbols import PARAMETERS
from theory.units import unit_text

__all__ = ["condition_text", "formula_record"]

Bounds = tuple[str, sp.Expr]


def formula_record(formula: Formula, symbols: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Everything about a formula in strings, lists and mappings.

    Parameters
    ----------
    symbols
        Letters for parameters in the LaTeX, by name.

    Returns
    -------
    ``slug``, ``title``; ``expression``, in the parameters alone, with ``LucasSequence(k, n, e1, ...)``
    for the sequences; ``compact`` and ``where``, the same through named quantities; ``latex``;
    ``valid_if``, a Python condition on the parameters, their domains included; ``unit``;
    ``source``; ``parameters``, a list of names; ``letters``, their LaTeX by name; ``published`` and
    ``difference``, null and empty where nothing was published.
    """
    names = named_where(formula)
    letters = dict(symbols or {})
    for name in letters:
        require_known(name, PARAMETERS, "parameter")
    own = [s.name for s in formula.parameters]
    return {
        "slug": formula.slug,
        "title": formula.title,
        "expression": str(formula.expression),
        "compact": str(formula.compact.xreplace(names)),
        "where": {names[n].name: str(v.xreplace(names)) for n, v in formula.where},
        "latex": formula.latex(symbols),
        "valid_if": condition_text(formula),
        "unit": unit_text(formula.unit),
        "source": formula.source,
        "parameters": own,
        "letters": {
            n: letters.get(n, PARAMETERS[n].letter if n in PARAMETERS else n) for n in own
        },
        "published": None if formula.published is None else str(formula.published),
        "difference": formula.difference,
    }


def condition_text(formula: Formula) -> str:
    """The condition in Python, with the parameters' domains: ``learning_rate > 0 and ...``.

    Bounds of one parameter are merged, ``0 <= momentum < 1``; the exact condition of the formula
    follows. Whole numbers are not mentioned: see the parameters.
    """
    known: dict[sp.Symbol, sp.Expr] = {}
    for name, value in formula.where:
        known[name] = value.xreplace(known)
    parts = list(sp.And.make_args(formula.valid_if.xreplace(known)))
    lower = {s: _domain(s) for s in formula.parameters}
    upper: dict[sp.Symbol, Bounds] = {}
    rest: list[sp.Basic] = []
    for part in parts:
        if part == sp.true:
            continue
        symbol = getattr(part, "gts", None), getattr(part, "lts", None)
        strict = isinstance(part, (sp.StrictGreaterThan, sp.StrictLessThan))
        if symbol[0] in lower and symbol[1] is not None and symbol[1].is_number:
            lower[symbol[0]] = _tighter(lower[symbol[0]], (">" if strict else ">=", symbol[1]))
        elif symbol[1] in lower and symbol[1] not in upper and _is_bound(symbol[0]):
            upper[symbol[1]] = ("<" if strict else "<=", symbol[0])
        else:
            rest.append(part)
    texts = []
    for s in formula.parameters:
        low, high = lower[s], upper.get(s)
        if high is not None and low is not None:
            texts.append(f"{low[1]} {low[0].replace('>', '<')} {s} {high[0]} {high[1]}")
        elif low is not None or high is not None:
            sign, value = low or high or ("", sp.S.Zero)
            texts.append(f"{s} {sign} {value}")
    texts += sorted((_text(part) for part in rest), key=lambda text: (len(text), text))
    return " and ".join(texts) or "True"


def _domain(symbol: sp.Symbol) -> Bounds | None:
    """The lower bound that the symbol's assumptions state."""
    if symbol.is_positive:
        return (">=", sp.S.One) if symbol.is_integer else (">", sp.S.Zero)
    return (">=", sp.S.Zero) if symbol.is_nonnegative else None


def _tighter(first: Bounds | None, second: Bounds) -> Bounds:
    if first is None or second[1] > first[1]:
        return second
    return second if second[1] == first[1] and second[0] == ">" else first


def _is_bound(value: sp.Expr | None) -> bool:
    """A number, or a whole-number expression such as M - 1, reads well on the right."""
    return value is not None and (value.is_number or bool(value.is_integer and value.is_Symbol)
                                  or (value.is_Add and len(value.free_symbols) == 1))


def _text(part: sp.Basic) -> str:
    if isinstance(part, (sp.Or, sp.And)):
        word = " or " if isinstance(part, sp.Or) else " and "
        return "(" + word.join(_text(p) for p in part.args) + ")"
    return f"not ({_text(part.args[0])})" if isinstance(part, sp.Not) else str(part)

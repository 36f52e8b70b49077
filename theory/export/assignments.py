"""A formula as a list of assignments, the form every programming language shares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy as sp

from theory.formula import Formula
from theory.sequences import LucasSequence
from theory.symbols import curvature

__all__ = ["Assignments", "accuracy_note", "assignments", "identifier", "named_where"]

_WITHOUT_CANCELLATION = "reshuffled-weight-variance-iterated-sums"
_HEADLINE = ("reshuffled-weight-variance", "heavy-ball/reshuffled/weight-variance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """Names are identifiers; each value uses the parameters and earlier names only.

    Attributes
    ----------
    per_sample
        Those of the parameters that are lists, one number per sample.
    sequences
        One line per distinct Lucas sequence, so that each is computed once.
    where
        The formula's named quantities.
    result
        The formula itself.
    """

    parameters: tuple[sp.Symbol, ...]
    per_sample: tuple[sp.Symbol, ...]
    sequences: tuple[tuple[sp.Symbol, sp.Expr], ...]
    where: tuple[tuple[sp.Symbol, sp.Expr], ...]
    result: sp.Expr

    @property
    def expressions(self) -> Iterator[sp.Expr]:
        """Every right-hand side."""
        yield from (value for _, value in (*self.sequences, *self.where))
        yield self.result


def identifier(text: str) -> str:
    """A name that every language takes: letters, digits, underscores.

    Examples
    --------
    >>> identifier("q_{12}'"), identifier("heavy-ball/reshuffled/weight-variance")
    ('q_12_prime', 'heavy_ball_reshuffled_weight_variance')
    """
    text = text.replace("'", "_prime").replace("{", "").replace("}", "")
    text = re.sub(r"\W", "_", text)
    return f"f_{text}" if text[:1].isdigit() else text


def named_where(formula: Formula) -> Mapping[sp.Symbol, sp.Symbol]:
    """The 'where' names, ``q_{12}``, as identifiers, ``q_12``."""
    return {name: sp.Symbol(identifier(name.name), real=True) for name, _ in formula.where}


def accuracy_note(formula: Formula) -> tuple[str, ...]:
    r"""The line of an exported header about lost digits; none where nothing cancels.

    Closed forms through Lucas sequences are removable singularities at
    :math:`x=\eta\lambda=0`, of about the third order. Iterated sums are regular there, but repeated
    squaring modulo a polynomial with a threefold root at 1 cancels in long epochs.
    """
    sequences = formula.expression.atoms(LucasSequence)
    touched = any(curvature in atom.free_symbols for atom in sequences)
    if not touched:
        return ()
    if formula.slug == _WITHOUT_CANCELLATION:
        return (
            "In plain doubles it loses about 6*log10(steps_per_epoch/5) digits in long epochs: call it "
            f"with fractions or many digits there (or use {_HEADLINE[0]}).",
        )
    other = f" (or, up to 50 steps per epoch, use {_WITHOUT_CANCELLATION})"
    return (
        "In plain doubles it loses about 3*log10(1/(learning_rate*curvature)) digits in flat "
        f"directions: call it with fractions or many digits{other * (formula.slug in _HEADLINE)}.",
    )


def assignments(formula: Formula) -> Assignments:
    """The formula in assignments, each Lucas sequence named once."""
    names = named_where(formula)
    values = [value for _, value in formula.where]
    found = {atom for value in (*values, formula.compact) for atom in value.atoms(LucasSequence)}
    ordered = sorted(found, key=sp.default_sort_key)
    sequences = {
        atom: sp.Symbol(f"{'WU'[int(atom.args[0])] if atom.order == 2 else 'u'}_{place}", real=True)
        for place, atom in enumerate(ordered, start=1)
    }
    table = {**names, **sequences}
    return Assignments(
        parameters=formula.parameters,
        per_sample=formula.per_sample,
        sequences=tuple((name, atom) for atom, name in sequences.items()),
        where=tuple((names[name], value.xreplace(table)) for name, value in formula.where),
        result=formula.compact.xreplace(table),
    )

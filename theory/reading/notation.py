"""What a written name means: the field's letters, the parameters' names, and a reader's own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import sympy as sp

from theory import symbols
from theory.errors import TheoryError
from theory.reading.spelling import is_plain, plain
from theory.symbols import PARAMETERS

if TYPE_CHECKING:
    from theory.reading.reading import Reading

__all__ = ["DEFAULT_NOTATION", "Notation", "unknown_names_message"]


@dataclass(frozen=True, slots=True)
class Notation:
    """A table from names to expressions in the project's symbols.

    Attributes
    ----------
    names
        By plain spelling, see :func:`theory.reading.spelling.plain`: Greek letters spelled out, so
        that ``η``, ``eta`` and ``\\eta`` are one name, and ``λ'`` is ``lambda_prime``.
    """

    names: Mapping[str, sp.Expr]

    def meaning(self, name: str) -> sp.Expr | None:
        """What a name in any spelling means, None if it is not declared."""
        return self.names.get(plain(name))

    def with_names(self, extra: Mapping[str, str]) -> Notation:
        """The same with names of one's own: ``{"gamma": "learning_rate", "k": "2*curvature"}``.

        A meaning is a formula in the names of this notation, so that letters can be exchanged:
        ``{"lambda": "learning_rate", "k": "curvature"}``.

        Raises
        ------
        TheoryError
            If a name is no name, or a meaning uses a name that is not declared.
        ReadingError
            If a meaning cannot be read.
        """
        from theory.reading.text import read_text

        own: dict[str, sp.Expr] = {}
        for name, meaning in extra.items():
            spelled = plain(name)
            if not is_plain(spelled):
                raise TheoryError(
                    f"notation: {_short(name)} is no name; write a letter, then letters, digits or _"
                )
            reading = read_text(meaning, self)
            if reading.left:
                raise TheoryError(f"notation: {name} = {_short(meaning)} has a second '='; keep one")
            if reading.unknown:
                raise TheoryError(f"notation, {name}: {unknown_names_message(reading, self)}")
            own[spelled] = reading.expression
        return Notation(MappingProxyType({**self.names, **own}))


#: the field's letters; every name of :data:`theory.symbols.PARAMETERS` means itself
_LETTERS = {
    "eta": symbols.learning_rate, "lr": symbols.learning_rate, "beta": symbols.momentum,
    "lambda": symbols.curvature, "lam": symbols.curvature, "lambda_prime": symbols.second_curvature,
    "c": symbols.noise_variance, "M": symbols.steps_per_epoch, "S": symbols.batch_size,
    "B": symbols.batch_size, "N": symbols.samples, "tau": symbols.lag, "j": symbols.position,
    "omega": symbols.frequency, "d": symbols.dampening, "rho": symbols.weight_decay,
    "nu": symbols.immediate_discount, "alpha": symbols.averaging_rate,
    "psi": symbols.curvature_variance, "Y": symbols.label_variance,
    "chi": symbols.curvature_gradient_covariance, "delta": symbols.displacement,
    "kappa": symbols.negative_curvature, "K": symbols.epochs,
}

DEFAULT_NOTATION = Notation(
    MappingProxyType({**{name: p.symbol for name, p in PARAMETERS.items()}, **_LETTERS, "pi": sp.pi})
)


#: what the message on unknown names lists
_USUAL = ("eta", "beta", "lambda", "c", "M", "B", "N", "tau")
_MOST_SHOWN = 8


def unknown_names_message(reading: Reading, notation: Notation = DEFAULT_NOTATION) -> str:
    """Names that are not declared, where each stands, and the nearest declared ones; '' for none."""
    parts = []
    for symbol in reading.unknown:
        line, column = reading.places[symbol.name]
        parts.append(f"{symbol.name!r} (line {line}, column {column}){_hint(symbol.name, notation)}")
    if not parts:
        return ""
    noun = "the name is" if len(parts) == 1 else "these names are"
    own = [n for n in notation.names if notation.names[n] != DEFAULT_NOTATION.names.get(n)]
    shown = list(dict.fromkeys(n for n in (*own, *_USUAL) if n in notation.names))[:_MOST_SHOWN]
    return (
        f"{noun} not declared: {'; '.join(parts)}. Declared are, among others, {', '.join(shown)} and the "
        "parameters' own names, such as learning_rate"
    )


def _hint(name: str, notation: Notation) -> str:
    if name in ("i", "I"):
        return ": the imaginary unit is read in an exponent with a frequency, exp(i*omega)"
    if name == "e":
        return ": a power of Euler's number is exp(x)"
    if name[:2] in ("U_", "W_", "F_", "u_") and len(name) > 2:
        index = name[2:]
        k = 0 if name[0] == "W" else 1
        return (
            f": a Lucas sequence has to be defined, in LaTeX by its recursion U_{{n+1}} = ... U_n - ... "
            f"U_{{n-1}}, U_0 = 0, U_1 = 1, or written "
            f"LucasSequence({k}, {index}, 1 + beta - eta*lambda, beta)"
        )
    low = {known.lower(): known for known in sorted(notation.names, reverse=True)}
    near = difflib.get_close_matches(name.lower(), list(low), n=2, cutoff=0.6)
    meant = [low[n] for n in near]
    return f", near {' and '.join(meant)}" if meant else ""


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")

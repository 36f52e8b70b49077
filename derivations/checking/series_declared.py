"""The text with which a claim declares its limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import sympy as sp

from theory.errors import TheoryError
from theory.reading import DEFAULT_NOTATION, Notation, ReadingError, read_text
from theory.symbols import PARAMETERS, momentum

__all__ = ["DeclaredLimit", "read_limit"]

#: limits with a name of their own, and the approaches they are made of, in order
_PHRASES: Mapping[str, tuple[str, ...]] = {
    "continuous time": ("steps_per_epoch", "learning_rate"),
    "curvature well above the crossover": ("steps_per_epoch",),
    "curvature >> crossover": ("steps_per_epoch",),
    "curvature well below the crossover": ("curvature", "steps_per_epoch"),
    "curvature << crossover": ("curvature", "steps_per_epoch"),
    "m >> 1/(1 - momentum)": ("steps_per_epoch",),
    "fixed kappa": ("fixed kappa",),
    "fixed mu": ("fixed mu",),
    "kinetic": ("kinetic",),
}
_NAMES: Mapping[str, tuple[str, ...]] = {
    "learning_rate": ("eta", "learning rate", "lr", "step size"),
    "steps_per_epoch": ("m", "steps per epoch", "steps"),
    "samples": ("n",),
    "curvature": ("lambda", "h"),
    "second_curvature": ("lambda_prime",),
    "momentum": ("beta",),
}
_SPELLING = {
    spelling: name for name, spellings in _NAMES.items()
    for spelling in (name, name.replace("_", " "), *spellings)
}
_ARROW = re.compile(
    r"\s*(?:->|→|\\to(?![A-Za-z])|\\(?:long)?rightarrow(?![A-Za-z])|\btends to\b|\bgoes to\b)\s*"
)
_MUCH = re.compile(r"(.+?)\s*(<<|>>|≪|≫|\\ll|\\gg)\s*1")
_INFINITE = {"oo", "inf", "infinity", "infty", r"\infty", "∞"}
_UNDERSTOOD = (
    "'NAME -> 0' for learning_rate, curvature, momentum; 'NAME -> oo' for steps_per_epoch, samples; "
    "'momentum -> 1'; 'NAME << 1' and 'NAME >> 1' for these; several, in the order in which they are "
    "taken, separated by commas; and " + ", ".join(repr(p) for p in _PHRASES)
)


class DeclaredLimit(NamedTuple):
    """A limit as it was written, understood.

    Attributes
    ----------
    names
        Of approaches, in the order in which the limits are taken.
    phrase
        The name of the limit, such as "continuous time"; empty where the text itself says what moves.
    text
        As it was given.
    """

    names: tuple[str, ...]
    phrase: str = ""
    text: str = ""


def read_limit(text: str, notation: Notation = DEFAULT_NOTATION) -> DeclaredLimit:
    r"""Read ``eta -> 0``, ``M -> oo``, ``\gamma \to 0``, ``beta << 1``, "continuous time"; several by commas.

    Names mean what ``notation`` says, then what they are usually called ("step size"). A product or an
    inverse stands for its variable: ``eta*lambda -> 0`` moves the learning rate, ``1/M -> 0`` the steps.

    Raises
    ------
    TheoryError
        For a text that is not understood, or a variable whose limit is not taken; lists what is.
    """
    phrase = _phrase(text)
    if phrase is not None:
        return DeclaredLimit(_PHRASES[phrase], phrase, text)
    names: list[str] = []
    for part in re.split(r"\s*(?:,|;|\band then\b|\bthen\b|\band\b)\s*", text.strip(" $")):
        if part:
            inner = _phrase(part)
            names += _PHRASES[inner] if inner is not None else [_single(part, text, notation)]
    if not names:
        raise TheoryError(f"the limit {text!r} names no variable; understood are {_UNDERSTOOD}")
    return DeclaredLimit(tuple(dict.fromkeys(names)), "", text)


def _phrase(text: str) -> str | None:
    plain = _normal(text)
    for phrase in _PHRASES:
        if plain in (_normal(phrase), _normal(f"{phrase} limit")):
            return phrase
    return None


def _normal(text: str) -> str:
    """Without blanks, in lower case, Greek letters and short names written out."""
    plain = re.sub(r"[\s_-]+", "", text.lower())
    for short, name in (
        ("β", "momentum"), ("beta", "momentum"), ("λ", "curvature"), ("lambda", "curvature"),
        ("stepsperepoch", "m"), ("≫", ">>"), ("≪", "<<"),
    ):
        plain = plain.replace(short, name)
    return plain


def _single(part: str, text: str, notation: Notation) -> str:
    """The approach of one variable and its goal."""
    sides = _ARROW.split(part)
    if len(sides) == 2:
        name, goal = sides
    elif found := _MUCH.fullmatch(part.strip(" $")):
        name, goal = found[1], "0" if found[2] in ("<<", "≪", r"\ll") else "oo"
    else:
        raise TheoryError(f"cannot read {part!r} in the limit {text!r}; understood are {_UNDERSTOOD}")
    goal = goal.strip(" $").lower()
    goal = "oo" if goal.lstrip("+") in _INFINITE else re.sub(r"\^?\{?[+-]\}?$", "", goal)  # 0^+, 1-
    found_name = _approach(_meaning(name.strip(" $"), part, notation), goal)
    if not found_name:
        raise TheoryError(f"cannot take {part!r} in the limit {text!r}; understood are {_UNDERSTOOD}")
    return found_name


def _meaning(name: str, part: str, notation: Notation) -> sp.Expr:
    """What a variable of a limit stands for."""
    value, usual = notation.meaning(name), _SPELLING.get(name.lower())
    if value is not None or usual is not None:
        return PARAMETERS[usual].symbol if value is None and usual is not None else value
    try:
        reading = read_text(re.sub(r"\\(?=[A-Za-z])", " ", name), notation)
    except ReadingError as error:
        raise TheoryError(
            f"cannot read {name!r} in the limit {part!r}: {error.message}; understood are {_UNDERSTOOD}"
        ) from None
    if reading.unknown:
        raise TheoryError(
            f"{str(reading.unknown[0])!r} in the limit {part!r} is not declared; understood are {_UNDERSTOOD}"
        )
    return reading.expression


#: a product vanishes, or grows, with the first of these that is among its factors
_SMALL = ("learning_rate", "curvature", "second_curvature", "momentum")
_LARGE = ("steps_per_epoch", "samples")


def _approach(value: sp.Expr, goal: str) -> str:
    """The approach in which a value tends to its goal; "" where there is none."""
    if (value, goal) in ((momentum, "1"), (1 - momentum, "0")):
        return "momentum to one"
    if (value, goal) == (1 - momentum, "1"):
        return "momentum"
    if goal not in ("0", "oo"):
        return ""
    powers = {base.name: power for base, power in value.as_powers_dict().items() if base.is_Symbol}
    for names, falls in ((_SMALL, goal == "0"), (_LARGE, goal == "oo")):
        for name in names:
            if powers.get(name, sp.S.Zero).is_positive if falls else powers.get(name, sp.S.Zero).is_negative:
                return name
    return ""

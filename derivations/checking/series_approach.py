"""The ways a limit is taken: what goes where, at what fixed, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from derivations.checking.series_expression import EPSILON
from derivations.checking.series_positive import ROOT_OF_MOMENTUM
from theory.errors import TheoryError
from theory.symbols import (
    batch_size,
    curvature,
    learning_rate,
    momentum,
    samples,
    second_curvature,
    steps_per_epoch,
)

__all__ = ["APPROACHES", "Approach", "read_limit"]

_KAPPA = sp.Symbol("kappa", positive=True)
_MU = sp.Symbol("mu", positive=True)
_G = sp.Symbol("g", positive=True)
_REST = sp.Symbol("remainder", real=True)
_kappa = learning_rate * curvature * steps_per_epoch / (1 - momentum)
_SCOPE = {learning_rate, steps_per_epoch, samples}


@dataclass(frozen=True, kw_only=True, eq=False)
class Approach:
    """One limit, as functions of the small variable put for the symbols.

    Attributes
    ----------
    text
        As reports name it.
    replace
        The symbols that move, as functions of EPSILON.
    small
        EPSILON in the user's symbols.
    back
        The names of what is held fixed, in the user's symbols.
    moving
        The symbols whose presence makes the limit worth taking.
    """

    text: str
    replace: Mapping[sp.Symbol, sp.Expr]
    small: sp.Expr
    moving: frozenset[sp.Symbol]
    back: Mapping[sp.Symbol, sp.Expr]
    in_scope: bool = False

    def __repr__(self) -> str:
        return self.text


def _plain(symbol: sp.Symbol, text: str, replace: sp.Expr, small: sp.Expr) -> Approach:
    return Approach(
        text=text, replace={symbol: replace}, small=small, moving=frozenset({symbol}), back={},
        in_scope=symbol in _SCOPE,
    )


APPROACHES: Mapping[str, Approach] = {
    "steps_per_epoch": _plain(
        steps_per_epoch, "steps_per_epoch -> oo", 1 / EPSILON, 1 / steps_per_epoch
    ),
    "samples": _plain(samples, "samples -> oo", 1 / EPSILON, 1 / samples),
    "samples, batches": Approach(
        text="samples -> oo at fixed steps_per_epoch (batch_size = (samples - remainder)/steps_per_epoch)",
        replace={samples: 1 / EPSILON, batch_size: (1 / EPSILON - _REST) / steps_per_epoch},
        small=1 / samples, moving=frozenset({samples}), back={_REST: samples - batch_size * steps_per_epoch},
        in_scope=True,
    ),
    "samples, steps": Approach(
        text="samples -> oo at fixed batch_size (steps_per_epoch = (samples - remainder)/batch_size)",
        replace={samples: 1 / EPSILON, steps_per_epoch: (1 / EPSILON - _REST) / batch_size},
        small=1 / samples, moving=frozenset({samples}), back={_REST: samples - batch_size * steps_per_epoch},
        in_scope=True,
    ),
    "learning_rate": _plain(learning_rate, "learning_rate -> 0", EPSILON, learning_rate),
    "curvature": _plain(curvature, "curvature -> 0", EPSILON, curvature),
    "momentum": _plain(momentum, "momentum -> 0", EPSILON, momentum),
    "momentum to one": _plain(momentum, "momentum -> 1", 1 - EPSILON, 1 - momentum),
    "second_curvature": _plain(
        second_curvature, "second_curvature -> 0", EPSILON, second_curvature
    ),
    "root of momentum": _plain(ROOT_OF_MOMENTUM, "momentum -> 0", EPSILON, sp.sqrt(momentum)),
    "fixed kappa": Approach(
        text="learning_rate -> 0, steps_per_epoch -> oo at fixed "
        "learning_rate*curvature*steps_per_epoch/(1 - momentum)",
        replace={
            learning_rate: EPSILON, steps_per_epoch: _KAPPA * (1 - momentum) / (EPSILON * curvature)
        },
        small=learning_rate, moving=frozenset(_kappa.free_symbols), back={_KAPPA: _kappa}, in_scope=True,
    ),
    "fixed mu": Approach(
        text="steps_per_epoch -> oo, momentum -> 1 at fixed steps_per_epoch*(1 - momentum)",
        replace={steps_per_epoch: 1 / EPSILON, momentum: 1 - _MU * EPSILON},
        small=1 / steps_per_epoch, moving=frozenset({steps_per_epoch, momentum}),
        back={_MU: steps_per_epoch * (1 - momentum)},
    ),
    "kinetic": Approach(
        text="learning_rate -> 0, momentum -> 1 at fixed learning_rate/(1 - momentum)**2",
        replace={learning_rate: EPSILON**2, momentum: 1 - _G * EPSILON},
        small=sp.sqrt(learning_rate), moving=frozenset({learning_rate, momentum}),
        back={_G: (1 - momentum) / sp.sqrt(learning_rate)},
    ),
}

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
    "learning_rate": (
        "eta", "learning rate", "lr", "η", r"\eta", "step size", "eta*lambda", "learning_rate*curvature"
    ),
    "steps_per_epoch": ("m", "steps per epoch", "steps"),
    "samples": ("n",),
    "curvature": ("lambda", "λ", r"\lambda", "h"),
    "second_curvature": ("lambda'", "λ'"),
    "momentum": ("beta", "β", r"\beta"),
}
_SPELLING = {
    spelling: name for name, spellings in _NAMES.items()
    for spelling in (name, name.replace("_", " "), *spellings)
}
_ARROW = re.compile(r"\s*(?:->|→|\\to\b|\\rightarrow\b|\btends to\b|\bgoes to\b)\s*")
_INFINITE = {"oo", "inf", "infinity", "infty", r"\infty", "∞", "+oo"}
_UNDERSTOOD = (
    "'NAME -> 0' for learning_rate, curvature, momentum; 'NAME -> oo' for steps_per_epoch, samples; "
    "'momentum -> 1'; 'NAME << 1' and 'NAME >> 1' for these; several, in the order in which they are "
    "taken, separated by commas; and " + ", ".join(repr(p) for p in _PHRASES)
)


def read_limit(text: str) -> tuple[tuple[str, ...], str]:
    """Names in :data:`APPROACHES`, in the order in which the limits are taken, and the phrase used.

    The phrase is empty where the text itself says which symbols move.

    Raises
    ------
    TheoryError
        For a text that is not understood; the message lists what is.
    """
    phrase = _phrase(text)
    if phrase is not None:
        return _PHRASES[phrase], phrase
    names: list[str] = []
    for part in re.split(r"\s*(?:,|;|\band then\b|\bthen\b|\band\b)\s*", text.strip()):
        if part:
            inner = _phrase(part)
            names += _PHRASES[inner] if inner is not None else [_single(part, text)]
    if not names:
        raise TheoryError(f"the limit {text!r} names no variable; understood are {_UNDERSTOOD}")
    return tuple(dict.fromkeys(names)), ""


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


def _single(part: str, text: str) -> str:
    sides = _ARROW.split(part)
    if len(sides) == 2:
        name, goal = sides
    elif found := re.fullmatch(r"(.+?)\s*(<<|>>|≪|≫|\\ll|\\gg)\s*1", part):
        name, goal = found[1], "0" if found[2] in ("<<", "≪", r"\ll") else "oo"
    else:
        raise TheoryError(f"cannot read {part!r} in the limit {text!r}; understood are {_UNDERSTOOD}")
    name, goal = name.strip().strip("$"), goal.strip().strip("$").lower()
    if re.fullmatch(r"1\s*/\s*\w+", name) and goal in _INFINITE | {"0"}:
        name, goal = name.split("/")[1].strip(), "0" if goal in _INFINITE else "oo"
    known = _SPELLING.get(name.lower() if name not in _SPELLING else name)
    goal = "oo" if goal in _INFINITE else goal
    if known is not None and goal == {"steps_per_epoch": "oo", "samples": "oo"}.get(known, "0"):
        return known
    if known == "momentum" and goal in ("1", "1-"):
        return "momentum to one"
    raise TheoryError(f"cannot take {part!r} in the limit {text!r}; understood are {_UNDERSTOOD}")

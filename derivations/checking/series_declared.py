"""The text with which a claim declares its limit."""

from __future__ import annotations

import re
from collections.abc import Mapping

from theory.errors import TheoryError

__all__ = ["read_limit"]

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

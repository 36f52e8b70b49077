r"""Which quantity the left side of an equation names: ``<theta^2>``, ``\sigma_v^2``, ``Var(theta)``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from theory.quantities import QUANTITIES
from theory.reading.reading import Reading
from theory.reading.spelling import GREEK, plain

__all__ = ["left_quantity"]

#: letters of the fluctuation around the minimum, of the velocity and of the noise
_WEIGHT = ("theta", "vartheta", "deltatheta", "Deltatheta", "delta", "x", "w", "deltaw", "Deltaw", "deltax")
_VELOCITY = ("v", "deltav")
_NOISE = ("g", "xi", "deltag", "zeta", "epsilon", "varepsilon")
_OTHER = ("L", "ell", "loss")
_LONGEST = 200
_LETTERS = sorted((*_WEIGHT, *_VELOCITY, *_NOISE, *_OTHER), key=len, reverse=True)
_INDEX = r"_(?:\{[^{}]*\}|[A-Za-z0-9*]+?(?=[\^,*]|$|" + "|".join(_LETTERS) + r")|[A-Za-z0-9*]+)"
_FACTOR = re.compile(
    rf"[*]?(?P<letter>{'|'.join(_LETTERS)})'*(?P<index>{_INDEX})?(?:(?:\^|\*\*)\{{?(?P<power>\d+)\}}?)?'*"
)
_AVERAGE = re.compile(r"(?:<(?P<angle>.*)>|(?:E|mean)(?:\[(?P<square>.*)\]|\((?P<round>.*)\)))(?:_\w+)?")
_VARIANCE = re.compile(r"(?:Var|var|V)(?:\[(?P<square>.*)\]|\((?P<round>.*)\))")
_COVARIANCE = re.compile(r"(?:Cov|cov)(?:\[(?P<square>.*)\]|\((?P<round>.*)\))")
_SIGMA = re.compile(
    r"[sS]igma(?:_\{?(?P<one>[A-Za-z*,]+)\}?)?(?P<square>\^\{?2\}?|\*\*2)(?:_\{?(?P<two>[A-Za-z*,]+)\}?)?"
)
_CENTRED = re.compile(r"\((theta|w|x|v)(_\w+)?-(?:\1_(?:\w+|\*|\{[^{}]*\})|<\1>)\)")


def left_quantity(reading: Reading) -> str | None:
    r"""The quantity that the left side names, of :data:`theory.quantities.QUANTITIES`.

    None for no left side, or a name that says nothing (V, y, Q, R(h), S(omega)); "?" for an average that is
    known to be something else (``<theta^4>``, ``Var(g)``).
    """
    if not reading.left or len(reading.left) > _LONGEST:
        return None
    name = reading.left.strip().strip("$").strip()
    quantity = plain(name).replace("_", "-").replace(" ", "-").lower()
    return quantity if quantity in QUANTITIES else _of_average(_flat(name))


def _flat(text: str) -> str:
    """One spelling without blanks, fonts and sizes of brackets."""
    text = re.sub(r"\\(left|right|big|Big|bigl|bigr|Bigl|Bigr)(?![A-Za-z])", "", text)
    text = re.sub(r"\\(langle|rangle)(?![A-Za-z])", lambda m: "<" if m[1] == "langle" else ">", text)
    text = re.sub(r"\\(operatorname|mathrm|mathbb|mathbf|mathcal|text|rm)\s*\{?([A-Za-z]+)\}?", r"\2", text)
    text = re.sub(r"\\(?:[,;:!> ]|infty\b|cdot\b)", " ", text).replace("\\", " ")
    text = text.replace("⟨", "<").replace("⟩", ">").replace("²", "^2").replace("⁴", "^4")
    text = "".join(GREEK.get(c, c) for c in text)
    return "".join(text.split())


def _of_average(text: str) -> str | None:
    if found := _AVERAGE.fullmatch(text):
        inside = next(g for g in (found["angle"], found["square"], found["round"]) if g is not None)
        return _moment(_factors(inside))
    if found := _VARIANCE.fullmatch(text):
        factors = _factors(found["square"] or found["round"] or "")
        return _moment([*factors, *factors]) if factors is not None else None
    if found := _COVARIANCE.fullmatch(text):
        parts = [_factors(part) for part in (found["square"] or found["round"] or "").split(",")]
        known = [p for p in parts if p is not None]
        return _moment([f for p in known for f in p]) if len(known) == len(parts) == 2 else None
    if found := _SIGMA.fullmatch(text):
        factors = _factors((found["one"] or found["two"] or "").replace(",", ""))
        return _moment(factors * (2 if len(factors) == 1 else 1)) if factors else None
    return None


def _factors(inside: str) -> list[tuple[str, str]] | None:
    """Letters of a product with their indices, each as often as its power; None for an unknown one."""
    inside, found, place = _CENTRED.sub(r"\1\2", inside), [], 0
    while place < len(inside):
        factor = _FACTOR.match(inside, place)
        if factor is None:
            return None
        power = int(factor["power"] or 1)
        found += [(factor["letter"], factor["index"] or "")] * min(power, 9)
        place = factor.end()
    return found or None


def _moment(factors: Sequence[tuple[str, str]] | None) -> str | None:
    """The second moment that a product of two letters is; "?" for any other product."""
    if factors is None:
        return None
    kinds = sorted(
        "weight" if a in _WEIGHT else "velocity" if a in _VELOCITY else "noise" if a in _NOISE else "other"
        for a, _ in factors
    )
    apart = len({index for _, index in factors}) > 1
    table: dict[tuple[str, ...], str] = {
        ("weight", "weight"): "weight-autocovariance" if apart else "weight-variance",
        ("velocity", "velocity"): "?" if apart else "velocity-variance",
        ("velocity", "weight"): "weight-velocity-covariance",
        ("noise", "noise"): "noise-autocovariance" if apart else "?",
    }
    return table.get(tuple(kinds), "?")

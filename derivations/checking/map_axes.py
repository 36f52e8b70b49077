"""The dimensionless numbers that the error of an approximate claim is drawn over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from derivations.checking.limits import LimitFinding
from theory.symbols import curvature, learning_rate, steps_per_epoch

__all__ = ["KAPPA", "LONG", "MOMENTUM", "RATE", "SAMPLES", "STEPS", "USUAL", "Axes", "Axis", "choose_axes"]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One dimensionless number: its name, in short, its values, and one of them that is usual."""

    name: str
    values: tuple[float, ...]
    typical: float
    short: str = ""

    @property
    def is_kappa(self) -> bool:
        return self.short == "kappa"

    @property
    def word(self) -> str:
        return self.short or self.name


def _powers(low: float, high: float, count: int) -> tuple[float, ...]:
    """Equidistant logarithms, two digits."""
    step = (high / low) ** (1 / (count - 1))
    return tuple(float(f"{low * step**k:.2g}") for k in range(count))


RATE = Axis(name="learning_rate*curvature", values=_powers(1e-4, 1.6, 12), typical=0.02)
STEPS = Axis(
    name="steps_per_epoch", values=tuple(float(round(v)) for v in _powers(2, 20_000, 12)), typical=300
)
MOMENTUM = Axis(
    name="momentum", values=(0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99), typical=0.9
)
SAMPLES = Axis(name="samples/(batch_size*steps_per_epoch)", values=_powers(1, 1e5, 12), typical=66)
KAPPA = Axis(
    name="learning_rate*curvature*steps_per_epoch/(1 - momentum)", values=_powers(0.01, 1000, 12), typical=10,
    short="kappa",
)
#: epochs in units of the memory of the momentum: whole steps where momentum = 0.9
LONG = Axis(
    name="steps_per_epoch*(1 - momentum)", values=tuple(v / 10 for v in STEPS.values), typical=30,
)
#: the same without momentum
_PLAIN_KAPPA = Axis(
    name="learning_rate*curvature*steps_per_epoch", values=KAPPA.values, typical=10, short="kappa",
)
#: the axis that a limit is about; a rate and a curvature enter through their product
_ABOUT = {
    "learning_rate": RATE, "curvature": RATE, "steps_per_epoch": STEPS, "momentum": MOMENTUM,
    "samples": SAMPLES,
}
#: what is not on an axis: one typical run; whole numbers that fit together
USUAL: Mapping[str, Fraction] = {
    "learning_rate": Fraction(1, 50), "curvature": Fraction(1), "second_curvature": Fraction(1, 2),
    "momentum": Fraction(9, 10), "noise_variance": Fraction(1), "steps_per_epoch": Fraction(100),
    "batch_size": Fraction(10), "lag": Fraction(1), "position": Fraction(1), "frequency": Fraction(1),
    "dampening": Fraction(0), "weight_decay": Fraction(0), "immediate_discount": Fraction(7, 10),
    "averaging_rate": Fraction(1, 10), "curvature_variance": Fraction(1),
    "curvature_gradient_covariance": Fraction(1, 2), "label_variance": Fraction(1),
    "displacement": Fraction(1), "negative_curvature": Fraction(1), "epochs": Fraction(1),
}
_NEEDED = {"learning_rate", "curvature", "steps_per_epoch"}
_ORDERED = (["learning_rate", "steps_per_epoch"], ["steps_per_epoch", "learning_rate"])


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What a map is drawn over.

    Attributes
    ----------
    first, second
        The number that the limit is about, and another one that matters, if there is one.
    growing
        Whether the first grows in the limit.
    iterated
        Several limits are taken one after the other: the second number must have gone further.
    fixed
        All other parameters.
    """

    first: Axis
    second: Axis | None
    growing: bool
    iterated: bool
    fixed: Mapping[str, Any]


def choose_axes(limit: LimitFinding, names: set[str]) -> Axes | None:
    """Axes for a limit, of the parameters called ``names``; None where no axis is about it.

    kappa = learning_rate*curvature*steps_per_epoch/(1 - momentum) is the first where the leading error is
    a power of it for small steps or long epochs, with the length of an epoch in units of the momentum's
    memory as the second; else the first is the variable that moves last. The second is then kappa where
    steps and rate move one after the other, else the variable that moves before, or one that the leading
    error contains.
    """
    chosen = [(axis, goal) for name, goal in limit.variables if (axis := _ABOUT.get(name)) is not None]
    if not chosen:
        return None
    first, goal = chosen[-1]
    growing = goal != "0"
    earlier = [axis for axis, _ in chosen[:-1] if axis is not first]
    fixed = dict(USUAL)
    has_momentum = "momentum" in names
    kappa = KAPPA if has_momentum else _PLAIN_KAPPA
    if not has_momentum:
        fixed["momentum"] = Fraction(0)
    moved = [name.replace("curvature", "learning_rate") for name, _ in limit.variables]
    if moved in _ORDERED and names >= _NEEDED:
        earlier = [kappa]  # the first limit takes kappa to its end
    elif not earlier and _is_by_kappa(limit, names, growing=growing):
        return Axes(first=kappa, second=LONG if has_momentum else STEPS, growing=growing, iterated=False,
                    fixed=fixed)
    inside = set() if limit.leading_error is None else {s.name for s in limit.leading_error.free_symbols}
    possible = [(MOMENTUM, "momentum"), (RATE, "curvature"), (STEPS, "steps_per_epoch")]
    others = [axis for axis, name in possible if name in names and axis is not first]
    others.sort(key=lambda axis: not any(axis is a and name in inside for a, name in possible))
    second = next(iter([*earlier, *others]), None)
    return Axes(first=first, second=second, growing=growing, iterated=bool(earlier), fixed=fixed)


def _is_by_kappa(limit: LimitFinding, names: set[str], *, growing: bool) -> bool:
    """Whether the leading error is the power of kappa that the limit is of.

    For M -> oo: as M**-k in the limit and as (learning_rate*curvature)**-k for small steps; for small
    steps: the other way round for long epochs.
    """
    error, order = limit.leading_error, limit.order
    if error is None or order is None or not names >= _NEEDED:
        return False
    over, under = sp.fraction(sp.together(error))
    try:
        if growing:
            return bool(
                _power(over, under, steps_per_epoch, -1) == -order == _power(over, under, learning_rate, 0)
                == _power(over, under, curvature, 0)
            )
        return bool(
            order == _power(over, under, steps_per_epoch, -1) == _power(over, under, learning_rate, 0)
            == _power(over, under, curvature, 0)
        )
    except sp.PolynomialError:
        return False


def _power(over: sp.Expr, under: sp.Expr, symbol: sp.Symbol, end: int) -> int:
    """The power of a symbol in a quotient: for large values (end -1) or small ones (end 0)."""
    degrees = [sorted(m[0] for m in sp.Poly(e, symbol).monoms()) for e in (over, under)]
    return int(degrees[0][end] - degrees[1][end])

"""Covariances of weights and velocity for any (rule, scheme): components propagated and summed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import sympy as sp

from theory.engine.mode import ModePair
from theory.engine.rational_matrix import Polynomial, RationalMatrix
from theory.engine.setting import Setting
from theory.noise import NoiseComponent
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme

__all__ = ["When", "covariance_entry", "setting_for"]

When = Literal["mean", "at-position", "at-last-position", "lag-within", "lag-beyond", "lag-at-position"]
Output = Literal["weights", "velocity"]

_SEGMENTS: dict[str, tuple[str, ...]] = {
    "mean": ("M",),
    "at-position": ("M", "j"),
    "at-last-position": ("M",),
    "lag-within": ("lag", "rest"),
    "lag-beyond": ("M", "excess"),
    "lag-at-position": ("M", "j", "lag"),
}
_PROPAGATE: dict[str, Callable[[NoiseComponent, ModePair], RationalMatrix]] = {
    "mean": lambda component, pair: component.mean(pair),
    "at-position": lambda component, pair: component.at_position(pair),
    "at-last-position": lambda component, pair: component.at_last_position(pair),
    "lag-within": lambda component, pair: component.lagged_within(pair),
    "lag-beyond": lambda component, pair: component.lagged_beyond(pair),
    "lag-at-position": lambda component, pair: component.lagged_at_position(pair),
}


def setting_for(
    rule: LinearRule, scheme: SamplingScheme, when: When, *, cross: bool, velocity: bool
) -> Setting:
    """Choose the segments of the exponents, and remember the previous weights where needed."""
    segments, layout = _SEGMENTS[when], {}
    if when == "lag-within":
        layout["M"] = ("lag", "rest")
    elif scheme.periodic and when == "lag-beyond":
        segments, layout["M"] = ("folded", "unfolded"), ("folded", "unfolded")
    elif scheme.periodic and when == "lag-at-position":
        segments, layout["M"] = ("lag", "rest"), ("lag", "rest")
    elif all(component.name == "white" for component, _ in scheme.noise):
        segments = tuple(s for s in segments if s in ("lag", "excess", "M") and "lag" in when)
    plain = Setting(rule=rule, segments=segments, layout=layout, cross=cross)
    if not velocity or plain.velocity_row() is not None:
        return plain
    return Setting(rule=rule, segments=segments, layout=layout, cross=cross, remembering=True)


def covariance_entry(
    setting: Setting, scheme: SamplingScheme, when: When, first: Output, second: Output
) -> tuple[Polynomial, Polynomial]:
    r"""Numerator and denominator of <first, second> in units of :math:`\eta^2c`, lowest terms."""
    rows = {"weights": setting.weights_row, "velocity": setting.velocity_row()}
    left, right = rows[first], rows[second]
    assert left is not None
    assert right is not None
    total = None
    for component, weight in scheme.noise:
        whole = _PROPAGATE[when](component, setting.pair)
        part = (left @ whole @ right.T).reduced().scale(sp.sympify(weight))
        total = part if total is None else total + part
    assert total is not None
    return total.entry(0, 0)

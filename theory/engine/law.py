"""Covariances of weights and velocity for any (rule, scheme): components propagated and summed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import sympy as sp

from theory.engine.mode import ModePair
from theory.engine.rational_matrix import Polynomial, RationalMatrix
from theory.engine.setting import Setting
from theory.engine.staged import StagedSetting
from theory.errors import TheoryError
from theory.noise import NoiseComponent
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme

__all__ = ["Output", "When", "covariance_entry", "setting_for", "staged_entry"]

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
_PROPAGATE: dict[str, Callable[[NoiseComponent, ModePair[Any]], Any]] = {
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
    scheme.require_covariance()
    segments, layout = _SEGMENTS[when], {}
    if when == "lag-within":
        layout["M"] = ("lag", "rest")
    elif scheme.periodic and when == "lag-beyond":
        segments, layout["M"] = ("folded", "unfolded"), ("folded", "unfolded")
    elif scheme.periodic and when == "lag-at-position":
        segments, layout["M"] = ("lag", "rest", "j"), ("lag", "rest")
    elif all(component.memoryless for component, _ in scheme.noise):
        segments = tuple(s for s in segments if s in ("lag", "excess", "M") and "lag" in when)
    plain = Setting(rule=rule, segments=segments, layout=layout, cross=cross)
    if not velocity or plain.velocity_row() is not None:
        return plain
    return Setting(rule=rule, segments=segments, layout=layout, cross=cross, remembering=True)


def covariance_entry(
    setting: Setting, scheme: SamplingScheme, when: When, first: Output, second: Output
) -> tuple[Polynomial, Polynomial]:
    r"""Numerator and denominator of <first, second> in units of :math:`\eta^2c`, lowest terms."""
    left, right = _rows(setting, first, second)
    total = left.constant(0)
    for component, weight in scheme.noise:
        whole = _PROPAGATE[when](component, setting.pair)
        total = total + (left @ whole @ right.T).reduced().scale(weight)
    return total.entry(0, 0)


def staged_entry(
    setting: Setting, scheme: SamplingScheme, when: When, first: Output, second: Output
) -> tuple[sp.Expr, tuple[tuple[sp.Symbol, sp.Expr], ...]]:
    """The same, as an expression in named quantities and the list of these."""
    staged = StagedSetting(setting)
    left, right = (staged.row(row) for row in _rows(setting, first, second))
    total = left.constant(0)
    for component, weight in scheme.noise:
        whole = _PROPAGATE[when](component, staged.pair)
        total = total + (left @ whole @ right.T).reduced().scale(weight)
    return staged.names.needed(staged.value(total))


def _rows(
    setting: Setting, first: Output, second: Output
) -> tuple[RationalMatrix, RationalMatrix]:
    found = []
    for output in (first, second):
        row = setting.weights_row if output == "weights" else setting.velocity_row()
        if row is None:
            raise TheoryError(
                f"the state of {setting.rule.name!r} does not determine the velocity; "
                "build the setting with velocity=True"
            )
        found.append(row)
    return found[0], found[1]

"""Where an approximate claim is good enough: its relative error over two dimensionless numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from derivations.checking.limits import LimitFinding
from derivations.checking.point_value import UndefinedError, value_at
from derivations.checking.points import holds_at
from derivations.checking.target import Target
from theory.symbols import PARAMETERS

__all__ = ["error_map"]

Numbers = dict[str, Any]
_LEVELS = ((0.01, "1 %"), (0.10, "10 %"))
_DIGITS = 50


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """One dimensionless number: how it is named, its values, and what it sets."""

    name: str
    sets: str
    values: tuple[float, ...]
    typical: float


def _powers(low: float, high: float, count: int) -> tuple[float, ...]:
    """Equidistant logarithms, two digits."""
    step = (high / low) ** (1 / (count - 1))
    return tuple(float(f"{low * step**k:.2g}") for k in range(count))


_RATE = _Axis(
    name="learning_rate*curvature", sets="learning_rate", values=_powers(1e-4, 1.6, 12), typical=0.02,
)
_STEPS = _Axis(
    name="steps_per_epoch", sets="steps_per_epoch",
    values=tuple(float(round(v)) for v in _powers(2, 20_000, 12)), typical=300,
)
_MOMENTUM = _Axis(
    name="momentum", sets="momentum",
    values=(0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99), typical=0.9,
)
_SAMPLES = _Axis(
    name="samples/(batch_size*steps_per_epoch)", sets="samples", values=_powers(1, 1e5, 12), typical=66,
)
#: the axis that a limit is about; a rate and a curvature enter through their product
_ABOUT = {
    "learning_rate": _RATE, "curvature": _RATE, "steps_per_epoch": _STEPS, "momentum": _MOMENTUM,
    "samples": _SAMPLES,
}
#: what is not on an axis: one typical run; whole numbers that fit together
_USUAL: Mapping[str, Any] = {
    "learning_rate": Fraction(1, 50), "curvature": Fraction(1), "second_curvature": Fraction(1, 2),
    "momentum": Fraction(9, 10), "noise_variance": Fraction(1), "steps_per_epoch": Fraction(100),
    "batch_size": Fraction(10), "lag": Fraction(1), "position": Fraction(1), "frequency": Fraction(1),
    "dampening": Fraction(0), "weight_decay": Fraction(0), "immediate_discount": Fraction(7, 10),
    "averaging_rate": Fraction(1, 10),
}


def error_map(claim: sp.Expr, target: Target, limit: LimitFinding) -> dict[str, Any]:
    """Claim/truth - 1 on a grid, and in words where it is below 1 % and 10 %.

    Returns
    -------
    ``axes``, two of {name, values} (one where nothing else matters); ``grid``, rows for the first axis
    and columns for the second, None where the quantity does not exist; ``fixed``, what the other
    parameters are; ``text``. Ready for JSON.
    """
    symbols = claim.free_symbols | target.truth.free_symbols
    names = {s.name for s in symbols}
    # in an iterated limit the first that is taken is the one that must have gone furthest
    variables = re.findall(r"(\w+) -> (\w+)", limit.limit)
    if "at fixed batch_size" in limit.limit:
        variables = [("steps_per_epoch", "oo")]
    chosen = [(axis, to) for v, to in variables if (axis := _ABOUT.get(v)) is not None]
    if not chosen:
        return {}
    first, to = chosen[-1]
    others = [axis for axis, _ in chosen[:-1] if axis is not first]
    others += [axis for axis in (_MOMENTUM, _RATE, _STEPS) if axis.sets in names and axis is not first]
    second = others[0] if others else None
    grid = [
        [_error(claim, target, {first: x, **({second: y} if second else {})})
         for y in (second.values if second else (0.0,))]
        for x in first.values
    ]
    used = {axis.sets for axis in (first, second) if axis is not None}
    return {
        "axes": [{"name": a.name, "values": list(a.values)} for a in (first, second) if a is not None],
        "grid": grid,
        "fixed": {n: str(v) for n, v in _USUAL.items() if n in names - used
                  and n not in ("curvature", "noise_variance")},
        "text": _text(first, second, grid, growing=not to.startswith("0")),
    }


def _error(claim: sp.Expr, target: Target, at: Mapping[_Axis, float]) -> float | None:
    values: Numbers = dict(_USUAL)
    for axis, value in at.items():
        values[axis.sets] = Fraction(str(value)) if axis is not _SAMPLES else value
    ratio = values.pop("samples", 1)
    whole = values["steps_per_epoch"] * values["batch_size"]
    rest = {"dropped": 1, "kept": -1}.get(target.scheme.last_batch, 0)
    values["samples"] = Fraction(int(whole * Fraction(str(ratio)))) + rest
    exact = {PARAMETERS[n].symbol: v for n, v in values.items()}
    if not holds_at(target.formula.valid_if, exact):
        return None
    with mpmath.workdps(_DIGITS):
        point = {
            s: v if s.is_integer else mpmath.mpf(v.numerator) / v.denominator for s, v in exact.items()
        }
        try:
            for name, value in target.formula.where:
                point[name] = value_at(value, point)
            truth = value_at(target.formula.compact, point)
            return None if truth == 0 else float(f"{float(value_at(claim, point) / truth - 1):.3g}")
        except (UndefinedError, ZeroDivisionError):
            return None


def _text(first: _Axis, second: _Axis | None, grid: Sequence[Sequence[Any]], *, growing: bool) -> str:
    """For a few values of the second number: between which values of the first the error is small."""
    columns = [c for c in range(len(grid[0])) if any(row[c] is not None for row in grid)]
    if not columns:
        return ""
    middle = min(columns, key=lambda c: abs(second.values[c] / second.typical - 1)) if second else 0
    parts = []
    for level, name in _LEVELS:
        places: dict[str, list[str]] = {}
        for column in sorted({columns[0], middle, columns[-1]}):
            span = _span(first, [row[column] for row in grid], level, growing)
            places.setdefault(span, []).append(f"{second.values[column]:g}" if second else "")
        parts.append(f"error below {name} " + ", ".join(
            span + (f" at {second.name} = {' and '.join(where)}" if second and len(places) > 1 else "")
            for span, where in places.items()
        ))
    return "; ".join(parts)


def _span(axis: _Axis, errors: Sequence[Any], level: float, growing: bool) -> str:
    """The run of values with errors below the level that lies furthest towards the limit."""
    pairs = [(v, e) for v, e in zip(axis.values, errors, strict=True) if e is not None]
    good = [abs(e) < level for _, e in pairs]
    if not any(good):
        return "nowhere on the grid"
    order = range(len(pairs) - 1, -1, -1) if growing else range(len(pairs))
    start = next(k for k in order if good[k])
    run = [start]
    while 0 <= (after := run[-1] + (-1 if growing else 1)) < len(pairs) and good[after]:
        run.append(after)
    low, high = sorted((pairs[run[0]][0], pairs[run[-1]][0]))
    at_low, at_high = min(run) == 0, max(run) == len(pairs) - 1
    if at_low and at_high:
        return "everywhere on the grid"
    if (at_high and growing) or (at_low and not growing):
        return f"for {axis.name} {'>=' if growing else '<='} {low if growing else high:g}"
    if low == high:
        return f"for {axis.name} near {low:g} only"
    return f"for {axis.name} from {low:g} to {high:g}"

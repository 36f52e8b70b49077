"""Where an approximate claim is good enough: its relative error over two dimensionless numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from derivations.checking.limits import LimitFinding, by_product
from derivations.checking.map_axes import (
    LONG,
    MOMENTUM,
    RATE,
    SAMPLES,
    STEPS,
    Axes,
    Axis,
    choose_axes,
)
from derivations.checking.point_value import UndefinedError, value_at
from derivations.checking.points import holds_at
from derivations.checking.series_approach import APPROACHES
from derivations.checking.series_ratio import unmoved
from derivations.checking.target import Target
from theory.symbols import PARAMETERS

__all__ = ["error_map"]

_LEVELS = ((0.01, "1 %"), (0.10, "10 %"))
_DIGITS = 50
#: where kappa and a rate are given, steps_per_epoch is rounded: not below this
_FEWEST = 10


def error_map(claim: sp.Expr, target: Target, limit: LimitFinding) -> dict[str, Any]:
    """Claim/truth - 1 on a grid, and in words where it is below 1 % and 10 %.

    Returns
    -------
    ``axes``, two of {name, values} (one where nothing else matters); ``grid``, rows for the first axis
    and columns for the second, None where the quantity does not exist or is not evaluated; ``fixed``,
    what the other parameters are; ``text``, which says what is held fixed. Ready for JSON; empty for a
    limit that no axis is about.
    """
    names = {s.name for s in claim.free_symbols | target.truth.free_symbols}
    axes = choose_axes(limit, names)
    if axes is None:
        return {}
    first, second = axes.first, axes.second
    grid = [
        [_error(claim, target, {first: x, **({second: y} if second else {})}, axes.fixed)
         for y in (second.values if second else (0.0,))]
        for x in first.values
    ]
    fixed = _fixed(axes, names, target, together=by_product(claim, target.truth))
    if unmoved(claim, target.truth, APPROACHES["learning_rate"]):
        fixed.pop("learning_rate", None)
    words = _text(axes, grid)
    held = ", ".join(f"{n} = {_decimal(v)}" for n, v in fixed.items())
    named = [f"{a.short} = {a.name}" for a in (first, second) if a is not None and a.short]
    if words:
        words = "; ".join([words, *named, *([f"all at {held}"] if held else [])])
    return {
        "axes": [{"name": a.name, "values": list(a.values)} for a in (first, second) if a is not None],
        "grid": grid,
        "fixed": fixed,
        "text": words,
    }


def _decimal(value: str) -> str:
    """A number of ``fixed`` in decimals."""
    return value if value.startswith("batch_size") else f"{float(Fraction(value)):g}"


def _fixed(axes: Axes, names: set[str], target: Target, *, together: bool) -> dict[str, str]:
    """What is not on an axis, as dimensionless numbers where the error depends on these only."""
    used = {axis for axis in (axes.first, axes.second) if axis is not None}
    by_kappa = any(axis.is_kappa for axis in used)
    on_axis = {
        "momentum": MOMENTUM in used, "learning_rate": RATE in used or by_kappa,
        "steps_per_epoch": STEPS in used or LONG in used or (by_kappa and RATE in used),
    }
    found = {
        n: str(v) for n, v in axes.fixed.items()
        if n in names and n != "noise_variance" and not on_axis.get(n, False)
    }
    if together and "curvature" in found:
        del found["curvature"]
        if "learning_rate" in found:
            rate = found.pop("learning_rate")
            found = {RATE.name: rate, **found}
    if "samples" in names and SAMPLES not in used:
        rest = _rest(target)
        found["samples"] = "batch_size*steps_per_epoch" + (f" {'+-'[rest < 0]} 1" if rest else "")
    return found


def _rest(target: Target) -> int:
    """Samples beyond whole batches, so that there is a last one."""
    return {"dropped": 1, "kept": -1}.get(target.scheme.last_batch, 0)


def _values(at: Mapping[Axis, float], fixed: Mapping[str, Any], target: Target) -> dict[str, Any] | None:
    """Every parameter at a place of the map; None where whole numbers do not allow it."""
    values = dict(fixed)
    given = {axis: Fraction(str(value)) for axis, value in at.items()}
    for axis, name in ((MOMENTUM, "momentum"), (STEPS, "steps_per_epoch"), (RATE, "learning_rate")):
        if axis in given:
            values[name] = given[axis]
    if LONG in given:
        values["steps_per_epoch"] = given[LONG] / (1 - values["momentum"])
    kappa = next((value for axis, value in given.items() if axis.is_kappa), None)
    if kappa is not None:
        rate = kappa * (1 - values["momentum"])  # times steps_per_epoch
        if RATE in given:
            values["steps_per_epoch"] = Fraction(round(rate / given[RATE]))
        if values["steps_per_epoch"] < (_FEWEST if RATE in given else 1):
            return None
        values["learning_rate"] = rate / values["steps_per_epoch"]
    whole = values["steps_per_epoch"] * values["batch_size"]
    values["samples"] = Fraction(int(whole * given.get(SAMPLES, Fraction(1)))) + _rest(target)
    return values


def _error(
    claim: sp.Expr, target: Target, at: Mapping[Axis, float], fixed: Mapping[str, Any]
) -> float | None:
    values = _values(at, fixed, target)
    if values is None:
        return None
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
            truth, value = (_floating(value_at(e, point)) for e in (target.formula.compact, claim))
            return None if truth == 0 else float(f"{float(value / truth - 1):.3g}")
        except (UndefinedError, ZeroDivisionError):
            return None


def _text(axes: Axes, grid: Sequence[Sequence[Any]]) -> str:
    """For a few values of the second number: between which values of the first the error is small."""
    second = axes.second
    columns = [c for c in range(len(grid[0])) if any(row[c] is not None for row in grid)]
    if not columns:
        return ""
    middle = min(columns, key=lambda c: abs(second.values[c] / second.typical - 1)) if second else 0
    parts = []
    for level, name in _LEVELS:
        spans = {c: _span(axes, [row[c] for row in grid], level) for c in columns}
        places: dict[str, list[str]] = {}
        for column in sorted({columns[0], middle, columns[-1]}):
            places.setdefault(spans[column], []).append(f"{second.values[column]:g}" if second else "")
        if second and len(set(spans.values())) == 1:
            parts.append(f"error below {name} {spans[columns[0]]} for every {second.word} on the grid")
            continue
        parts.append(f"error below {name} " + ", ".join(
            span + (f" at {second.word} = {' and '.join(where)}" if second else "")
            for span, where in places.items()
        ))
    return "; ".join(parts)


def _span(axes: Axes, errors: Sequence[Any], level: float) -> str:
    """The values with errors below the level that reach to the end of the grid where the limit is.

    What lies elsewhere may be a change of sign; only where limits are iterated is a window meant, of more
    than one value.
    """
    axis, growing = axes.first, axes.growing
    pairs = [(v, e) for v, e in zip(axis.values, errors, strict=True) if e is not None]
    if growing:
        pairs.reverse()  # the limit comes first
    if not pairs:
        return "nowhere on the grid"
    good = [abs(e) < level for _, e in pairs]
    start = next((k for k in range(len(good)) if good[k] and (k == 0 or good[k + 1 : k + 2] == [True])), -1)
    if start < 0 or (start > 0 and not axes.iterated):
        return f"not yet with {axis.word} = {pairs[0][0]:g}"
    stop = next((k for k in range(start, len(good)) if not good[k]), len(good)) - 1
    if start == 0:
        if stop == len(good) - 1:
            return f"for every {axis.word} on the grid"
        return f"for {axis.word} {'>=' if growing else '<='} {pairs[stop][0]:g}"
    low, high = sorted((pairs[start][0], pairs[stop][0]))
    return f"in the window {axis.word} from {low:g} to {high:g}"


def _floating(value: Any) -> Any:
    """A formula in whole numbers alone is a fraction."""
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value

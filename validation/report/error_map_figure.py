"""Where an approximation is good: the map of its relative error, as a small SVG."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["error_map_figure"]

_CELL, _LEFT, _BOTTOM, _TOP = 18, 120, 44, 8
#: |relative error| below which a cell has the colour
_COLORS = ((0.01, "#1a7f37", "below 1 %"), (0.1, "#d9a400", "below 10 %"))
_LARGE = ("#c01c28", "above 10 %")
_NOTHING = ("#dddddd", "no value")


def error_map_figure(data: Mapping[str, Any]) -> str:
    """SVG of a map with two axes of dimensionless numbers; "" for any other map."""
    axes: Sequence[Mapping[str, Any]] = data.get("axes", ())
    grid: Sequence[Sequence[float | None]] = data.get("grid", ())
    if len(axes) != 2 or not grid:
        return ""
    first, second = axes
    columns, rows = len(first["values"]), len(second["values"])
    width, height = _LEFT + columns * _CELL + 150, _TOP + rows * _CELL + _BOTTOM
    cells = "".join(
        _cell(i, rows - 1 - j, grid[i][j], first, second, j) for i in range(columns) for j in range(rows)
    )
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="system-ui,sans-serif" font-size="11">{cells}{_labels(first, second, columns, rows)}'
        f"{_legend(_LEFT + columns * _CELL + 16)}</svg>"
    )


def _color(error: float | None) -> tuple[str, str]:
    if error is None:
        return _NOTHING
    return next(((color, words) for bound, color, words in _COLORS if abs(error) < bound), _LARGE)


def _cell(
    i: int, row: int, error: float | None, first: Mapping[str, Any], second: Mapping[str, Any], j: int
) -> str:
    shown = "no value" if error is None else f"relative error {error:.3g}"
    note = html.escape(
        f"{first['name']} = {first['values'][i]:g}, {second['name']} = {second['values'][j]:g}: {shown}"
    )
    return (
        f'<rect x="{_LEFT + i * _CELL}" y="{_TOP + row * _CELL}" width="{_CELL - 1}" height="{_CELL - 1}" '
        f'fill="{_color(error)[0]}"><title>{note}</title></rect>'
    )


def _labels(first: Mapping[str, Any], second: Mapping[str, Any], columns: int, rows: int) -> str:
    """Names of the axes, and the values at their ends and in the middle."""
    bottom = _TOP + rows * _CELL
    parts = [
        f'<text x="{_LEFT + i * _CELL + _CELL // 2}" y="{bottom + 14}" text-anchor="middle">'
        f"{first['values'][i]:g}</text>"
        for i in sorted({0, columns // 2, columns - 1})
    ]
    parts += [
        f'<text x="{_LEFT - 6}" y="{_TOP + (rows - 1 - j) * _CELL + 13}" text-anchor="end">'
        f"{second['values'][j]:g}</text>"
        for j in sorted({0, rows // 2, rows - 1})
    ]
    middle = _TOP + rows * _CELL // 2
    parts.append(
        f'<text x="{_LEFT + columns * _CELL // 2}" y="{bottom + 32}" text-anchor="middle">'
        f"{html.escape(first['name'])}</text>"
        f'<text transform="translate({_LEFT - 62},{middle}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(second['name'])}</text>"
    )
    return "".join(parts)


def _legend(left: int) -> str:
    entries = [(color, words) for _, color, words in _COLORS] + [_LARGE, _NOTHING]
    return "".join(
        f'<rect x="{left}" y="{_TOP + n * 20}" width="12" height="12" fill="{color}"></rect>'
        f'<text x="{left + 18}" y="{_TOP + n * 20 + 10}">{words}</text>'
        for n, (color, words) in enumerate(entries)
    )

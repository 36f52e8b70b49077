"""Points where one part of a condition is broken, or just holds, while all the others hold.

A part that matters only far from ordinary points (momentum < 1 where the others hold at very large rates)
is reached from no border of an ordinary point; here relations are solved for exact points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import islice

import sympy as sp

from derivations.checking.region_points import points_where

__all__ = ["corners"]

#: of each kind, and how often it is tried
_POINTS, _ATTEMPTS = 3, 60
#: whole numbers that bounds of real ones depend on are tried in steps of 1 and of this
_LARGE = 100
#: how far a part is from holding, or from not holding, relative to its larger side
_BAND = sp.Rational(1, 25)


@lru_cache(maxsize=64)
def corners(relations: tuple[sp.Basic, ...]) -> tuple[dict[str, Fraction], ...]:
    """Values by name of the symbols of the relations; parts about whole numbers alone are left out."""
    symbols = sorted({s for r in relations for s in r.free_symbols}, key=str)
    found: list[dict[str, Fraction]] = []
    units = (1, _LARGE) if any(_is_mixed(r) for r in relations) else (1,)
    for part in relations:
        if all(s.is_integer for s in part.free_symbols):
            continue
        rest = [r for r in relations if r != part]
        for near in _kinds(part):
            for unit in units:
                found += _points([*near, *rest], symbols, unit)
    return tuple(found)


def _is_mixed(relation: sp.Basic) -> bool:
    """Of whole and real numbers: a real bound may then matter for large whole numbers only."""
    kinds = {bool(s.is_integer) for s in relation.free_symbols}
    return len(kinds) == 2


def _points(
    relations: Sequence[sp.Basic], symbols: Sequence[sp.Symbol], unit: int
) -> list[dict[str, Fraction]]:
    """A few points; whole numbers are multiples of ``unit``."""
    scaled = [r.xreplace({s: unit * s for s in symbols if s.is_integer}) for r in relations]
    points = islice(points_where(scaled, symbols, attempts=_ATTEMPTS), _POINTS)
    return [{s.name: v * (unit if s.is_integer else 1) for s, v in point.items()} for point in points]


def _kinds(part: sp.core.relational.Relational) -> Iterator[Sequence[sp.Basic]]:
    """Broken; broken by little; on the border; holding by little."""
    gap = sp.expand(part.gts - part.lts)
    size = sp.Add(*(t for t in sp.Add.make_args(gap) if not t.could_extract_minus_sign()))
    yield (sp.Lt(gap, 0, evaluate=False),)
    yield sp.Lt(gap, 0, evaluate=False), sp.Gt(sp.expand(gap + _BAND * size), 0, evaluate=False)
    yield (sp.Eq(gap, 0, evaluate=False),)
    yield sp.Gt(gap, 0, evaluate=False), sp.Lt(sp.expand(gap - _BAND * size), 0, evaluate=False)

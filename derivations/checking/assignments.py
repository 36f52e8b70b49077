"""Meanings for letters, the most plausible assignment first: best-first search."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from derivations.checking.habits import Meaning
from derivations.checking.homogeneity import DECLARED_UNITS, Homogeneity, Unit

__all__ = ["Letter", "assignments", "units_of"]

_MOST_STATES = 20_000


@dataclass(frozen=True, slots=True)
class Letter:
    """One symbol of the claim and its options, cheapest first; None leaves it as it is."""

    symbol: sp.Symbol
    options: tuple[tuple[int, Meaning | None], ...]


def assignments(
    letters: Sequence[Letter], units: Homogeneity
) -> Iterator[tuple[int, tuple[Meaning | None, ...]]]:
    """Best first; injective, and homogeneous."""
    if any(not letter.options for letter in letters):
        return
    rest = [0] * (len(letters) + 1)
    for i in range(len(letters) - 1, -1, -1):
        rest[i] = rest[i + 1] + letters[i].options[0][0]
    count = 0
    # (cost so far plus the least still to come, tie, cost so far, options chosen)
    heap: list[tuple[int, int, int, tuple[int, ...]]] = [(rest[0], 0, 0, ())]
    while heap and count < _MOST_STATES:
        _, _, cost, chosen = heapq.heappop(heap)
        depth = len(chosen)
        if depth == len(letters):
            meanings = tuple(
                letter.options[i][1] for letter, i in zip(letters, chosen, strict=True)
            )
            if units.unit(units_of(letters, meanings)) is not None:
                yield cost, meanings
            continue
        taken = {_head(letters[i], letters[i].options[k][1]) for i, k in enumerate(chosen)}
        for k, (step, meaning) in enumerate(letters[depth].options):
            if _head(letters[depth], meaning) in taken:
                continue
            count += 1
            bound = cost + step + rest[depth + 1]
            heapq.heappush(heap, (bound, count, cost + step, (*chosen, k)))


def _head(letter: Letter, meaning: Meaning | None) -> sp.Symbol:
    """The project symbol that this letter takes."""
    return letter.symbol if meaning is None else meaning.symbol


def units_of(
    letters: Sequence[Letter], chosen: Sequence[Meaning | None]
) -> dict[sp.Symbol, Unit]:
    return {
        letter.symbol: DECLARED_UNITS[letter.symbol] if meaning is None else meaning.unit
        for letter, meaning in zip(letters, chosen, strict=True)
    }

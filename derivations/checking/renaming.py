"""What the letters of a claim may mean: bounded search, the most plausible meanings first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice

import sympy as sp

from derivations.checking.assignments import Letter, assignments, units_of
from derivations.checking.candidate import Candidate
from derivations.checking.counts import (
    counts_samples_as_steps,
    needs_coupling,
    time_differences,
    whole_letters,
)
from derivations.checking.habits import MEANINGS, Meaning, habits_of, letter_of
from derivations.checking.homogeneity import Unit, homogeneity
from derivations.checking.replacing import replaced, symbols_after
from derivations.checking.target import Target
from theory.symbols import PARAMETERS, batch_size, lag, samples, steps_per_epoch

__all__ = ["Candidate", "renamings"]

_MOST_CANDIDATES = 300
#: where every letter is declared, a second meaning of one
_MOST_REREADINGS = 60
#: what each implausibility costs, in places of the habit lists
_NO_HABIT = 6
_NOT_IN_TRUTH = 4
_UNCOVERED = 3
_REREAD = 5
_OTHER_UNIT = 14
_COUPLED = {samples: steps_per_epoch * batch_size}


def renamings(
    claim: sp.Expr, unknown: Sequence[sp.Symbol], target: Target,
    fixed: frozenset[sp.Symbol] = frozenset(),
) -> Iterator[Candidate]:
    """Injective maps of the claim's letters to project symbols, most plausible first.

    Best-first search over the habits of the field (:mod:`derivations.checking.habits`). Unknown letters
    must get a meaning, or two of them, t - s, are the lag. A declared letter may be meant as something
    else that this letter is used for, but only where the claim then has the target's unit, and never
    one of ``fixed``: symbols that were written in full or declared by the user. Maps under which a sum
    adds different units are dropped, those with another unit than the target's come last; a letter of
    an exponent must be a whole number, and no number of samples. At most 300 candidates, 60 where every
    letter is declared; the identity is none of them.
    """
    most = _MOST_CANDIDATES if unknown else _MOST_REREADINGS
    if lag in target.truth.free_symbols and lag not in claim.free_symbols:
        known: set[sp.Expr] = set()
        for later, earlier in time_differences(claim, unknown):
            table: dict[sp.Symbol, sp.Expr] = {later: lag, earlier: sp.S.Zero}
            expression = replaced(claim, table)
            if expression not in known:  # of |t - s| both orders say the same
                known.add(expression)
                yield from islice(_with_difference(expression, unknown, target, fixed, table), most // 4)
    yield from _of_single_letters(claim, unknown, target, fixed, most)


def _with_difference(
    claim: sp.Expr, unknown: Sequence[sp.Symbol], target: Target, fixed: frozenset[sp.Symbol],
    table: Mapping[sp.Symbol, sp.Expr],
) -> Iterator[Candidate]:
    """The claim with a difference of two letters as the lag, and the other letters as they may be."""
    words = f"with {' - '.join(str(s) for s in table)} as the lag"
    rest = [s for s in unknown if s not in table]
    if not rest:
        yield Candidate(kind="renaming", summary=words, expression=claim, table=table)
    for inner in _of_single_letters(claim, rest, target, fixed | {lag}, _MOST_CANDIDATES):
        others = inner.summary.removeprefix("with ")
        yield Candidate(
            kind="renaming", summary=words + (", " if " and " in others else " and ") + others,
            expression=inner.expression, table={**table, **inner.table},
        )


def _of_single_letters(
    claim: sp.Expr, unknown: Sequence[sp.Symbol], target: Target, fixed: frozenset[sp.Symbol], most: int
) -> Iterator[Candidate]:
    used, wanted = claim.free_symbols, target.truth.free_symbols
    whole = whole_letters(claim)
    letters = _letters(claim, unknown, target, fixed, whole)
    if not letters:
        return
    units = homogeneity(claim)
    goal: Unit = (Fraction(target.unit[0]), Fraction(target.unit[1]))
    found: list[tuple[int, int, Candidate]] = []
    yielded = 0
    seen: set[sp.Expr] = {claim}
    for cost, chosen in assignments(letters, units):
        # the search is ordered by the letters' own costs: whatever is cheaper has been seen
        while found and found[0][0] <= cost:
            yield heapq.heappop(found)[2]
        mapping = {
            letter.symbol: meaning for letter, meaning in zip(letters, chosen, strict=True)
            if meaning is not None
        }
        table = {symbol: meaning.expression for symbol, meaning in mapping.items()}
        other_unit = units.unit(units_of(letters, chosen)) != goal
        if not table or (other_unit and not table.keys() <= set(unknown)):
            continue
        expression = replaced(claim, table)
        if expression in seen or _has_odd_root(expression, claim, table):
            continue
        if any(s in whole and table[s] in (samples, batch_size) for s in table) and (
            counts_samples_as_steps(expression)
        ):
            continue
        seen.add(expression)
        after = symbols_after(used, table)
        total = cost + _UNCOVERED * len(wanted - after) + _NOT_IN_TRUTH * len(after - wanted)
        total += _OTHER_UNIT if other_unit else 0
        candidate = _coupled(mapping, table, expression, used, target)
        heapq.heappush(found, (total, len(seen), candidate))
        yielded += 1
        if yielded >= most:
            break
    while found:
        yield heapq.heappop(found)[2]


def _coupled(
    mapping: Mapping[sp.Symbol, Meaning], table: Mapping[sp.Symbol, sp.Expr], expression: sp.Expr,
    used: set[sp.Symbol], target: Target,
) -> Candidate:
    """The candidate of a table, with N = M S put in where that makes it agree with the truth."""
    summary = _summary(mapping)
    if samples not in target.truth.free_symbols and needs_coupling(expression, target):
        table = {s: replaced(e, _COUPLED) for s, e in table.items()}
        if samples in used and samples not in table:
            table |= _COUPLED
        expression, summary = replaced(expression, _COUPLED), f"{summary}, where N = M S"
    return Candidate(kind="renaming", summary=summary, expression=expression, table=table)


def _letters(
    claim: sp.Expr, unknown: Sequence[sp.Symbol], target: Target, fixed: frozenset[sp.Symbol],
    whole: set[sp.Symbol],
) -> list[Letter]:
    """The symbols of the claim and what each may mean, unknown ones first."""
    used, wanted = claim.free_symbols, target.truth.free_symbols
    possible = [m for m in MEANINGS if m.symbol in wanted or m.symbol in (batch_size, samples)]
    out = []
    for symbol in sorted(used, key=lambda s: (s not in unknown, s.name)):
        declared = symbol not in unknown
        habits = habits_of(letter_of(symbol))
        options: list[tuple[int, Meaning | None]] = []
        if declared:
            options.append((0 if symbol in wanted else 3, None))
        for meaning in possible:
            listed = meaning in habits
            if meaning.expression == symbol or (symbol in whole and not meaning.expression.is_integer):
                continue
            if declared and (symbol in fixed or not listed):
                continue
            if not meaning.expression.is_Symbol and (not listed or (declared and symbol in wanted)):
                continue  # a composite meaning only for a letter that is used so
            cost = habits.index(meaning) if listed else _NO_HABIT
            if declared:
                cost += _REREAD if symbol in wanted else 1
            options.append((cost, meaning))
        options.sort(key=lambda option: option[0])
        out.append(Letter(symbol, tuple(options)))
    return out


def _has_odd_root(
    expression: sp.Expr, claim: sp.Expr, table: Mapping[sp.Symbol, sp.Expr]
) -> bool:
    """Whether a standard deviation occurred in an odd power, so that a root is left."""
    if not any(_roots(meaning) for meaning in table.values()):
        return False
    return len(_roots(expression)) > len(_roots(claim))


def _roots(expression: sp.Expr) -> set[sp.Expr]:
    return {p for p in expression.atoms(sp.Pow) if p.exp.is_Rational and not p.exp.is_Integer}


def _summary(mapping: Mapping[sp.Symbol, Meaning]) -> str:
    parts = [f"{_shown(s)} as {m.words}" for s, m in mapping.items()]
    if len(parts) == 1:
        return f"with {parts[0]}"
    return f"with {', '.join(parts[:-1])} and {parts[-1]}"


def _shown(symbol: sp.Symbol) -> str:
    """The letter of a declared symbol, the name of any other."""
    declared = PARAMETERS.get(symbol.name)
    if declared is None or declared.symbol != symbol:
        return str(symbol.name)
    return declared.letter.removeprefix("\\")

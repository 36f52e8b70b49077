"""What the letters of a claim may mean: bounded search, the most plausible meanings first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import sympy as sp

from derivations.checking.assignments import Letter, assignments, units_of
from derivations.checking.candidate import Candidate
from derivations.checking.habits import MEANINGS, Meaning, habits_of, letter_of
from derivations.checking.homogeneity import Unit, homogeneity
from derivations.checking.replacing import replaced, symbols_after
from derivations.checking.target import Target
from theory.sequences import LucasSequence
from theory.symbols import PARAMETERS, batch_size, samples

__all__ = ["Candidate", "renamings"]

_MOST_CANDIDATES = 300
#: where every letter is declared, a second meaning of one or a swap of two
_MOST_REREADINGS = 60
#: what each implausibility costs, in places of the habit lists
_NO_HABIT = 6
_NOT_IN_TRUTH = 4
_UNCOVERED = 3
_REREAD = 5
_OTHER_UNIT = 14


def renamings(
    claim: sp.Expr, unknown: Sequence[sp.Symbol], target: Target
) -> Iterator[Candidate]:
    """Injective maps of the claim's letters to project symbols, most plausible first.

    Best-first search over the habits of the field (:mod:`derivations.checking.habits`). Unknown
    letters must get a meaning; a declared letter may be meant as something else, above all one that
    the truth does not contain. Maps under which a sum adds different units are dropped, those with
    another unit than the target's come last; a letter of an exponent must be a whole number. At most
    300 candidates, 60 where every letter is declared; the identity is none of them.
    """
    used, wanted = claim.free_symbols, target.truth.free_symbols
    letters = _letters(claim, unknown, wanted)
    if not letters:
        return
    units = homogeneity(claim)
    goal: Unit = (Fraction(target.unit[0]), Fraction(target.unit[1]))
    found: list[tuple[int, int, Candidate]] = []
    yielded, most = 0, _MOST_CANDIDATES if unknown else _MOST_REREADINGS
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
        if not table:
            continue
        expression = replaced(claim, table)
        if expression in seen or _has_odd_root(expression, claim, table):
            continue
        seen.add(expression)
        after = symbols_after(used, table)
        total = cost + _UNCOVERED * len(wanted - after) + _NOT_IN_TRUTH * len(after - wanted)
        total += 0 if units.unit(units_of(letters, chosen)) == goal else _OTHER_UNIT
        candidate = Candidate(
            kind="renaming", summary=_summary(mapping), expression=expression, table=table
        )
        heapq.heappush(found, (total, len(seen), candidate))
        yielded += 1
        if yielded >= most:
            break
    while found:
        yield heapq.heappop(found)[2]


def _letters(
    claim: sp.Expr, unknown: Sequence[sp.Symbol], wanted: set[sp.Symbol]
) -> list[Letter]:
    used = claim.free_symbols
    whole = _whole_letters(claim)
    possible = [m for m in MEANINGS if m.symbol in wanted or m.symbol in (batch_size, samples)]
    out = []
    for symbol in sorted(used, key=lambda s: (s not in unknown, s.name)):
        declared = symbol not in unknown
        habits = habits_of(letter_of(symbol))
        options: list[tuple[int, Meaning | None]] = []
        if declared:
            options.append((0 if symbol in wanted else 3, None))
        for meaning in possible:
            if meaning.expression == symbol or (symbol in whole and not meaning.expression.is_integer):
                continue
            cost = habits.index(meaning) if meaning in habits else _NO_HABIT
            own = meaning in habits and not (declared and symbol in wanted)
            if not meaning.expression.is_Symbol and not own:
                continue  # a composite meaning only for a letter that is used so
            if declared:
                cost += _REREAD if symbol in wanted else 1
            options.append((cost, meaning))
        options.sort(key=lambda option: option[0])
        out.append(Letter(symbol, tuple(options)))
    return out


def _whole_letters(claim: sp.Expr) -> set[sp.Symbol]:
    """Letters of exponents, of indices of sequences and of limits of sums."""
    out: set[sp.Symbol] = set()
    for power in claim.atoms(sp.Pow):
        if not power.exp.is_Rational:
            out |= power.exp.free_symbols
    for sequence in claim.atoms(LucasSequence):
        out |= sequence.args[1].free_symbols
    for total in claim.atoms(sp.Sum):
        for _, *bounds in total.limits:
            out |= set().union(*(b.free_symbols for b in bounds))
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
    names = {s: _shown(s) for s in mapping}
    swapped = [
        (a, b) for a in mapping for b in mapping
        if names[a] < names[b] and mapping[a].expression == b and mapping[b].expression == a
    ]
    parts = [f"{names[a]} and {names[b]} swapped" for a, b in swapped]
    done = {s for pair in swapped for s in pair}
    parts += [f"{names[s]} as {m.words}" for s, m in mapping.items() if s not in done]
    if len(parts) == 1:
        return f"with {parts[0]}"
    return f"with {', '.join(parts[:-1])} and {parts[-1]}"


def _shown(symbol: sp.Symbol) -> str:
    """The letter of a declared symbol, the name of any other."""
    declared = PARAMETERS.get(symbol.name)
    if declared is None or declared.symbol != symbol:
        return str(symbol.name)
    return declared.letter.removeprefix("\\")

"""Which limits, one after the other, take a claim to a multiple of the truth."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence

import sympy as sp

from derivations.checking.implication import implied
from derivations.checking.series_approach import APPROACHES
from derivations.checking.series_laurent import LostPrecisionError
from derivations.checking.series_positive import ROOT_OF_MOMENTUM, Region
from derivations.checking.series_ratio import Outcome, limit_of_ratio, unmoved
from derivations.checking.summation import closed_sum
from derivations.checking.target import Target
from derivations.evaluation import NotRationalError
from theory.errors import TheoryError
from theory.symbols import batch_size, momentum, samples, steps_per_epoch

__all__ = ["OutOfTimeError", "Search"]

_ORDERS = (4, 6, 9, 14)
#: taken after another one, and only for claims with exponentials
_SPECIAL = ("momentum to one", "fixed kappa", "fixed mu")
_Place = tuple[int, int, tuple[int, ...], tuple[str, ...]]


class OutOfTimeError(TheoryError):
    """The time allowed is up."""


class Search:
    """Chains of limits of claim / truth, with the expansions made so far.

    Methods raise OutOfTimeError when the ``deadline`` on the monotonic clock has passed.
    """

    def __init__(self, claim: sp.Expr, target: Target, deadline: float) -> None:
        truth, valid_if = target.truth, target.formula.valid_if

        def never_negative(count: sp.Expr) -> bool:
            return count.is_nonnegative is True or implied(sp.Ge(count, 0), target.formula.valid_if)

        self._readable = True
        try:
            claim = claim.xreplace({s: closed_sum(s, never_negative) for s in claim.atoms(sp.Sum)})
        except NotRationalError:
            self._readable = False
        if any(p.base == momentum and p.exp.as_coeff_Mul()[0].q == 2 for p in (claim + truth).atoms(sp.Pow)):
            table = {momentum: ROOT_OF_MOMENTUM**2}
            claim, truth, valid_if = (e.subs(table) for e in (claim, truth, valid_if))
        self.claim, self.truth, self.deadline = claim, truth, deadline
        self.region = Region(valid_if)
        self._last_batch = target.scheme.last_batch
        self._known: dict[tuple[str, ...], Outcome | None] = {}
        self._unmoved: set[tuple[str, ...]] = set()  # chains whose last limit changes nothing

    # which limits

    def declared(self, names: Sequence[str]) -> tuple[str, ...]:
        """The chain of these limits as far as they change anything; empty where one is not derived."""
        chain: tuple[str, ...] = ()
        for name in self._adapted(names, self._symbols(())):
            outcome = self.outcome((*chain, name))
            if outcome is None:
                if (*chain, name) in self._unmoved:
                    continue
                return ()
            chain = (*chain, name)
            if outcome.ratio.is_number:
                break
        return chain

    def obstacle(self, names: Sequence[str]) -> str:
        """Why :meth:`declared` gives no chain."""
        symbols = self._symbols(())
        adapted = self._adapted(names, symbols)
        absent = [s.name for name in adapted for s in sorted(APPROACHES[name].moving - symbols, key=str)]
        if all(APPROACHES[name].moving - symbols for name in adapted):
            return f"neither side contains {' or '.join(dict.fromkeys(absent))}"
        if not self._readable:
            return "a sum in the claim has no closed form here"
        chains = [(name,) for name in adapted]
        if all(self.outcome(chain) is None and chain in self._unmoved for chain in chains):
            return f"the ratio does not depend on {' or '.join(n for n in names if n not in absent)}"
        return "no expansion of the ratio was found"

    def _adapted(self, names: Sequence[str], symbols: set[sp.Symbol]) -> list[str]:
        """The approaches that fit what occurs: coupled where samples and batch size do."""
        table: dict[str, str] = {}
        if {samples, batch_size, steps_per_epoch} <= symbols:
            table = {"steps_per_epoch": "samples, steps", "samples": "samples, batches"}
        elif {samples, batch_size} <= symbols:
            table = {"steps_per_epoch": "samples alone", "samples": "samples alone"}
        if ROOT_OF_MOMENTUM in symbols:
            table |= {"momentum": "root of momentum"}
        return [table.get(n, n) for n in names if table.get(n, n)]

    def chains(self) -> Iterator[tuple[str, ...]]:
        """Chains of up to three approaches, those in scope and short ones first.

        A chain that adds nothing to a part of it, or to the same limits in another order, is left out;
        three are tried only where fewer give no agreement.
        """
        first = self._first()
        ranks = {name: rank for rank, name in enumerate((*first, *_SPECIAL))}
        queue = [self._place((name,), ranks) for name in first]
        if self.claim.has(sp.exp):
            queue += [self._place((name,), ranks) for name in _SPECIAL[1:]]
        heapq.heapify(queue)
        seen: list[tuple[frozenset[str], sp.Expr]] = []
        while queue:
            *_, chain = heapq.heappop(queue)
            if len(chain) == 3 and any(ratio == 1 for _, ratio in seen):
                continue
            outcome = self.outcome(chain)
            if outcome is None or outcome.ratio in (0, sp.oo):
                continue
            if outcome.ratio.is_number:
                if not any(part <= set(chain) and ratio == outcome.ratio for part, ratio in seen):
                    seen.append((frozenset(chain), outcome.ratio))
                    yield chain
            elif len(chain) < 3:
                last = _SPECIAL[:1] if len(chain) == 1 else ()
                moved = {s for name in chain for s in APPROACHES[name].moving}
                for name in (*first, *last):
                    if not moved & APPROACHES[name].moving:
                        heapq.heappush(queue, self._place((*chain, name), ranks))

    def _first(self) -> tuple[str, ...]:
        symbols = self._symbols(())
        names = ["steps_per_epoch", "learning_rate", "curvature", "momentum", "second_curvature"]
        extra = []
        if samples in symbols and {steps_per_epoch, batch_size} & symbols != {batch_size}:
            extra = ["samples, batches"] if batch_size in symbols else []
            if self._last_batch != "kept":  # a batch that is kept has samples <= batch_size*steps_per_epoch
                extra.append("samples")
        return tuple(dict.fromkeys((*self._adapted(names, symbols), *extra)))

    @staticmethod
    def _place(chain: tuple[str, ...], ranks: dict[str, int]) -> _Place:
        outside = sum(not APPROACHES[name].in_scope for name in chain)
        return outside, len(chain), tuple(ranks[name] for name in chain), chain

    # one limit

    def _symbols(self, chain: tuple[str, ...]) -> set[sp.Symbol]:
        if not chain:
            return set(self.claim.free_symbols | self.truth.free_symbols)
        outcome = self.outcome(chain)
        return set() if outcome is None else set(outcome.ratio.free_symbols)

    def outcome(self, chain: tuple[str, ...]) -> Outcome | None:
        """The limit of the ratio along a chain; None where there is nothing to say."""
        if chain not in self._known:
            self._known[chain] = self._outcome(chain)
        return self._known[chain]

    def _outcome(self, chain: tuple[str, ...]) -> Outcome | None:
        approach = APPROACHES[chain[-1]]
        before = self.outcome(chain[:-1]) if chain[:-1] else None
        if not self._readable or (chain[:-1] and before is None):
            return None
        if not approach.moving <= self._symbols(chain[:-1]):
            self._unmoved.add(chain)
            return None
        over, under = (self.claim, self.truth) if before is None else (before.ratio, sp.S.One)
        region = self.region
        if {"momentum", "root of momentum"} & set(chain[:-1]):
            region = region.at({momentum: sp.S.Zero, ROOT_OF_MOMENTUM: sp.S.Zero})
        for order in _ORDERS:
            try:
                found = limit_of_ratio(over, under, approach, order, region, self._in_time)
            except LostPrecisionError:
                continue
            except NotRationalError:
                return None
            if found.error is None and found.ratio not in (0, sp.oo):
                if unmoved(over, under, approach):
                    self._unmoved.add(chain)
                    return None
                if order < _ORDERS[-1]:
                    continue
            return found if before is None else Outcome(
                ratio=found.ratio, order=found.order, error=found.error,
                conditions=found.conditions | before.conditions,
            )
        return None

    def _in_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise OutOfTimeError("no time left")

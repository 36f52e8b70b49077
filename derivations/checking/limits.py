"""In which limits a claim becomes right: exact expansions of the ratio of the claim to the truth.

Each limit is one expansion in Laurent series over a field of rational functions; an iterated limit
expands the limit of the ratio again. What has no such expansion gives no finding.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from derivations.checking.point_value import value_at
from derivations.checking.series_approach import APPROACHES, Approach, read_limit
from derivations.checking.series_expression import Expansion
from derivations.checking.series_field import Ground
from derivations.checking.series_laurent import LostPrecisionError
from derivations.checking.series_positive import ROOT_OF_MOMENTUM, Region
from derivations.checking.summation import closed_sum
from derivations.checking.target import Target
from derivations.evaluation import NotRationalError
from theory.errors import TheoryError
from theory.symbols import PARAMETERS, batch_size, momentum, samples

__all__ = ["LimitFinding", "find_limits"]

_ORDERS = (4, 6, 9, 14)
#: taken after another one, and only for claims with exponentials
_SPECIAL = ("momentum to one", "fixed kappa", "fixed mu")
_Place = tuple[int, int, tuple[int, ...], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class LimitFinding:
    """The claim over the truth tends to ``ratio``.

    Attributes
    ----------
    limit
        Which limit, everything else fixed; several are taken in the order written.
    ratio
        The limit of claim / truth; 1 where they agree.
    order, leading_error
        claim / truth - ratio ~ ``leading_error``, of this order in the variable that moves last; None
        where the ratio is reached faster than any power of it.
    in_scope
        The limit is made of learning_rate -> 0, steps_per_epoch -> oo and samples -> oo only.
    """

    limit: str
    ratio: sp.Expr
    order: sp.Rational | None
    leading_error: sp.Expr | None
    in_scope: bool


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    ratio: sp.Expr
    order: sp.Rational | None
    error: sp.Expr | None
    conditions: frozenset[sp.Expr]


class _OutOfTimeError(TheoryError):
    """The time allowed is up."""


def find_limits(
    claim: sp.Expr, target: Target, *, declared: str = "", seconds: float = 5
) -> tuple[LimitFinding, ...]:
    """The limits in which claim / truth tends to a number other than 0.

    Ratio 1 comes first, limits in scope before the others. A limit that is ``declared`` comes before
    all and is reported whatever the ratio tends to, a function of the other parameters, 0 or infinity
    included. A claim that is a constant multiple of the truth gives nothing.

    Raises
    ------
    TheoryError
        If ``declared`` is not understood.
    """
    names, phrase = read_limit(declared) if declared.strip() else ((), "")
    search = _Search(claim, target, time.monotonic() + seconds)
    found: dict[str, LimitFinding] = {}
    try:
        if names:
            for finding in search.declared(names, phrase):
                found[finding.limit] = finding
        for finding in search.all_limits():
            found.setdefault(finding.limit, finding)
    except _OutOfTimeError:
        pass
    first = [f for i, f in enumerate(found.values()) if names and i == 0]
    rest = [f for f in found.values() if f not in first]
    return (*first, *sorted(rest, key=lambda f: (f.ratio != 1, not f.in_scope)))


class _Search:
    """The expansions made so far, by the chain of approaches."""

    def __init__(self, claim: sp.Expr, target: Target, deadline: float) -> None:
        truth, valid_if = target.truth, target.formula.valid_if
        self.readable = True
        try:
            claim = claim.xreplace({s: closed_sum(s) for s in claim.atoms(sp.Sum)})
        except NotRationalError:
            self.readable = False
        if any(p.base == momentum and p.exp.as_coeff_Mul()[0].q == 2 for p in (claim + truth).atoms(sp.Pow)):
            table = {momentum: ROOT_OF_MOMENTUM**2}
            claim, truth, valid_if = (e.subs(table) for e in (claim, truth, valid_if))
        self.claim, self.truth, self.deadline = claim, truth, deadline
        self.region = Region(valid_if)
        self._known: dict[tuple[str, ...], _Outcome | None] = {}
        self._unmoved: set[tuple[str, ...]] = set()  # chains whose last limit changes nothing

    # which limits

    def declared(self, names: Sequence[str], phrase: str) -> Iterator[LimitFinding]:
        symbols = self._symbols(())
        chain: tuple[str, ...] = ()
        for name in self._adapted(names, symbols):
            outcome = self.outcome((*chain, name))
            if outcome is None:
                if (*chain, name) in self._unmoved:
                    continue
                return
            chain = (*chain, name)
            if outcome.ratio.is_number:
                break
        if chain:
            finding = self._finding(chain)
            text = f"{phrase} ({finding.limit})" if phrase and phrase not in finding.limit else finding.limit
            yield LimitFinding(
                limit=text, ratio=finding.ratio, order=finding.order,
                leading_error=finding.leading_error, in_scope=finding.in_scope,
            )

    def _adapted(self, names: Sequence[str], symbols: set[sp.Symbol]) -> list[str]:
        """The approaches that fit what occurs: coupled where samples and batch size do."""
        coupled = samples in symbols and batch_size in symbols
        table = {"steps_per_epoch": "samples, steps", "samples": "samples, batches"} if coupled else {}
        if ROOT_OF_MOMENTUM in symbols:
            table |= {"momentum": "root of momentum"}
        return [table.get(n, n) for n in names if table.get(n, n)]

    def all_limits(self) -> Iterator[LimitFinding]:
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
                    yield self._finding(chain)
            elif len(chain) < 3:
                last = _SPECIAL[:1] if len(chain) == 1 else ()
                for name in (*first, *last):
                    if name not in chain:
                        heapq.heappush(queue, self._place((*chain, name), ranks))

    def _first(self) -> tuple[str, ...]:
        symbols = self._symbols(())
        names = ["steps_per_epoch", "learning_rate", "curvature", "momentum", "second_curvature"]
        coupled = ["samples, batches", "samples"] if batch_size in symbols else ["samples"]
        if samples in symbols:
            names[1:1] = coupled
        return tuple(dict.fromkeys((*self._adapted(names, symbols), *(coupled if samples in symbols else ()))))

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

    def outcome(self, chain: tuple[str, ...]) -> _Outcome | None:
        """The limit of the ratio along a chain; None where there is nothing to say."""
        if chain not in self._known:
            self._known[chain] = self._outcome(chain)
        return self._known[chain]

    def _outcome(self, chain: tuple[str, ...]) -> _Outcome | None:
        approach = APPROACHES[chain[-1]]
        before = self.outcome(chain[:-1]) if chain[:-1] else None
        if not self.readable or (chain[:-1] and before is None):
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
                found = _limit(over, under, approach, order, region, self._in_time)
            except LostPrecisionError:
                continue
            except NotRationalError:
                return None
            if found.error is None and found.ratio not in (0, sp.oo):
                if self._independent(over, under, approach):
                    self._unmoved.add(chain)
                    return None
                if order < _ORDERS[-1]:
                    continue
            return found if before is None else _Outcome(
                ratio=found.ratio, order=found.order, error=found.error,
                conditions=found.conditions | before.conditions,
            )
        return None

    def _in_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise _OutOfTimeError("no time left")

    def _independent(self, over: sp.Expr, under: sp.Expr, approach: Approach) -> bool:
        """Whether the ratio does not change with the variable, at two points."""
        symbols = sorted(over.free_symbols | under.free_symbols, key=str)
        try:
            values = [
                value_at(over, point) / value_at(under, point)
                for point in (_point(symbols, ()), _point(symbols, approach.replace))
            ]
        except (TheoryError, ZeroDivisionError):
            return True
        return bool(abs(values[0] - values[1]) <= abs(values[0]) * Fraction(1, 10**40))

    def _finding(self, chain: tuple[str, ...]) -> LimitFinding:
        outcome = self.outcome(chain)
        assert outcome is not None  # chains are only reported with an outcome
        approaches = [APPROACHES[name] for name in chain]
        text = ", ".join(a.text for a in approaches)
        for base in sorted(outcome.conditions, key=str):
            text += f" (where |{base}| < 1)"
        back = {ROOT_OF_MOMENTUM: sp.sqrt(momentum)}
        return LimitFinding(
            limit=text, ratio=outcome.ratio.subs(back), order=outcome.order,
            leading_error=None if outcome.error is None else outcome.error.subs(back),
            in_scope=all(a.in_scope for a in approaches),
        )


def _limit(
    over: sp.Expr, under: sp.Expr, approach: Approach, order: int, region: Region,
    check: Callable[[], None],
) -> _Outcome:
    """Leading term of over / under, and the next one that is not zero."""
    ground = Ground()
    expansion = Expansion(ground, order, approach.replace, region, check)
    numerator, denominator = expansion.of(over), expansion.of(under)
    conditions = frozenset(expansion.conditions)
    if numerator.is_zero:
        return _Outcome(ratio=sp.S.Zero, order=None, error=None, conditions=conditions)
    low, first, power, second = expansion.laurent.leading(numerator, denominator)
    if low < 0:
        return _Outcome(ratio=sp.oo, order=None, error=None, conditions=conditions)
    if low > 0:
        power, second = low, first
    ratio = ground.expression(first)
    if low == 0 and expansion.bounded and ratio.has(*expansion.bounded):
        raise NotRationalError("the ratio keeps oscillating")
    error = None if second is None else ground.expression(second).xreplace(approach.back)
    if error is not None and approach.back:
        error = sp.factor(error)
    return _Outcome(
        ratio=ratio.xreplace(approach.back) if low == 0 else sp.S.Zero,
        order=None if error is None else _order(power, approach),
        error=None if error is None else error * approach.small**power, conditions=conditions,
    )


def _order(power: int, approach: Approach) -> sp.Rational:
    """Powers are counted in the variable, also where the small one is its square root."""
    half = isinstance(approach.small, sp.Pow) and approach.small.exp == sp.S.Half
    return sp.Rational(power, 2 if half else 1)


_POINT = (
    ("learning_rate", Fraction(1, 3)), ("momentum", Fraction(1, 4)), ("curvature", Fraction(2, 7)),
    ("second_curvature", Fraction(3, 11)), ("steps_per_epoch", Fraction(7)),
    ("batch_size", Fraction(3)), ("samples", Fraction(22)), ("lag", Fraction(3)),
    ("position", Fraction(4)), ("sqrt_momentum", Fraction(1, 2)),
)


def _point(symbols: Sequence[sp.Symbol], moved: object) -> dict[sp.Symbol, Fraction]:
    """A point of the region, with the moving symbols elsewhere if there are any."""
    values = dict(_POINT)
    names = {s.name for s in moved} if moved else set()  # type: ignore[attr-defined]
    point = {}
    for i, s in enumerate(symbols):
        value = values.get(s.name, Fraction(1, 5 + i))
        if s.name in names:
            integer = s.name in PARAMETERS and PARAMETERS[s.name].integer
            value = value * 2 + (1 if s.name == "samples" else 0) if integer else value * Fraction(2, 3)
        point[s] = value
    return point

r"""How many consecutive whole numbers prove an identity for all of them.

At fixed hyperparameters formula and truth are quotients of exponential polynomials in each whole
number n (:mod:`validation.evidence.support`). Cleared of its denominators their difference is a sum of
at most L terms :math:`n^a\rho^n`, :math:`\rho\ne0`, so it obeys a linear recurrence of order L whose
last coefficient is not zero: if it vanishes at L consecutive whole numbers it vanishes at all of them.

The terms of the truth follow from the law itself, per pair of a left pole z and a right pole w and for
each elementary noise. With :math:`S_j=(I-A^j)(I-A)^{-1}`, noise shared in an epoch gives
:math:`P_j=A^jYA'^{j\top}+S_jBB'^\top S_j'^\top`, :math:`Y=A^MYA'^{M\top}+S_MBB'^\top S_M'^\top`; sums
over positions are geometric, and that of :math:`A^jYA'^{j\top}` telescopes, which removes Y's
denominator :math:`1-z^Mw^M` from every average. Noise that repeats divides by
:math:`\det(I-A^M)\det(I-A'^M)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp

from theory import symbols
from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.evaluate.compiler import compile_program
from theory.formula import Formula
from theory.noise import Frozen, LastStep, Periodic, SharedInEpoch, White
from validation.evidence.numbers import NotRational
from validation.evidence.support import (
    Support,
    Terms,
    count,
    formula_support,
    join,
    poles_of,
    quotient,
    rational_support,
    times,
)

__all__ = ["recurrence_order"]

Forms = Mapping[str, Mapping[str, int]]
_ONE: Terms = {(): 0}


def recurrence_order(entry: Entry, formula: Formula, variable: str, forms: Forms) -> int:
    """L for one variable of the grid; ``forms`` gives every whole number in terms of the variables.

    Raises
    ------
    NotRational
        If no useful bound is found.
    """
    slopes = {name: form.get(variable, 0) for name, form in forms.items()}
    if slopes.get("steps_per_epoch"):
        slopes["samples"] = slopes["steps_per_epoch"]  # N = M S + rest at fixed S and rest
    own, true = formula_support(formula, slopes), _truth(entry, slopes)
    return count((own - true).top)


class _Terms:
    """Builds terms per pair of poles (z, w) from exponents in M, lag and position."""

    def __init__(self, slopes: Mapping[str, int]) -> None:
        m, lag, j = (slopes.get(n, 0) for n in ("steps_per_epoch", "lag", "position"))
        self.slope = {"M": m, "t": lag, "r": m - lag, "e": lag - m, "j": j, "": 0}

    def power(self, pole: str, letters: str) -> Terms:
        """The pole to the sum of the exponents named by ``letters``."""
        slope = sum(self.slope[c] for c in letters)
        return {((pole, slope),): 0} if slope and pole else _ONE

    def number(self, letter: str) -> Support:
        """M as a quantity of its own, whose factors are shared with the formula's."""
        return rational_support(
            compile_program(symbols.steps_per_epoch), {"steps_per_epoch": self.slope[letter]},
            (symbols.steps_per_epoch,),
        )

    def grown(self, letter: str) -> Terms:
        """A whole number itself."""
        return {(): 1} if self.slope[letter] else _ONE

    def sums(self, z: str, w: str, words: str) -> Terms:
        """``words`` such as "M*1 zM wM zMwM": products of powers, 'x*' for a factor x of whole number."""
        out: Terms = {}
        for word in words.split():
            factor, star, rest = word.partition("*")
            term = self.grown(factor) if star else _ONE
            body = rest if star else word
            left, _, right = body.removeprefix("1").partition("w")
            term = times(term, self.power(z, left.removeprefix("z")))
            out = join(out, times(term, self.power(w, right)))
        return out


#: M times the average over the epoch of noise shared in it
_SHARED = {
    "mean": "M*1 zM wM zMwM",
    "within": "ztM ztwM zt ztMwM r*1 zM wr zMwr t*zt ztr ztwr ztrwr 1 wM",
    "beyond": "M*zMe zMMe zMewM zMMewM ze zMe",
}
_WHITE = {"mean": "1", "within": "zt", "beyond": "zMe"}


def _truth(entry: Entry, slopes: Mapping[str, int]) -> Support:
    name = entry.quantity
    build = _Terms(slopes)
    if name == "noise-autocovariance":
        return _weighted(entry, slopes, lambda c: _noise_lag(c, build))
    if name.endswith("spectrum"):
        return _weighted(entry, slopes, lambda c: _noise_power(c, build))
    if name == "flat-correlation-time":
        return _flat(entry, build) / _flat(entry, build)
    if name.startswith("flat-"):
        return _flat(entry, build)
    mean = _weighted(entry, slopes, lambda c: _moment(entry, c, build))
    if name == "correlation-time":
        return mean / _weighted(entry, slopes, lambda c: _moment(entry, c, build))
    return mean


def _weighted(entry: Entry, slopes: Mapping[str, int], law: Any) -> Support:
    """The sum over elementary noises, with their weights."""
    total: Support | None = None
    for component, weight in entry.scheme.noise:
        own = law(component)
        expression = sp.sympify(weight, strict=True)
        program = compile_program(expression)
        letters = (symbols.steps_per_epoch, symbols.samples, symbols.batch_size)
        term = own * rational_support(program, slopes, letters)
        total = term if total is None else total + term
    if total is None:
        raise TheoryError(f"scheme {entry.scheme.name!r} has no noise")
    return total


def _poles(entry: Entry) -> tuple[list[str], list[str]]:
    z = sp.Symbol("z")
    polynomial = sp.expand(entry.rule.characteristic_polynomial(z))
    second = polynomial.subs(symbols.curvature, symbols.second_curvature)
    right = second if "cross" in entry.quantity else polynomial
    left, other = ([name for name, _ in poles_of(p)] for p in (polynomial, right))
    return left, other


def _pairs(entry: Entry) -> Iterator[tuple[str, str]]:
    yield from itertools.product(*_poles(entry))


def _kind(entry: Entry) -> str:
    if entry.quantity.endswith("beyond"):
        return "beyond"
    return "within" if entry.quantity.endswith("autocovariance") else "mean"


def _moment(entry: Entry, component: Any, build: _Terms) -> Support:
    """One elementary noise; averages are over M."""
    kind, pairs = _kind(entry), list(_pairs(entry))
    if "position" in entry.quantity:
        return _at_position(component, build, pairs)
    over = build.number("M")
    if isinstance(component, White):
        return quotient(_over_pairs(build, pairs, _WHITE[kind]))
    if isinstance(component, LastStep):
        return quotient(_over_pairs(build, pairs, _WHITE[kind])) / over
    if isinstance(component, SharedInEpoch):
        return quotient(_over_pairs(build, pairs, _SHARED[kind])) / over
    if isinstance(component, Frozen):
        return quotient(_ONE)
    if isinstance(component, Periodic) and kind != "beyond":
        return _repeated(entry, build, kind)
    raise NotRational(f"no bound for the noise {component.name!r}")


def _over_pairs(build: _Terms, pairs: list[tuple[str, str]], words: str) -> Terms:
    out: Terms = {}
    for z, w in pairs:
        out = join(out, build.sums(z, w, words))
    return out


def _at_position(component: Any, build: _Terms, pairs: list[tuple[str, str]]) -> Support:
    """At position j; per pair of poles its own denominator."""
    if isinstance(component, White):
        return quotient(_ONE)
    if not isinstance(component, (SharedInEpoch, LastStep)):
        raise NotRational(f"no bound for the noise {component.name!r}")
    total = quotient(_over_pairs(build, pairs, "1 zj wj zjwj"))
    for z, w in {(min(p), max(p)) for p in pairs}:
        words = "zjwj" if isinstance(component, LastStep) else "zjwj zjMwj zjwjM zjMwjM"
        both = join(build.sums(z, w, words), build.sums(w, z, words))
        total = total + quotient(both, build.sums(z, w, "1 zMwM"))
    return total


def _repeated(entry: Entry, build: _Terms, kind: str) -> Support:
    r"""Per pair :math:`z^\tau(1-z^Mw^M)/((1-z^M)(1-w^M))` and :math:`(w^{M-\tau}-z^\tau w^M)/(1-w^M)`."""
    left, right = _poles(entry)
    lower = [_ONE, _ONE]
    for side, poles in enumerate((left, right)):
        for pole in poles:
            lower[side] = times(lower[side], build.sums(pole, pole, "1 zM"))
    top: Terms = {}
    for z, w in itertools.product(left, right):
        others = _ONE
        for pole in [p for p in left if p != z] + [p for p in right if p != w]:
            others = times(others, build.sums(pole, pole, "1 zM"))
        own = "1 zMwM" if kind == "mean" else "zt ztMwM wr ztwM zMwr"
        top = join(top, times(others, build.sums(z, w, own)))
    return quotient(top) / quotient(lower[0]) / quotient(lower[1])


def _flat(entry: Entry, build: _Terms) -> Support:
    r"""Heavy ball at zero curvature, poles 1 and beta.

    Reshuffled, the slow coordinate pinned at the epoch's start: sums over j of :math:`j(M-j)`,
    :math:`j\beta^j`, :math:`\beta^{2j}` over M (M - 1), the denominator :math:`1+\beta^M` of the
    velocity at the start being removed by the sum. Noise that repeats: the response
    :math:`r/M,\ \beta^r/(1-\beta^M)` to the noise r steps ago, centred and squared.
    """
    (pole, _), = poles_of(sp.Symbol("z") - symbols.momentum)
    slope = build.slope["M"]
    one, beta, square = (), ((pole, slope),), ((pole, 2 * slope),)
    m = build.number("M")
    below = m * (m - Support(_ONE, expression=sp.S.One))
    if entry.scheme.lasting == "run":
        held = Support({one: 0, beta: 0})
        return quotient({one: 5, beta: 5, square: 5}) / below / m / held / held
    return quotient({one: 4, beta: 2, square: 1}) / below


def _noise_lag(component: Any, build: _Terms) -> Support:
    """Averaged autocovariance at a lag of 1..M-1."""
    if isinstance(component, SharedInEpoch):
        return quotient(build.grown("r")) / build.number("M")
    return quotient(_ONE)


def _noise_power(component: Any, build: _Terms) -> Support:
    r"""Spectrum: :math:`\frac1M|\sum_{k\le M}e^{ik\omega}|^2` for noise shared in an epoch."""
    if isinstance(component, SharedInEpoch):
        half = sp.Symbol("z") ** 2 - 2 * sp.cos(symbols.frequency / 2) * sp.Symbol("z") + 1
        terms = _ONE
        for name, _ in poles_of(half):
            terms = join(terms, {((name, 2 * build.slope["M"]),): 0})
        return quotient(terms) / build.number("M")
    return quotient(_ONE) / build.number("M") if isinstance(component, LastStep) else quotient(_ONE)

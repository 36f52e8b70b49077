"""Laws a claim may be instead of the target's: another rule, scheme or quantity."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import sympy as sp

from derivations.checking.target import Target
from theory.errors import TheoryError
from theory.law import stationary_law
from theory.optimizers import RULES, LinearRule
from theory.optimizers.convert import NEUTRAL
from theory.quantities import MOMENTS, QUANTITIES
from theory.sampling import SCHEMES, SamplingScheme
from theory.symbols import frequency, lag, momentum, noise_variance, position, second_curvature

__all__ = ["other_quantities", "other_rules", "other_schemes", "special_cases", "variance_of"]

#: takes minutes for some pairs
_TOO_SLOW = ("cross-weight-covariance-at-position",)
_LARGEST_STATE = 2
_NAMES = {
    "nesterov": "Nesterov momentum (weights at theta)", "heavy-ball": "heavy ball",
    "pytorch-sgd-nesterov": "PyTorch's Nesterov momentum (weights at the look-ahead point)",
    "ema-momentum": "exponential-average momentum", "quasi-hyperbolic": "quasi-hyperbolic momentum",
    "pytorch-sgd": "PyTorch's SGD", "sgd": "plain SGD",
}
_SCHEMES = {
    "with-replacement": "draws with replacement", "fresh-batches": "independent batches (white noise)",
    "reshuffled": "reshuffled epochs", "dropped-batch": "reshuffled epochs with a dropped last batch",
    "kept-batch": "reshuffled epochs with a smaller last batch", "shuffled-once": "a single shuffle",
    "shuffled-once-unequal": "a single shuffle with a smaller last batch",
}
#: rules that a change of hyperparameters turns into the target's
_CONVERTIBLE = {
    "heavy-ball": ("ema-momentum", "pytorch-sgd"), "ema-momentum": ("heavy-ball", "pytorch-sgd"),
    "pytorch-sgd": ("heavy-ball", "ema-momentum"),
}
Law = tuple[str, sp.Expr]
_z = sp.Dummy("z")


def other_rules(claim: sp.Expr, target: Target) -> Iterator[Law]:
    """(summary, law) of other momentum rules whose law has exactly the claim's symbols.

    Not those that :mod:`.momentum` converts. Hyperparameters that the claim does not contain are put to
    the value where they do nothing. Not plain SGD for a claim without momentum: that is a special case,
    not a convention.
    """
    used = claim.free_symbols
    if momentum not in used or target.model != "stationary" or target.rule.name.startswith("averaged:"):
        return
    known = {target.rule.name, *_CONVERTIBLE.get(target.rule.name, ())}
    seen: set[sp.Expr] = set()
    for name, make in RULES:
        rule = make()
        if name in known or momentum not in rule.parameters:
            continue
        law = _law(rule, target.scheme, target.quantity)
        if law is None:
            continue
        neutral = {s: NEUTRAL[s] for s in rule.parameters if s not in used}
        law = law.xreplace(neutral)
        transfer = sp.cancel(sp.together(rule.transfer_function(_z).xreplace(neutral)))
        if law.free_symbols == used and law != target.truth and transfer not in seen:
            seen.add(transfer)  # with its further hyperparameters off, one rule may be another
            yield f"for {_NAMES[name]}, not for {_without_remark(target.rule.name)}", law


def other_schemes(claim: sp.Expr, target: Target) -> Iterator[Law]:
    """(summary, law) of the same rule and quantity under other sampling schemes."""
    used, seen = claim.free_symbols, {target.truth}
    if target.model != "stationary":
        yield from _without_fluctuations(used, target)
        return
    for name, make in reversed(SCHEMES):
        scheme = make()
        if name == target.scheme.name or not set(scheme.parameters) <= used:
            continue
        law = _law(target.rule, scheme, target.quantity)
        if law is not None and law.free_symbols == used and law not in seen:
            seen.add(law)
            yield f"the law for {_SCHEMES.get(name, name)}", law


def _without_fluctuations(used: set[sp.Symbol], target: Target) -> Iterator[Law]:
    """Of a law with a fluctuating curvature: the published one, whose noise forgets the weights."""
    if target.model == "multiplicative" and target.unit == (0, 2):
        law = _law(target.rule, target.scheme, target.quantity)
        if law is not None and law.free_symbols == used:
            yield "the law for noise that does not depend on the weights, psi = 0", law


def other_quantities(claim: sp.Expr, target: Target) -> Iterator[Law]:
    """(summary, law) of other quantities of the same pair."""
    used = claim.free_symbols
    for name in QUANTITIES if target.model == "stationary" else ():
        if name == target.quantity or _special(name) != used & {lag, position, frequency, second_curvature}:
            continue
        law = _law(target.rule, target.scheme, name)
        if law is not None and law.free_symbols == used and law != target.truth:
            yield f"another quantity of the same pair: {_title(name)}", law


def special_cases(claim: sp.Expr, target: Target) -> Iterator[Law]:
    """(summary, law) of the target where hyperparameters that the claim lacks do nothing."""
    used = claim.free_symbols
    missing = [s for s in target.rule.parameters if s in target.truth.free_symbols and s not in used]
    if missing:
        at = {s: NEUTRAL[s] for s in missing if s in NEUTRAL}
        law = target.truth.xreplace(at)
        if law.free_symbols == used and not law.has(sp.nan, sp.zoo):
            yield "the special case " + " and ".join(f"{s} = {v}" for s, v in at.items()), law


def variance_of(target: Target) -> sp.Expr | None:
    """The value at lag 0 of the target's autocovariance."""
    if target.quantity == "noise-autocovariance":
        parts = target.scheme.noise
        m = sp.Symbol("steps_per_epoch", integer=True, positive=True)
        return noise_variance * sp.cancel(sp.Add(*(w * c.variance(m) for c, w in parts)))
    if target.quantity in ("weight-autocovariance", "weight-autocovariance-beyond"):
        return _law(target.rule, target.scheme, "weight-variance")
    return None


@lru_cache(maxsize=256)
def _law(rule: LinearRule, scheme: SamplingScheme, quantity: str) -> sp.Expr | None:
    """The closed form, or None where there is none or it takes long to derive."""
    if rule.state_size > _LARGEST_STATE or quantity in _TOO_SLOW:
        return None
    try:
        return stationary_law(rule, scheme).quantity(quantity).expression
    except TheoryError:
        return None


def _special(quantity: str) -> set[sp.Symbol]:
    """Which of lag, position, frequency and second curvature the quantity has."""
    found = {
        lag: "autocovariance" in quantity, frequency: "spectrum" in quantity,
        position: "-at-position" in quantity, second_curvature: quantity.startswith("cross-"),
    }
    return {s for s, has in found.items() if has}


def _without_remark(rule: str) -> str:
    return _NAMES.get(rule, rule).split(" (")[0]


def _title(quantity: str) -> str:
    moment = MOMENTS.get(quantity)
    return moment.title if moment is not None else quantity.replace("-", " ")

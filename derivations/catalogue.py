"""The derivation of any catalogue formula, and of any quantity of any pair."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sympy as sp

from derivations.batch_moments import derive_batch_moments
from derivations.derivation import Derivation
from derivations.flat_direction import derive_flat
from derivations.iterated_sums import derive_iterated_sums
from derivations.limits import derive_limit
from derivations.mean_shift import derive_mean_shift
from derivations.moments import combined, derive_moment
from derivations.multiplicative import derive_multiplicative
from derivations.one_dimensional_epoch import derive_one_dimensional_epoch
from derivations.one_epoch import ONE_EPOCH, derive_one_epoch
from derivations.regimes import REGIMES
from derivations.spectra import derive_noise_autocovariance, derive_spectrum
from derivations.step import Verdict
from theory.closed_forms import CATALOGUE, entry_by_slug
from theory.errors import require_known
from theory.formula import Formula
from theory.law import stationary_law
from theory.optimizers import LinearRule
from theory.quantities import QUANTITIES
from theory.sampling import SamplingScheme

__all__ = ["Proof", "derive", "derive_pair", "prove_catalogue"]

_OF_ITS_OWN = {
    **REGIMES,
    **dict.fromkeys(ONE_EPOCH, derive_one_epoch),
    **dict.fromkeys(
        (
            "mean-shift", "mean-shift-flat-direction", "nesterov-mean-shift",
            "shuffled-once-mean-shift",
        ),
        derive_mean_shift,
    ),
    **dict.fromkeys(
        ("batch-third-cumulant", "batch-fourth-moment-joint", "batch-fourth-moment-pairs"),
        derive_batch_moments,
    ),
    "reshuffled-weight-variance-iterated-sums": derive_iterated_sums,
    "one-dimensional-epoch-mean": derive_one_dimensional_epoch,
    "one-dimensional-epoch-second-moment": derive_one_dimensional_epoch,
}


def derive(slug: str, formula: Formula | None = None) -> Derivation:
    """The derivation of a catalogue formula.

    Parameters
    ----------
    slug
        Permanent name.
    formula
        Another formula to be derived in its place, e.g. one under suspicion: its verdict is
        REFUTED, with a witness, unless it is right.

    Raises
    ------
    UnknownNameError
        If there is no such formula; the message names the nearest.
    TheoryError
        If there is no derivation.

    Examples
    --------
    >>> from derivations import derive
    >>> derive("white-weight-variance").proved
    True
    """
    entry = entry_by_slug(slug)
    target = entry.formula if formula is None else formula
    if slug in _OF_ITS_OWN:
        return _OF_ITS_OWN[slug](entry, target)
    if entry.model == "multiplicative":
        return derive_multiplicative(entry, target)
    if not entry.exact:
        return derive_limit(entry, target)
    return derive_pair(entry.rule, entry.scheme, entry.quantity, target)


def derive_pair(
    rule: LinearRule, scheme: SamplingScheme, quantity: str, formula: Formula | None = None
) -> Derivation:
    """The derivation of one of :data:`theory.QUANTITIES` for any rule and scheme.

    Parameters
    ----------
    rule, scheme
        The pair, built in or your own.
    quantity
        Name of the quantity.
    formula
        Another formula to be derived in its place.

    Raises
    ------
    UnknownNameError
        If there is no such quantity.
    TheoryError
        If the pair does not have the quantity, or the scheme has an elementary noise of its own.
    """
    require_known(quantity, QUANTITIES, "quantity")
    target = stationary_law(rule, scheme).quantity(quantity) if formula is None else formula
    if quantity == "noise-autocovariance":
        return derive_noise_autocovariance(rule, scheme, target)
    if quantity.endswith("spectrum"):
        return derive_spectrum(rule, scheme, target, weights=quantity == "weight-spectrum")
    if quantity in ("loss-fluctuation", "correlation-time"):
        return combined(quantity, target, rule, scheme)
    if quantity.startswith("flat-"):
        return derive_flat(rule, scheme, quantity, target)
    return derive_moment(rule, scheme, quantity, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a check of one catalogue formula found."""

    slug: str
    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def proved(self) -> bool:
        return bool(self.verdicts) and all(v.proved for v in self.verdicts)


def prove_catalogue() -> list[Proof]:
    """Derive and check every formula of the catalogue."""
    proofs = []
    for entry in CATALOGUE:
        start = time.perf_counter()
        verdicts = derive(entry.slug).check()
        sp.core.cache.clear_cache()
        proofs.append(Proof(slug=entry.slug, verdicts=verdicts, seconds=time.perf_counter() - start))
    return proofs

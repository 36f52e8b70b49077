"""Errors a user can cause; every message names the number, the limit and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AccuracyError",
    "ConversionError",
    "MissingPackageError",
    "NoStationaryLawError",
    "TheoryError",
    "UnknownNameError",
    "UnstableError",
    "require_known",
]


class TheoryError(ValueError):
    """Base of every error caused by input; the command line exits with code 2."""


class UnstableError(TheoryError):
    """The hyperparameters lie outside the stability region: no stationary law exists."""


class NoStationaryLawError(TheoryError):
    """Stable hyperparameters, but the noise makes a flat direction diffuse or drift."""


class AccuracyError(TheoryError):
    """No number of the accuracy asked for: the message says what would do."""


class ConversionError(TheoryError):
    """No hyperparameters of the other convention give the same trajectory."""


class UnknownNameError(TheoryError):
    """A slug, parameter, rule or scheme that does not exist."""


class MissingPackageError(TheoryError):
    """An optional package is not installed."""


def require_known(name: str, known: Iterable[str], kind: str) -> str:
    """Return ``name`` if it is one of ``known``.

    Raises
    ------
    UnknownNameError
        Otherwise; the message offers the nearest known name.
    """
    names = sorted(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownNameError(f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}")

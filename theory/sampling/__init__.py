"""Sampling schemes, one file each; a scheme of your own is a :class:`SamplingScheme` value."""

from __future__ import annotations

from collections.abc import Callable

from theory.errors import require_known
from theory.sampling.dropped_batch import dropped_batch
from theory.sampling.fresh_batches import fresh_batches
from theory.sampling.kept_batch import kept_batch
from theory.sampling.reshuffled import reshuffled
from theory.sampling.scheme import SamplingScheme
from theory.sampling.shuffled_once import shuffled_once
from theory.sampling.with_replacement import with_replacement

__all__ = [
    "SCHEMES",
    "SamplingScheme",
    "dropped_batch",
    "fresh_batches",
    "kept_batch",
    "reshuffled",
    "scheme_by_name",
    "shuffled_once",
    "with_replacement",
]


def _shuffled_once_unequal() -> SamplingScheme:
    return shuffled_once(unequal_batches=True)


SCHEMES: tuple[tuple[str, Callable[[], SamplingScheme]], ...] = (
    ("with-replacement", with_replacement),
    ("fresh-batches", fresh_batches),
    ("reshuffled", reshuffled),
    ("dropped-batch", dropped_batch),
    ("kept-batch", kept_batch),
    ("shuffled-once", shuffled_once),
    ("shuffled-once-unequal", _shuffled_once_unequal),
)


def scheme_by_name(name: str) -> SamplingScheme:
    """Return the scheme called ``name``.

    Raises
    ------
    UnknownNameError
        If there is none; the message names the nearest.
    """
    makers = dict(SCHEMES)
    return makers[require_known(name, makers, "sampling scheme")]()

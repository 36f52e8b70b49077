"""The catalogue: formulas under permanent slugs, one file per published result or theme.

A new formula is one entry in one of these files (or a new file, with one line in ``_FILES``).
"""

from __future__ import annotations

from theory.closed_forms import (
    batch_moments,
    epoch_noise_kuhn2023,
    flat_direction,
    iterated_sums,
    limits,
    mean_shift,
    multiplicative_noise,
    one_dimensional_epoch,
    one_epoch_beneventano2023,
    other_rules,
    other_schemes,
    regimes_kuhn2023,
    white_noise_liu2021,
)
from theory.closed_forms.entry import Entry
from theory.errors import require_known
from theory.formula import Formula

__all__ = ["CATALOGUE", "Entry", "entry_by_slug", "formula_by_slug"]

_FILES = (
    white_noise_liu2021,
    epoch_noise_kuhn2023,
    iterated_sums,
    flat_direction,
    regimes_kuhn2023,
    limits,
    other_schemes,
    other_rules,
    multiplicative_noise,
    one_dimensional_epoch,
    one_epoch_beneventano2023,
    mean_shift,
    batch_moments,
)

CATALOGUE: tuple[Entry, ...] = tuple(entry for file in _FILES for entry in file.ENTRIES)


def entry_by_slug(slug: str) -> Entry:
    """The catalogue entry called ``slug``.

    Raises
    ------
    UnknownNameError
        If there is none; the message names the nearest.
    """
    table = {entry.slug: entry for entry in CATALOGUE}
    return table[require_known(slug, table, "formula")]


def formula_by_slug(slug: str) -> Formula:
    """The formula called ``slug``, derived when first asked for; errors as entry_by_slug."""
    return entry_by_slug(slug).formula

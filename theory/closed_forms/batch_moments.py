r"""Third and fourth moments of a batch average without replacement, over those of the population.

For N numbers of mean zero and power averages :math:`m_2,m_3,m_4`, the average u of S of them has
:math:`\mathbb E[u^3]=\kappa_3` and :math:`\mathbb E[u^4]`, linear in :math:`m_3`, and in :math:`m_4` and
:math:`m_2^2`. Several batches of one pass, and quantities that differ from factor to factor:
:mod:`theory.multiplicative.batch_moments`.
"""

from __future__ import annotations

import sympy as sp

from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.optimizers import sgd
from theory.sampling import fresh_batches
from theory.symbols import batch_size, samples

__all__ = ["ENTRIES"]

_N, _S = samples, batch_size
_three = (_N - 1) * (_N - 2)
_four = _three * (_N - 3)


def _entry(slug: str, title: str, left: str, compact: sp.Expr, least: int) -> Entry:
    enough = sp.Ge(_N, least)
    formula = Formula(
        slug=slug, title=title, left=left, compact=compact, unit=(0, 0),
        valid_if=sp.And(enough, _S <= _N),
        source="sampling from a finite population; re-derived here",
    )
    return Entry(
        slug=slug, derive=lambda: formula, rule=sgd(), scheme=fresh_batches(), quantity=slug,
        model="one-epoch",
    )


ENTRIES = (
    _entry(
        "batch-third-cumulant",
        "third cumulant of a batch average without replacement, over the population's m_3",
        "r_{third}", (_N - _S) * (_N - 2 * _S) / (_S**2 * _three), 3,
    ),
    _entry(
        "batch-fourth-moment-joint",
        "fourth moment of a batch average without replacement: its part in the population's m_4",
        "r_{joint}",
        (_N - _S) * (_N**2 - 6 * _N * _S + _N + 6 * _S**2) / (_S**3 * _four), 4,
    ),
    _entry(
        "batch-fourth-moment-pairs",
        "fourth moment of a batch average without replacement: its part in the population's m_2 squared",
        "r_{pairs}",
        3 * _N * (_S - 1) * (_N - _S) * (_N - _S - 1) / (_S**3 * _four), 4,
    ),
)

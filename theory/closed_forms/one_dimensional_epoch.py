r"""One epoch over a population in one dimension, without replacement: exact mean and mean square.

Every sample is used once, in uniformly random order, by plain SGD with one sample per step (fixed batches
are samples too: take their means). With :math:`x_n=1-\eta h_n`, the arrival times t, r are the parts of
the other samples that come after the marked ones.
"""

from __future__ import annotations

import sympy as sp

from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.optimizers import sgd
from theory.population import ARRIVAL_TIMES, MarkedProduct
from theory.sampling import reshuffled
from theory.symbols import displacement, learning_rate, sample_curvature, sample_gradient

__all__ = ["ENTRIES"]

_t, _r = ARRIVAL_TIMES
_x = learning_rate * sample_curvature
_factor = 1 - _x

_phi, _offset, _square = (sp.Symbol(name, real=True) for name in ("Phi", "c_{1}", "c_{2}"))
_PHI = MarkedProduct(_factor)
_OFFSET = -learning_rate * sp.Integral(MarkedProduct(1 - _x * _t, sample_gradient), (_t, 0, 1))
#: one sample twice, and two different ones: m first, l later
_SAME = sp.Integral(MarkedProduct(1 - _x * _t * (2 - _x), sample_gradient**2), (_t, 0, 1))
_PAIRS = sp.Integral(
    _r * MarkedProduct(
        1 - _x * _r * (1 + _t * _factor), sample_gradient * _factor, sample_gradient
    ),
    (_t, 0, 1), (_r, 0, 1),
)

MEAN = Formula(
    slug="one-dimensional-epoch-mean",
    title="mean weight after one epoch without replacement, one dimension, any population",
    compact=displacement * _PHI + _OFFSET,
    valid_if=sp.true,
    unit=(0, 1),
    left=r"\langle\theta_{N}\rangle",
)
SECOND_MOMENT = Formula(
    slug="one-dimensional-epoch-second-moment",
    title="mean square weight after one epoch without replacement, one dimension, any population",
    compact=displacement**2 * _phi**2 + 2 * displacement * _phi * _offset + _square,
    where=((_phi, _PHI), (_offset, _OFFSET), (_square, learning_rate**2 * (_SAME + 2 * _PAIRS))),
    valid_if=sp.true,
    unit=(0, 2),
    left=r"\langle\theta_{N}^{2}\rangle",
)


def _entry(formula: Formula, quantity: str) -> Entry:
    return Entry(
        slug=formula.slug, derive=lambda: formula, rule=sgd(), scheme=reshuffled(), quantity=quantity,
        model="one-epoch",
    )


ENTRIES = (_entry(MEAN, "epoch-mean"), _entry(SECOND_MOMENT, "epoch-second-moment"))

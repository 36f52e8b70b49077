r"""The reshuffled laws of heavy ball in one line, without any cancellation.

Summing the Lucas sequence three times gives a sequence F whose characteristic polynomial is
:math:`(z-1)^3(z^2-(1+\beta-\eta\lambda)z+\beta)`. In terms of it the weight variance is a sum of two
terms, positive while the poles are real and positive, with no singularity at zero curvature, at
critical damping or without momentum.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.optimizers import heavy_ball
from theory.sampling import reshuffled
from theory.sequences import LucasSequence
from theory.symbols import curvature, learning_rate, momentum, noise_variance, steps_per_epoch

__all__ = ["ENTRIES"]

_M, _beta, _eta, _lambda, _c = steps_per_epoch, momentum, learning_rate, curvature, noise_variance


def _summed(times: int, n: sp.Expr) -> sp.Expr:
    """The Lucas sequence U of one step, summed ``times`` times: S_n = sum over j < n, iterated."""
    z = sp.Dummy("z")
    polynomial = sp.expand((z - 1) ** times * (z**2 - (1 + _beta - _eta * _lambda) * z + _beta))
    coefficients = sp.Poly(polynomial, z).all_coeffs()[1:]
    invariants = [sp.expand((-1) ** (i + 1) * c) for i, c in enumerate(coefficients)]
    return LucasSequence(times + 1, n, *invariants)


def _variance() -> Formula:
    below = _M * (_M - 1) * (1 - _beta) * (2 * (1 + _beta) - _eta * _lambda)
    compact = 2 * _eta**2 * _c * (_summed(3, _M + 2) + _beta * _summed(3, _M + 1)) / below
    formula = Formula(
        slug="reshuffled-weight-variance-iterated-sums",
        left=r"\langle\theta^2\rangle",
        title="weight variance, averaged over the epoch (heavy-ball, reshuffled), without "
        "cancellation",
        compact=compact,
        valid_if=sp.And(_M >= 2, heavy_ball().valid_if),
        unit=(0, 2),
        silent_at_one_step=True,
    )
    at_zero = replace(
        formula, slug="flat/reshuffled-weight-variance-iterated-sums",
        compact=compact.subs(_lambda, 0), valid_if=sp.And(_M >= 2, _beta < 1),
    )
    return replace(formula, derive_flat_limit=lambda: at_zero)


ENTRIES = (
    Entry(
        slug="reshuffled-weight-variance-iterated-sums", derive=_variance, rule=heavy_ball(),
        scheme=reshuffled(), quantity="weight-variance",
    ),
)

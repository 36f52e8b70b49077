r"""The same averages as rational numbers, for samples drawn into batches of any size: O(N³).

Batch b takes the S samples at its positions of a random permutation; the step is
:math:`\delta\mapsto(1-\eta\bar h_b)\delta-\eta\bar g_b`. Every product over batches is a sum of products over
*different* samples, whose average over all permutations depends only on how many of them appear
once (k) and squared (j):

.. math:: y^kz^j\;\mapsto\;\frac{k!\,j!\,(N-k-j)!}{N!}\;[y^kz^j]\prod_n(1+h_ny+h_n^2z) .

So one batch stands for :math:`1-\eta y` in :math:`\Phi` and for
:math:`w=1-2\eta y+\eta^2(1-\frac1S)y^2+\frac{\eta^2}Sz` in :math:`\Phi^2`; a gradient is a mark,
:math:`\bar g_b\to[g]`, :math:`\bar g_b^2\to\frac1S[g^2]+(1-\frac1S)[g,g]`,
:math:`\bar g_b\bar h_b\to\frac1S[gh]+(1-\frac1S)[g]y`. These mixed elementary symmetric polynomials make the
second moment exact for any S; the mean needs the plain ones. New here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import factorial
from typing import Any

from flint import fmpq, fmpq_poly

from theory.errors import TheoryError
from theory.numbers import exact_number
from theory.one_epoch.epoch_moments import EpochMoments

__all__ = ["exact_moments"]

#: polynomials in y, one per power of z
Table = list[fmpq_poly]
_MOST_SAMPLES = 200


def exact_moments(
    curvatures: Sequence[Any], gradients: Sequence[Any], learning_rate: Any, batch_size: int = 1
) -> EpochMoments:
    """Moments over all permutations of the samples, as fractions.

    Parameters
    ----------
    curvatures, gradients
        One exact number per sample (see :func:`theory.numbers.exact_number`). Length N.
    learning_rate
        eta > 0.
    batch_size
        S; samples that do not fill a last batch are dropped, other ones in every order.

    Raises
    ------
    TheoryError
        If the lists differ in length, S is not in 1..N, or N is above 200.
    """
    h = [_fmpq(exact_number(f"curvatures[{i}]", v)) for i, v in enumerate(curvatures)]
    g = [_fmpq(exact_number(f"gradients[{i}]", v)) for i, v in enumerate(gradients)]
    eta = _fmpq(exact_number("learning_rate", learning_rate))
    if len(h) != len(g) or not h:
        raise TheoryError(f"curvatures and gradients must have one length N >= 1; got {len(h)} and {len(g)}")
    if not 1 <= batch_size <= len(h):
        raise TheoryError(f"batch_size must lie in 1..{len(h)} (the number of samples); got {batch_size}")
    if len(h) > _MOST_SAMPLES:
        raise TheoryError(
            f"exact fractions take O(N^3): N = {len(h)} is above {_MOST_SAMPLES}; use moments_of_epoch"
        )
    if not eta > 0:
        raise TheoryError(f"learning_rate = {learning_rate} must be positive")
    return _moments(h, g, eta, len(h) // batch_size, fmpq(1, batch_size))


def _moments(h: list[fmpq], g: list[fmpq], eta: fmpq, steps: int, part: fmpq) -> EpochMoments:
    """``part`` is 1/S."""
    gh = [a * b for a, b in zip(g, h, strict=True)]
    gg = [a * a for a in g]
    plain = _elementary(h, [])
    one, curved, squared = (_elementary(h, [w]) for w in (g, gh, gg))
    two, two_curved = _elementary(h, [g, g]), _elementary(h, [g, gh])
    step = fmpq_poly([1, -eta])
    # Horner sums over the batches: sum_b w^(M-b), sum_b r_b w^(M-b), and those of E[c] and E[Phi c]
    after: Table = [fmpq_poly([])]
    between: Table = [fmpq_poly([])]
    crossed: Table = [fmpq_poly([])]
    square: Table = [fmpq_poly([1])]
    once, power, late = fmpq_poly([]), fmpq_poly([1]), fmpq_poly([])
    for _ in range(steps):
        after = _plus(_times_batch(after, eta, part), [fmpq_poly([1])])
        between = _plus(_times_batch(between, eta, part), [late])
        crossed = _plus(_times_batch(crossed, eta, part), [power])
        square = _times_batch(square, eta, part)
        late, once, power = late * step + 1, once * step + 1, power * step
    rest = 1 - part
    y = fmpq_poly([0, 1])

    def average(schedule: Table, elementary: Table, marks: int) -> fmpq:
        return _average(schedule, elementary, len(h), marks)

    def marked_step(sums: Table, whole: Table, own: Table, marks: int) -> fmpq:
        r""":math:`[g](1-\eta\bar h)` of the batch of the last mark."""
        other = [p * (1 - eta * rest * y) for p in sums]
        return average(other, whole, marks) - eta * part * average(sums, own, marks)

    pairs = marked_step(between, two, two_curved, 2)
    offset_square = eta * eta * (
        part * average(after, squared, 1) + rest * average(after, two, 2) + 2 * pairs
    )
    return EpochMoments(
        factor=_fraction(average([power], plain, 0)),
        factor_square=_fraction(average(square, plain, 0)),
        offset=_fraction(-eta * average([once], one, 1)),
        factor_offset=_fraction(-eta * marked_step(crossed, one, curved, 1)),
        offset_square=_fraction(offset_square), same_factor=bool(part == 1),
    )


def _elementary(h: list[fmpq], marks: list[list[fmpq]]) -> Table:
    r"""Coefficients of the marks in :math:`\prod_n(1+h_ny+h_n^2z+\sum_rs_rw_{rn})`, by powers of z."""
    tables: list[Table] = [[fmpq_poly([1])], *([fmpq_poly([])] for _ in range(2 ** len(marks) - 1))]
    for n, value in enumerate(h):
        grown = []
        for state, table in enumerate(tables):
            new = [p * fmpq_poly([1, value]) for p in table]
            new = _plus(new, [fmpq_poly([]), *(p * (value * value) for p in table)])
            for r, weights in enumerate(marks):
                if state >> r & 1:
                    new = _plus(new, [p * weights[n] for p in tables[state ^ (1 << r)]])
            grown.append(new)
        tables = grown
    return tables[-1]


def _plus(first: Table, second: Table) -> Table:
    long, short = (first, second) if len(first) >= len(second) else (second, first)
    total = [*(a + b for a, b in zip(long, short, strict=False)), *long[len(short) :]]
    while len(total) > 1 and not total[-1]:
        total.pop()
    return total


def _times_batch(table: Table, eta: fmpq, part: fmpq) -> Table:
    """Times w."""
    inner = fmpq_poly([1, -2 * eta, eta * eta * (1 - part)])
    return _plus([p * inner for p in table], [fmpq_poly([]), *(p * (eta * eta * part) for p in table)])


def _average(schedule: Table, elementary: Table, samples: int, marks: int) -> fmpq:
    """Replace every monomial by its average over all permutations; the marks use samples of their own."""
    total = fmpq(0)
    for j, (weights, values) in enumerate(zip(schedule, elementary, strict=False)):
        for k in range(min(weights.length(), values.length(), samples - j - marks + 1)):
            orders = fmpq(
                factorial(k) * factorial(j) * factorial(samples - k - j - marks), factorial(samples)
            )
            total += weights[k] * values[k] * orders
    return total


def _fmpq(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))

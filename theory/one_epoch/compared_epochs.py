r"""The same number of steps with replacement, and of gradient descent, beside an epoch without.

With replacement every step draws its sample afresh, and for quadratics the mean is that of gradient
descent exactly; the mean square obeys a linear recursion.
"""

from __future__ import annotations

from typing import Any

from theory.errors import TheoryError
from theory.one_epoch.epoch_moments import EpochMoments

__all__ = ["gradient_descent", "with_replacement"]


def with_replacement(
    curvatures: Any, gradients: Any, learning_rate: Any, steps: int | None = None
) -> EpochMoments:
    r"""Moments of :math:`\delta\mapsto\Phi\delta+c` after N (or ``steps``) independent draws.

    With the averages over the population :math:`x=1-\eta h,\ a=E\,x,\ b=-\eta E\,g`,

    .. math:: E\,\Phi_{k+1}=aE\,\Phi_k,\quad E\,c_{k+1}=aE\,c_k+b,\quad
       E\,c_{k+1}^2=E[x^2]E\,c_k^2-2\eta E[xg]E\,c_k+\eta^2E[g^2].

    In the type of the numbers given: exact for fractions. Arguments as
    :func:`theory.one_epoch.population_moments.moments_of_epoch`.
    """
    pairs, count = _pairs(curvatures, gradients), len(curvatures)
    drawn = [(1 - learning_rate * h, -learning_rate * g) for h, g in pairs]
    a, b = (sum(p[k] for p in drawn) / count for k in range(2))
    aa, ab, bb = (sum(p[i] * p[j] for p in drawn) / count for i, j in ((0, 0), (0, 1), (1, 1)))
    first, square, offset, cross, offset_square = 1, 1, 0 * b, 0 * b, 0 * b
    for _ in range(count if steps is None else steps):
        offset_square = aa * offset_square + 2 * ab * offset + bb
        cross = aa * cross + ab * first
        first, square, offset = a * first, aa * square, a * offset + b
    return EpochMoments(
        factor=first, factor_square=square, offset=offset, factor_offset=cross,
        offset_square=offset_square, same_factor=False,
    )


def gradient_descent(
    curvatures: Any, gradients: Any, learning_rate: Any, steps: int | None = None
) -> EpochMoments:
    """The map of N (or ``steps``) full-batch steps: no average is taken, all squares are plain."""
    pairs, count = _pairs(curvatures, gradients), len(curvatures)
    x = 1 - learning_rate * sum(h for h, _ in pairs) / count
    b = -learning_rate * sum(g for _, g in pairs) / count
    factor, offset = 1, 0 * b
    for _ in range(count if steps is None else steps):
        factor, offset = x * factor, x * offset + b
    return EpochMoments(
        factor=factor, factor_square=factor * factor, offset=offset, factor_offset=factor * offset,
        offset_square=offset * offset,
    )


def _pairs(curvatures: Any, gradients: Any) -> list[tuple[Any, Any]]:
    if len(curvatures) != len(gradients) or len(curvatures) == 0:
        raise TheoryError(
            f"curvatures and gradients must have one length N >= 1; got {len(curvatures)} and "
            f"{len(gradients)}"
        )
    return list(zip(curvatures, gradients, strict=True))

"""Whether a signed sum of elementary noises is a covariance at all."""

from __future__ import annotations

import math
from fractions import Fraction

from theory.noise import (
    Frozen,
    LastStep,
    NoiseComponent,
    Periodic,
    PeriodicLastStep,
    SharedInEpoch,
    White,
)

__all__ = ["negative_eigenvalue"]

Parts = tuple[tuple[NoiseComponent, Fraction], ...]

#: components that are new in every epoch, and those that repeat: independent of position, constant
#: over the epoch, at the last position
_FAMILIES: tuple[tuple[type, type, type], ...] = (
    (White, SharedInEpoch, LastStep), (Periodic, Frozen, PeriodicLastStep),
)
#: steps looked at from either end of an epoch where a component is none of the above
_EDGE = 16
_ROUNDING = 1e-10


def negative_eigenvalue(parts: Parts, steps: int) -> float | None:
    r"""A negative eigenvalue of the noise's covariance by step, or None if there is none.

    Over E epochs of M steps the built-in components have covariance
    :math:`1_E\otimes D+\mathbf1\mathbf1^\top\otimes F`, positive semi-definite for every E exactly
    if D and F are. Each is :math:`x1_M+y\mathbf1\mathbf1^\top+z\,e_Me_M^\top`: eigenvalue x
    on M - 2 vectors, and a block of two, checked exactly at any M. With other components the
    eigenvalues of the steps around the ends of an epoch are computed in double.
    """
    known = [kind for family in _FAMILIES for kind in family]
    if not all(type(component) in known for component, _ in parts):
        return _of_the_edges(parts, steps)
    for family in _FAMILIES:
        x, y, z = (
            sum((w for c, w in parts if type(c) is kind), Fraction(0)) for kind in family
        )
        found = _of_one_epoch(x, y, z, steps)
        if found is not None:
            return found
    return None


def _of_one_epoch(x: Fraction, y: Fraction, z: Fraction, m: int) -> float | None:
    """Eigenvalues of x 1 + y 11^T + z e_M e_M^T."""
    last = x + y + z
    if m == 1:
        return float(last) if last < 0 else None
    if m > 2 and x < 0:
        return float(x)
    rest = x + (m - 1) * y  # along (1, ..., 1, 0); coupled to e_M by y sqrt(M - 1)
    trace, determinant = rest + last, rest * last - (m - 1) * y * y
    if trace >= 0 and determinant >= 0:
        return None
    return float(trace) / 2 - math.hypot(float(rest - last) / 2, math.sqrt(m - 1) * float(y))


def _of_the_edges(parts: Parts, steps: int) -> float | None:
    import numpy as np

    ends = {*range(1, _EDGE + 1), *range(steps - _EDGE + 1, steps + _EDGE + 1)}
    seen = sorted(k for k in ends if 1 <= k <= 2 * steps)
    matrix = np.array(
        [[float(sum(w for c, w in parts if c.correlated(k, l, steps))) for l in seen] for k in seen]
    )
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    size = sum(abs(float(w)) for _, w in parts) * len(seen)
    return smallest if smallest < -_ROUNDING * size else None

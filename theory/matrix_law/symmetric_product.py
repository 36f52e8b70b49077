"""Products known to be symmetric, at little more than half the cost."""

from __future__ import annotations

from theory.matrix_law.matrices import FloatArray

__all__ = ["symmetric_product"]

_PANEL = 256


def symmetric_product(left: FloatArray, right: FloatArray, *, out: FloatArray) -> FloatArray:
    """Compute left @ right, exactly symmetric, from its upper triangle.

    Parameters
    ----------
    left, right
        Shape (d, d), with a product that is symmetric up to rounding.
    out
        Where to write it; neither of the factors.
    """
    d = len(left)
    for start in range(0, d, _PANEL):
        stop = min(start + _PANEL, d)
        panel = left[start:stop] @ right[:, start:]
        out[start:stop, start:] = panel
        out[stop:, start:stop] = panel[:, stop - start :].T
        square = panel[:, : stop - start]
        out[start:stop, start:stop] = (square + square.T) / 2
    return out

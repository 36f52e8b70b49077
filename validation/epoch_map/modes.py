"""An epoch without fluctuations: every pair of directions by itself."""

from __future__ import annotations

import numpy as np

from validation.epoch_map.system import EpochSystem, FloatArray

__all__ = ["mode_inverse", "solve_modes", "state_scales"]


def mode_inverse(system: EpochSystem) -> FloatArray:
    r""":math:`(I-A_i^M\otimes A_j^M)^{-1}` for every pair of directions. Shape (d, d, n², n²)."""
    powers = np.stack([np.linalg.matrix_power(a, system.steps) for a in system.transitions])
    d, n = powers.shape[:2]
    pairs = np.einsum("iab,jcd->ijacbd", powers, powers).reshape(d, d, n * n, n * n)
    out: FloatArray = np.linalg.inv(np.eye(n * n) - pairs)
    return out


def solve_modes(inverse: FloatArray, right: FloatArray, *, turned: bool = False) -> FloatArray:
    """Apply :func:`mode_inverse` (``turned``: its adjoint). Shape (n d, n d) to the same."""
    d, n = inverse.shape[0], round(inverse.shape[2] ** 0.5)
    blocks = right.reshape(n, d, n, d).transpose(1, 3, 0, 2).reshape(d, d, n * n, 1)
    inverse = inverse.swapaxes(2, 3) if turned else inverse
    solved = (inverse @ blocks).reshape(d, d, n, n).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(solved).reshape(n * d, n * d)


def state_scales(system: EpochSystem, shifts: FloatArray) -> FloatArray:
    """Root mean squares of the state if no batch Hessian fluctuated; one where nothing moves."""
    law = shifts.T @ shifts / len(shifts)
    if np.abs(np.linalg.eigvals(system.transitions)).max() < 1:
        law = solve_modes(mode_inverse(system), law)
    size = np.sqrt(np.maximum(np.diag(law), 0.0))
    return np.where(size > 1e-12 * size.max(initial=0.0), size, 1.0)

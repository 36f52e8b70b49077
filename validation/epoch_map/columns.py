"""Columns that epochs are applied to, and for how many permutations at a time."""

from __future__ import annotations

import numpy as np

from validation.epoch_map.system import EpochSystem, FloatArray

__all__ = ["chunk_size", "identity_columns"]

_CHUNK_BYTES = 64_000_000


def chunk_size(floats: int) -> int:
    """Permutations at a time, if one takes ``floats`` numbers."""
    return int(np.clip(_CHUNK_BYTES // (8 * floats), 4, 4096))


def identity_columns(system: EpochSystem) -> FloatArray:
    """[I, 0] as columns of a state. Shape (1, n, d, n d + 1)."""
    n, d = system.entries, system.dimension
    return np.eye(n * d, n * d + 1).reshape(1, n, d, n * d + 1)

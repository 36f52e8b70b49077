"""Batch noise from really drawn indices, for many independent runs at once."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from theory.sampling import SamplingScheme
from validation.kernel import draw, seed_generators
from validation.regression import FloatArray

__all__ = ["index_noise"]


def index_noise(
    scheme: SamplingScheme, gradients: FloatArray, batch_size: int, epochs: int, replicas: int, seed: int
) -> FloatArray:
    """Batch means of ``gradients`` over the indices that ``scheme`` draws.

    Returns
    -------
    Shape (replicas, epochs * M); of a scheme whose first epoch repeats, that epoch alone, (replicas, M).
    The numbers of a replica depend on the seed and its own number only.
    """
    samples = gradients.size
    sizes = np.array(scheme.batch_sizes(samples, batch_size), dtype=np.int64)
    once = scheme.lasting == "run"
    passes = {"sample": np.ones(sizes.sum(), dtype=np.int64), "batch": sizes}.get(
        scheme.lasting, np.array([sizes.sum()])
    )
    count = 1 if once else epochs
    generators = np.empty((replicas, 4), dtype=np.uint64)
    seed_generators(np.uint64(seed), 0, generators)
    out = np.empty((replicas, count * sizes.size))
    _fill(np.asarray(gradients, dtype=np.float64), sizes, passes, generators, count, out)
    return out


@numba.njit(cache=True, parallel=True, error_model="numpy")
def _fill(gradients: Any, sizes: Any, passes: Any, generators: Any, epochs: int, out: Any) -> None:
    """One replica per task; it owns its generator and its order of the samples."""
    for r in numba.prange(out.shape[0]):
        order = np.arange(gradients.size).astype(np.int32)
        chosen = np.zeros(sizes.sum(), dtype=np.int32)
        step = 0
        for _ in range(epochs):
            draw(order, passes, generators[r], chosen)
            start = 0
            for size in sizes:
                total = 0.0
                for b in range(start, start + size):
                    total += gradients[chosen[b]]
                out[r, step] = total / size
                start += size
                step += 1

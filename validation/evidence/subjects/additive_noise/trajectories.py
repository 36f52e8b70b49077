"""The runs that the simulated rung looks at: one rule, one scheme, three directions, many replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np

from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from validation.evidence.subjects.additive_noise.index_noise import index_noise
from validation.regression import FloatArray

__all__ = ["BATCH", "DIRECTIONS", "STEPS", "Trajectories", "run", "sample_count", "setting"]

STEPS, BATCH = 3, 5
#: curvatures of the directions, by the parameter they stand for
DIRECTIONS: Mapping[str, Fraction] = {
    "curvature": Fraction(5, 8), "second_curvature": Fraction(10, 11), "flat": Fraction(0),
}
#: unrelated numbers: no product, power or complement of one of them is another
_SETTING: Mapping[str, Fraction] = {
    "learning_rate": Fraction(2, 7), "momentum": Fraction(3, 5), "dampening": Fraction(2, 9),
    "weight_decay": Fraction(1, 5), "immediate_discount": Fraction(5, 7), "averaging_rate": Fraction(3, 8),
}
#: epochs before the first that is measured: the slowest pole, 0.83, is down to 1e-7 and squares to 1e-14
_BURN_IN = 30
#: (replicas, measured epochs), fixed beforehand: fresh epochs average, a run that repeats does not
_SIZE = {"run": (300_000, 1)}
_USUAL = (80_000, 40)
#: epochs behind the measured ones, for lags beyond an epoch
_BEHIND = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectories:
    """Columns are steps; the first belongs to position M of the epoch before the measured ones.

    Attributes
    ----------
    noise
        Batch noise. Shape (replicas, 1 + (E + 3) M).
    weights
        By direction; of a flat direction around the point its cycle is centred on.
    measured
        E, the epochs whose positions are averaged over.
    """

    noise: FloatArray
    weights: Mapping[str, FloatArray]
    measured: int

    def velocity(self, direction: str) -> FloatArray:
        """v_k for columns 1, 2, ...; column 0 is undefined and set to 0."""
        weights = self.weights[direction]
        out = np.zeros_like(weights)
        np.subtract(weights[:, 1:], weights[:, :-1], out=out[:, 1:])
        return out


def sample_count(scheme: SamplingScheme) -> int:
    """N that makes five batches of three, the last one dropped or smaller where the scheme says so."""
    return STEPS * BATCH + {"dropped": 2, "kept": -1}.get(scheme.last_batch, 0)


def gradients_of(scheme: SamplingScheme) -> FloatArray:
    """Whole per-sample gradients, skewed, that sum to zero. Shape (N,)."""
    n = sample_count(scheme)
    values = np.array([k * k - 7 * k for k in range(n)])
    return np.asarray(n * values - values.sum(), dtype=np.float64) / n


def setting(rule: LinearRule, scheme: SamplingScheme) -> dict[str, Any]:
    """The point that is simulated, every parameter by name; exact."""
    n = sample_count(scheme)
    own = [Fraction(int(v)) for v in np.rint(gradients_of(scheme) * n)]
    spread = sum((g * g for g in own), Fraction(0)) / n**2 / (n - 1)
    return {
        **_SETTING, "curvature": DIRECTIONS["curvature"],
        "second_curvature": DIRECTIONS["second_curvature"], "steps_per_epoch": STEPS,
        "batch_size": BATCH, "samples": n,
        "noise_variance": spread * scheme.variance_factor(n, BATCH),
    }


@lru_cache(maxsize=1)
def run(rule: LinearRule, scheme: SamplingScheme, salt: int = 0, share: int = 1) -> Trajectories:
    """Simulate; ``salt`` changes the seed, ``share`` divides the number of replicas."""
    replicas, measured = _SIZE.get(scheme.lasting, _USUAL)
    replicas //= share
    seed = crc32(f"{rule.name}/{scheme.name}/{salt}".encode())
    noise = index_noise(
        scheme, gradients_of(scheme), BATCH, _BURN_IN + measured + _BEHIND, replicas, seed
    )
    weights = {
        name: _followed(rule, float(curvature), noise, scheme, measured)
        for name, curvature in DIRECTIONS.items()
    }
    last = np.arange(-(measured + _BEHIND) * STEPS - 1, 0) % noise.shape[1]
    return Trajectories(noise=noise[:, last], weights=weights, measured=measured)


def _followed(
    rule: LinearRule, curvature: float, noise: FloatArray, scheme: SamplingScheme, measured: int
) -> FloatArray:
    """Step by step, all replicas at once; the last E + 3 epochs and one step are kept."""
    numeric = rule.numeric({k: float(v) for k, v in _SETTING.items()})
    state = np.zeros((noise.shape[0], numeric.inject.size))
    steps, kept = (_BURN_IN + measured + _BEHIND) * STEPS, (measured + _BEHIND) * STEPS + 1
    out = np.empty((kept, noise.shape[0]))
    for k in range(steps):
        gradient = curvature * (state @ numeric.evaluate_at) + noise[:, k % noise.shape[1]]
        state = state @ numeric.keep.T + np.outer(gradient, numeric.inject)
        if k >= steps - kept:
            out[k - (steps - kept)] = state[:, 0]
    if curvature == 0 and scheme.lasting == "run":  # a cycle that stays where it started
        out -= out[-STEPS:].mean(axis=0)
    return np.ascontiguousarray(out.T)

"""The whole data set in one batch: every permutation is the same step, and nothing moves."""

from __future__ import annotations

import numpy as np

from theory.errors import UnstableError
from validation.epoch_map.law import EpochMapLaw
from validation.epoch_map.system import EpochSystem

__all__ = ["has_no_noise", "law_without_noise"]


def has_no_noise(system: EpochSystem) -> bool:
    """Whether an epoch is one batch of all samples."""
    return system.steps == 1 and int(system.sizes[0]) == system.samples


def law_without_noise(system: EpochSystem, seed: int, *, once: bool) -> EpochMapLaw:
    """Zero, exactly, from no permutation at all: gradient descent rests at the minimum.

    Raises
    ------
    UnstableError
        If gradient descent does not converge.
    """
    radius = float(np.abs(np.linalg.eigvals(system.transitions)).max())
    if not radius < 1:
        raise UnstableError(
            "no stationary law: the batch is the whole data set, so there is no noise, but in the end every "
            f"step multiplies the distance from the minimum by {radius:.6g}, not below 1. Lower the learning "
            "rate"
        )
    d = system.active.size
    zero, square = np.zeros(d), np.zeros((d, d))
    return EpochMapLaw(
        second_moment=square, velocity=square, weight_velocity=square, variance=zero, mean=zero,
        by_position=np.zeros((1, d)), standard_error=zero, mean_standard_error=zero, permutations=0,
        seed=seed, spectral_radius=radius if once else radius**2, residual=0.0,
        variance_reduction=np.ones(d),
    )

r"""Means and second moments after any number of independent steps, from any start, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.quadratics import FloatArray
from theory.multiplicative.second_moment_map import advance

__all__ = ["TransientMoments", "transient_moments"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TransientMoments:
    """Moments of the state after chosen numbers of steps.

    Attributes
    ----------
    steps
        Increasing, shape (K,).
    means
        Shape (K, n, d).
    second_moments
        About the minimum. Shape (K, n, n, d, d), index [step, row, column, i, j].
    """

    steps: tuple[int, ...]
    means: FloatArray
    second_moments: FloatArray

    @property
    def weight_covariances(self) -> FloatArray:
        """About the mean. Shape (K, d, d). Unit: parameter²."""
        mean = self.means[:, 0]
        out: FloatArray = self.second_moments[:, 0, 0] - mean[:, :, None] * mean[:, None, :]
        return out


def transient_moments(
    problem: IndependentSteps, steps: Sequence[int], *, mean: npt.ArrayLike | None = None,
    second_moment: npt.ArrayLike | None = None,
) -> TransientMoments:
    r"""Iterate :func:`theory.multiplicative.second_moment_map.advance`: O(N r d²) per step.

    Stability is not needed: beyond the mean-square limit the second moment grows.

    Parameters
    ----------
    steps
        After how many steps to report, not negative.
    mean
        Of the state at the start, measured from the minimum in the eigenbasis. Shape (n, d). By
        default the minimum, at rest.
    second_moment
        At the start, shape (n, n, d, d); by default that of a state known to be ``mean``.

    Raises
    ------
    TheoryError
        If shapes do not match or a number of steps is negative or no whole number.
    """
    n, d = problem.state_size, problem.quadratics.dimension
    mu = np.zeros((n, d)) if mean is None else np.array(mean, dtype=np.float64)
    if mu.shape != (n, d):
        raise TheoryError(f"mean must have shape (n, d) = ({n}, {d}); got {mu.shape}")
    start = np.einsum("pi,qj->pqij", mu, mu) if second_moment is None else second_moment
    p = np.array(start, dtype=np.float64)
    if p.shape != (n, n, d, d):
        raise TheoryError(f"second_moment must have shape ({n}, {n}, {d}, {d}); got {p.shape}")
    wanted = sorted({*steps})
    if any(int(k) != k or k < 0 for k in wanted):
        raise TheoryError(f"steps must be whole numbers, not negative; got {list(steps)}")
    means, moments = np.empty((len(wanted), n, d)), np.empty((len(wanted), n, n, d, d))
    done = 0
    for place, k in enumerate(wanted):
        for _ in range(int(k) - done):
            p, mu = advance(problem, p, mu)
        done = int(k)
        means[place], moments[place] = mu, p
    return TransientMoments(steps=tuple(map(int, wanted)), means=means, second_moments=moments)

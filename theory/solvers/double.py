"""From exact modes to well-scaled double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import NoStationaryLawError
from theory.solvers.inputs import SolverInput
from theory.solvers.rational import Rows
from theory.solvers.side import Side

__all__ = ["DoubleMode", "balanced_mode", "require_curved", "without_constant"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoubleMode:
    """A mode in double precision, as :class:`theory.solvers.side.Side` in other coordinates."""

    transition: FloatArray
    injection: FloatArray
    output: FloatArray


def balanced_mode(side: Side) -> DoubleMode:
    """Round to double, with every entry of the state scaled to its own response.

    A rule may keep a gradient beside its weights, with a ratio of the order of the learning rate
    between them. Dividing each entry by the largest it reaches within a few steps after a unit
    noise removes it; powers of two cost no accuracy. (Balancing A alone, as LAPACK does, ruins
    the injection where the momentum is tiny.)
    """
    transition = np.array(side.transition, dtype=np.float64)
    injection = np.array(side.injection, dtype=np.float64)
    output = np.array(side.output, dtype=np.float64)
    reach, state = np.abs(injection), injection
    for _ in injection:
        state = transition @ state
        reach = np.maximum(reach, np.abs(state))
    _, exponent = np.frexp(np.where(reach > 0, reach, 1.0))
    scaling = np.ldexp(1.0, exponent)
    return DoubleMode(
        transition=transition / scaling[:, None] * scaling,
        injection=injection / scaling,
        output=output * scaling,
    )


def require_curved(given: SolverInput) -> None:
    """Refuse zero curvature, where only a limit exists.

    Raises
    ------
    NoStationaryLawError
        If a mode has an eigenvalue exactly one.
    """
    if given.left.flat or given.right.flat:
        raise NoStationaryLawError(
            "curvature = 0 leaves one direction without a restoring force; the law, where it "
            "exists, is a limit: use solve_epoch_lifted, or a positive curvature"
        )


def without_constant(response: list[FloatArray], noise: Rows) -> list[FloatArray]:
    """Remove the mean over the noises of an epoch, if noise that sums to zero cannot see it.

    In a flat direction that constant is nearly all of the response, and would cancel later. The
    last axis of each response runs over the noises; ``noise`` is their exact covariance.
    """
    if any(sum(row) != 0 for row in noise):
        return response
    return [r - r.mean(axis=-1, keepdims=True) for r in response]

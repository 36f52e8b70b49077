"""The quantities every (rule, scheme) pair has, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theory.engine.law import Output, When

__all__ = ["MOMENTS", "QUANTITIES", "Moment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A second moment: what is averaged with what, and when.

    ``left`` is LaTeX of its name, with ``$position`` and the like for letters; ``when`` picks the
    component's law, ``first`` is the later time and the first direction.
    """

    left: str
    title: str
    when: When
    first: Output
    second: Output
    cross: bool = False


MOMENTS: Mapping[str, Moment] = {
    "weight-variance": Moment(
        left=r"\langle\theta^2\rangle",
        title="weight variance, averaged over the epoch",
        when="mean", first="weights", second="weights",
    ),
    "velocity-variance": Moment(
        left=r"\langle v^2\rangle",
        title="velocity variance, averaged over the epoch",
        when="mean", first="velocity", second="velocity",
    ),
    "weight-velocity-covariance": Moment(
        left=r"\langle\theta v\rangle",
        title="covariance of weight and velocity, averaged over the epoch",
        when="mean", first="weights", second="velocity",
    ),
    "weight-variance-at-position": Moment(
        left=r"\langle\theta_{$position}^2\rangle",
        title="weight variance at position j of the epoch",
        when="at-position", first="weights", second="weights",
    ),
    "velocity-variance-at-position": Moment(
        left=r"\langle v_{$position}^2\rangle",
        title="velocity variance at position j of the epoch",
        when="at-position", first="velocity", second="velocity",
    ),
    "weight-velocity-covariance-at-position": Moment(
        left=r"\langle\theta_{$position}v_{$position}\rangle",
        title="covariance of weight and velocity at position j of the epoch",
        when="at-position", first="weights", second="velocity",
    ),
    "weight-variance-at-last-position": Moment(
        left=r"\langle\theta_{$steps_per_epoch}^2\rangle",
        title="weight variance at the end of the epoch",
        when="at-last-position", first="weights", second="weights",
    ),
    "weight-autocovariance": Moment(
        left=r"\langle\theta_{k+$lag}\theta_k\rangle",
        title="weight autocovariance at lag 0 <= tau <= M, averaged over the epoch",
        when="lag-within", first="weights", second="weights",
    ),
    "weight-autocovariance-beyond": Moment(
        left=r"\langle\theta_{k+$lag}\theta_k\rangle",
        title="weight autocovariance at lag tau >= M, averaged over the epoch",
        when="lag-beyond", first="weights", second="weights",
    ),
    "weight-autocovariance-at-position": Moment(
        left=r"\langle\theta_{$position+$lag}\theta_{$position}\rangle",
        title="weight autocovariance from position j to position j + tau of the same epoch",
        when="lag-at-position", first="weights", second="weights",
    ),
    "cross-weight-covariance": Moment(
        left=r"\langle\theta\,\theta'\rangle",
        title="covariance of the weights in two directions, averaged over the epoch",
        when="mean", first="weights", second="weights", cross=True,
    ),
    "cross-velocity-covariance": Moment(
        left=r"\langle v\,v'\rangle",
        title="covariance of the velocities in two directions, averaged over the epoch",
        when="mean", first="velocity", second="velocity", cross=True,
    ),
    "cross-weight-velocity-covariance": Moment(
        left=r"\langle\theta\,v'\rangle",
        title="covariance of the weight in the first direction and the velocity in the second",
        when="mean", first="weights", second="velocity", cross=True,
    ),
    "cross-weight-covariance-at-position": Moment(
        left=r"\langle\theta_{$position}\,\theta'_{$position}\rangle",
        title="covariance of the weights in two directions at position j of the epoch",
        when="at-position", first="weights", second="weights", cross=True,
    ),
    "cross-weight-autocovariance": Moment(
        left=r"\langle\theta_{k+$lag}\,\theta'_k\rangle",
        title="autocovariance of the weights in two directions at lag 0 <= tau <= M, "
        "the first direction at the later time",
        when="lag-within", first="weights", second="weights", cross=True,
    ),
}

QUANTITIES: tuple[str, ...] = (
    *MOMENTS,
    "noise-autocovariance",
    "noise-spectrum",
    "weight-spectrum",
    "correlation-time",
    "loss-fluctuation",
    "flat-weight-variance",
    "flat-velocity-variance",
    "flat-correlation-time",
)

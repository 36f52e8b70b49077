"""Compare predicted variances with a simulation at a stated false-alarm rate and resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from validation.regression import FloatArray

__all__ = ["Comparison", "compare", "replicas_for", "require_variation"]

Verdict = Literal["agrees", "disagrees", "too-coarse"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    r"""Predicted and measured second moments, with everything needed to judge them.

    Attributes
    ----------
    predicted, measured, standard_error
        Shape (d,). ``standard_error`` is that of ``measured`` (and of the prediction, if it has
        one, in quadrature).
    z
        Deviation as a standard normal would show it; positive if measured exceeds predicted.
    threshold
        Largest absolute z by chance, per direction: the total false-alarm rate is
        ``false_alarm_rate`` over ``comparisons`` comparisons.
    half_resolution, resolution
        Per direction, the relative error r for which a prediction (1 + r) times the truth, or the
        truth over (1 + r), raises the alarm with probability at least 50 % and 99.9 %.
    asserted_resolution
        What ``resolution`` must reach in every direction.
    """

    labels: tuple[str, ...]
    replicas: int
    predicted: FloatArray
    measured: FloatArray
    standard_error: FloatArray
    z: FloatArray
    threshold: FloatArray
    half_resolution: FloatArray
    resolution: FloatArray
    asserted_resolution: float
    false_alarm_rate: float
    comparisons: int
    prediction_error: FloatArray
    samples: FloatArray

    @property
    def alarms(self) -> npt.NDArray[np.bool_]:
        """Directions whose deviation is not chance. Shape (d,)."""
        out: npt.NDArray[np.bool_] = ~(np.abs(self.z) <= self.threshold)  # NaN is an alarm
        return out

    @property
    def verdict(self) -> Verdict:
        """``disagrees`` on any alarm; else ``too-coarse`` if the asserted resolution is not met."""
        if self.alarms.any():
            return "disagrees"
        fine = bool((self.resolution <= self.asserted_resolution).all())
        return "agrees" if fine else "too-coarse"

    @property
    def agrees(self) -> bool:
        """Whether the verdict is ``agrees``."""
        return self.verdict == "agrees"

    def negative_control(self, factor: float = 1.0) -> Comparison:
        """The same data against predictions inflated by ``factor`` times the resolution.

        Where the prediction is right, each direction must raise the alarm with probability 99.9 %
        at ``factor=1``; a control whose verdict is not ``disagrees`` discredits the comparison.
        """
        inflate = 1 + factor * self.resolution
        return compare(
            self.predicted * inflate, self.samples, labels=self.labels,
            false_alarm_rate=self.false_alarm_rate, comparisons=self.comparisons,
            resolution=self.asserted_resolution, prediction_error=self.prediction_error * inflate,
        )

    def __str__(self) -> str:
        return "\n".join([*self._summary(), *self._table()])

    def _summary(self, directions: str = "directions", every: str = "every direction") -> tuple[str, str]:
        """Verdict and resolution, a line each."""
        return (
            f"{self.verdict}: {int(self.alarms.sum())} alarms in {len(self.labels)} {directions}, "
            f"{self.replicas} replicas; false-alarm rate {self.false_alarm_rate:g} over "
            f"{self.comparisons} comparisons",
            f"would catch {self.resolution.max():.2%} in {every} with probability 99.9 % "
            f"(50 %: {self.half_resolution.max():.2%}); asserted {self.asserted_resolution:.2%}",
        )

    def _table(self) -> list[str]:
        lines = [
            f"{'direction':>14} {'predicted':>12} {'measured':>12} {'ratio':>8} {'+-':>8} "
            f"{'z':>7} {'limit':>6}",
        ]
        for i, label in enumerate(self.labels):
            p = self.predicted[i]
            lines.append(
                f"{label:>14} {p:12.5g} {self.measured[i]:12.5g} {self.measured[i] / p:8.4f} "
                f"{self.standard_error[i] / p:8.4f} {self.z[i]:7.2f} {self.threshold[i]:6.2f}"
                + ("  <-- disagrees" if self.alarms[i] else "")
            )
        return lines


def compare(
    predicted: FloatArray, samples: FloatArray, *, labels: Sequence[str] | None = None,
    false_alarm_rate: float = 1e-6, comparisons: int | None = None, resolution: float = 0.05,
    prediction_error: FloatArray | None = None,
) -> Comparison:
    r"""Test whether the means of independent replica numbers equal the predictions.

    A replica number is an average of squares of nearly Gaussian variables, a weighted sum of
    chi-squares, skewed to the right like :math:`\chi^2_1` where the epoch is short against the
    relaxation. Student's t then raises far too many alarms in the tails. A gamma law with the
    measured relative variance describes it: with :math:`a=\bar y^2/s^2` and R replicas,
    :math:`\bar y/\mu\sim\Gamma(Ra)/(Ra)`, and

    .. math:: z = \Phi^{-1}\big(P_{Ra}(Ra\,\bar y/\mu)\big) .

    For gamma variables :math:`\bar y` and a are independent (Basu), so all that is left is the
    error of a, of relative variance :math:`2(1+a)/(Ra)`: z is judged by Student's t with
    :math:`\nu = Ra/(1+a)` degrees of freedom. Bonferroni over ``comparisons``.

    Parameters
    ----------
    predicted
        Shape (d,), positive. Signed moments go in as variances of sums and differences.
    samples
        One non-negative number per replica and direction. Shape (replicas, d). The number of
        replicas is to be fixed beforehand (:func:`replicas_for`), never raised after a look.
    comparisons
        How many comparisons share ``false_alarm_rate``, those of other calls included; default d.
    resolution
        The relative error that must be caught; coarser data give the verdict ``too-coarse``.
    prediction_error
        Standard error of ``predicted``, where it was itself sampled. Shape (d,).

    Raises
    ------
    TheoryError
        If shapes do not match, there are fewer than 20 replicas, a number is negative, not finite
        or does not vary, or a rate is out of range.
    """
    from scipy import special, stats

    mu, y = np.array(predicted, dtype=np.float64), np.array(samples, dtype=np.float64)
    if y.ndim != 2 or mu.shape != y.shape[1:] or not mu.size:
        raise TheoryError(
            f"samples must have shape (replicas, d) and predicted (d,); got {y.shape}, {mu.shape}"
        )
    replicas, d = y.shape
    error = np.zeros(d) if prediction_error is None else np.array(prediction_error, dtype=float)
    count = d if comparisons is None else comparisons
    if replicas < 20:
        raise TheoryError(f"a comparison needs at least 20 replicas; got {replicas}")
    if not 0 < false_alarm_rate < 1 or not count >= d or not resolution > 0:
        raise TheoryError(
            f"need 0 < false_alarm_rate < 1, comparisons >= {d} and resolution > 0; got "
            f"{false_alarm_rate}, {count} and {resolution}"
        )
    if not ((mu > 0) & np.isfinite(mu)).all() or not ((error >= 0) & np.isfinite(error)).all():
        raise TheoryError(f"predicted must be positive and finite; got {mu}, errors {error}")
    if not ((y >= 0) & np.isfinite(y)).all():
        raise TheoryError(
            "replica numbers must be averages of squares, finite and >= 0; compare the variances "
            "of sums and differences instead of a signed covariance"
        )
    mean = y.mean(axis=0)
    unit = np.where(mean > 0, mean, 1.0)  # scaled: variances of 1e-200 must not underflow
    relative = (y / unit).var(axis=0, ddof=1) / replicas
    require_variation(y)
    alone = 1 / (relative * replicas)  # a, the gamma shape of one replica
    freedom = replicas * alone / (1 + alone)
    shape = 1 / (relative + (error / mu) ** 2)
    z = _gamma_to_normal(shape, shape * (mean / mu))
    tail = false_alarm_rate / (2 * count)
    threshold = np.asarray(stats.t.isf(tail, freedom), dtype=np.float64)
    # the alarm limits of mean / predicted, through the normal tail beyond the threshold
    outside = special.ndtr(-threshold)
    low, high = special.gammaincinv(shape, outside), special.gammainccinv(shape, outside)

    def caught(probability: float) -> FloatArray:
        above = special.gammaincinv(shape, probability) / low
        below = high / special.gammainccinv(shape, probability)
        return np.asarray(np.maximum(above, below) - 1, dtype=np.float64)

    return Comparison(
        labels=tuple(labels) if labels is not None else tuple(str(i) for i in range(d)),
        replicas=replicas, predicted=mu, measured=mean,
        standard_error=np.hypot(np.sqrt(relative) * mean, error), z=z, threshold=threshold,
        half_resolution=caught(0.5), resolution=caught(0.999), asserted_resolution=resolution,
        false_alarm_rate=false_alarm_rate, comparisons=count, prediction_error=error, samples=y,
    )


def require_variation(samples: FloatArray) -> None:
    """Raise TheoryError if a direction of ``samples``, shape (replicas, d), has one number throughout."""
    still = np.flatnonzero(np.ptp(samples, axis=0) == 0)
    if still.size:
        raise TheoryError(
            f"the numbers of direction {still[0]} do not vary ({samples[0, still[0]]:.6g} in every replica): "
            "leave out directions that do not move"
        )


def _gamma_to_normal(shape: FloatArray, value: FloatArray) -> FloatArray:
    """Normal quantile of a gamma probability, from the smaller tail and through its logarithm."""
    from scipy import special

    lower, upper = special.gammainc(shape, value), special.gammaincc(shape, value)
    with np.errstate(divide="ignore"):  # beyond 1e-308 the answer is an infinite z: an alarm
        z = np.where(
            lower < upper, special.ndtri_exp(np.log(lower)), -special.ndtri_exp(np.log(upper))
        )
    return np.asarray(z, dtype=np.float64)


def replicas_for(
    resolution: float, *, comparisons: int = 1, false_alarm_rate: float = 1e-6, shape: float = 0.5
) -> int:
    """Replicas that reach ``resolution`` with probability 99.9 % per direction, to fix beforehand.

    ``shape`` is the gamma shape of one replica number: 1/2 (a squared Gaussian) is the worst for
    noise that does not depend on the weights.

    Raises
    ------
    TheoryError
        If an argument is not positive, or ``false_alarm_rate`` is not below 1.
    """
    if not (resolution > 0 and comparisons > 0 and 0 < false_alarm_rate < 1 and shape > 0):
        raise TheoryError(
            "resolution, comparisons and shape must be positive and 0 < false_alarm_rate < 1; got "
            f"{resolution}, {comparisons}, {shape}, {false_alarm_rate}"
        )
    from scipy import special, stats

    def reached(replicas: int) -> float:
        total = replicas * shape
        limit = stats.t.isf(false_alarm_rate / (2 * comparisons), total / (1 + shape))
        outside = float(special.ndtr(-limit))
        above = special.gammaincinv(total, 0.999) / special.gammaincinv(total, outside)
        below = special.gammainccinv(total, outside) / special.gammainccinv(total, 0.999)
        return float(max(above, below)) - 1

    high = 32
    while not reached(high) <= resolution:
        high *= 2
    low = high // 2
    while high - low > max(1, high // 1000):
        middle = math.ceil((low + high) / 2)
        low, high = (low, middle) if reached(middle) <= resolution else (middle, high)
    return max(high, 20)

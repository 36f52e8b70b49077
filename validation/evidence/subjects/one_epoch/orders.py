r"""Means over all orders of M batches in one direction: by sets of batches, and by pairs of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import arb, fmpq

from validation.evidence.subjects.batch_population import means_over_orders, population

__all__ = ["direct_drift", "direct_escape", "drift_over_orders", "escape_over_orders"]

#: coefficients of 1, epsilon, epsilon²; or mean and mean square
Cut = tuple[Any, ...]


def _average(first: Sequence[Any], second: Sequence[Any]) -> Any:
    return sum((a * b for a, b in zip(first, second, strict=True)), fmpq(0)) / len(first)


def _mean_after_all(factors: Sequence[Cut], pushes: Sequence[Any], start: Any) -> Cut:
    """Mean over all orders of the weight, cut after epsilon²; pushes are of first order."""
    def step(before: Cut, k: int) -> Cut:
        (a, b, c), (x, y, _) = before, factors[k]
        return x * a, x * b + y * a + pushes[k], x * c + y * b

    return means_over_orders(len(factors), (start, start * 0, start * 0), step)[-1]


def drift_over_orders(p: fmpq, eta: fmpq, steps: int) -> tuple[fmpq, fmpq]:
    """Coefficients of epsilon² of the mean: per covariance from 0, and per variance from 1 without noise."""
    curvatures, gradients = population(steps)
    factors = [(p, -eta * a, fmpq(0)) for a in curvatures]
    first = _mean_after_all(factors, [-eta * g for g in gradients], fmpq(0))
    second = _mean_after_all(factors, [fmpq(0)] * steps, fmpq(1))
    return first[2] / _average(curvatures, gradients), second[2] / _average(curvatures, curvatures)


def escape_over_orders(p: fmpq, steps: int, epochs: int) -> fmpq:
    """Mean square after some epochs from 0, reshuffled over independent steps with the same batches."""
    _, gradients = population(steps)

    def step(before: Cut, k: int) -> Cut:
        (a, b), g = before, gradients[k]
        return p * a + g, p * p * b + 2 * p * a * g + g * g

    mean, square = means_over_orders(steps, (fmpq(0), fmpq(0)), step)[-1]
    growth = p**steps
    average, shuffled, fresh = fmpq(0), fmpq(0), fmpq(0)
    variance = _average(gradients, gradients)
    for _ in range(epochs):
        shuffled = growth * growth * shuffled + 2 * growth * average * mean + square
        average = growth * average + mean
        for _ in range(steps):
            fresh = p * p * fresh + variance
    return shuffled / fresh


def direct_drift(p: arb, eta: arb, steps: int) -> tuple[arb, arb]:
    """The same two coefficients as sums over pairs of steps, with the correlation -1 / (M - 1)."""
    powers = [arb(1)]
    for _ in range(steps):
        powers.append(powers[-1] * p)
    first, second = arb(0), arb(0)
    for later in range(2, steps + 1):
        for earlier in range(1, later):
            path = powers[steps - later] * powers[later - 1 - earlier]
            first -= path
            second -= path * powers[earlier - 1]
    scale = eta * eta / (steps - 1)
    return first * scale, second * scale


def direct_escape(p: arb, steps: int) -> arb:
    """Quadratic forms of the responses in the covariance of the steps."""
    responses = [arb(1)]
    for _ in range(steps - 1):
        responses.append(responses[-1] * p)
    shuffled, fresh = arb(0), arb(0)
    for i, a in enumerate(responses):
        fresh += a * a
        for b in responses[:i]:
            # M sum a² - (sum a)² is a sum of squares of differences
            shuffled += (a - b) * (a - b)
    return shuffled / ((steps - 1) * fresh)

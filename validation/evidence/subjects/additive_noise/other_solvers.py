r"""Floating-point solvers for what the solvers of ``theory.solvers`` leave out, two for each.

The noise: all orders of a small data set, against the periodogram of the covariance. The spectrum of
the weights: one linear solve, against the summed impulse response. Flat directions: the covariance
carried epoch by epoch until it stands still, against the impulse response without its constant.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.sampling import SamplingScheme

__all__ = [
    "flat_by_epochs", "flat_by_response", "noise_by_enumeration", "noise_by_periodogram",
    "spectrum_by_lags", "spectrum_by_series",
]

FloatArray = npt.NDArray[np.float64]
Point = Mapping[str, Any]


def _batches(point: Point) -> dict[str, Any]:
    return {n: None if point.get(n) is None else int(point[n]) for n in ("samples", "batch_size")}


def noise_by_enumeration(entry: Entry, point: Point) -> float:
    r"""Average of :math:`\xi_{k+\tau}\xi_k` over every order of the samples, in units of c.

    The samples carry the gradients 1, 2, 4, ... minus their mean; the variance of one full batch is
    that of the same enumeration, so nothing but counting enters.
    """
    steps, lag = int(point["steps_per_epoch"]), int(point["lag"])
    samples = int(point.get("samples") or steps * int(point.get("batch_size") or 1))
    batch = int(point.get("batch_size") or samples // steps)
    if samples > 8:
        raise TheoryError(f"{samples} samples have too many orders; use at most 8")
    gradients = 2.0 ** np.arange(samples)
    gradients -= gradients.mean()
    orders = np.array(list(itertools.permutations(range(samples))))
    edges = [min(k * batch, samples) for k in range(steps + 1)]
    noise = np.stack(
        [gradients[orders[:, a:b]].mean(axis=1) for a, b in itertools.pairwise(edges)], axis=1
    )
    if entry.scheme.lasting == "run":
        after = np.concatenate([noise, noise], axis=1)
    else:  # the next epoch is independent, and each noise has mean zero
        after = np.concatenate([noise, np.zeros_like(noise)], axis=1)
    pairs = sum(float((after[:, k + lag] * noise[:, k]).mean()) for k in range(steps))
    return float(point["noise_variance"]) * pairs / steps / float((noise[:, 0] ** 2).mean())


def noise_by_periodogram(entry: Entry, point: Point) -> float:
    r"""From :math:`\frac1M E|\sum_k\xi_ke^{-i\omega k}|^2` of one epoch.

    At a frequency: the spectrum. At a lag: the inverse Fourier transform over 2M frequencies (over M
    for noise that repeats, whose lags wrap around).
    """
    steps = int(point.get("steps_per_epoch", 1))
    rows = entry.scheme.noise_covariance(steps, **_batches(point))
    covariance = np.array(rows, dtype=np.float64) * float(point["noise_variance"])

    def power(omega: float) -> float:
        wave = np.exp(-1j * omega * np.arange(steps))
        return float((wave @ covariance @ wave.conj()).real) / steps

    if "frequency" in point:
        return power(float(point["frequency"]))
    count = steps if entry.scheme.periodic else 2 * steps
    turns = 2 * np.pi * np.arange(count) / count
    return float(np.mean([power(w) * np.cos(w * int(point["lag"])) for w in turns]))


def _strengths(scheme: SamplingScheme, point: Point) -> FloatArray:
    """The position-averaged autocovariance at lags 0..M-1."""
    steps = int(point.get("steps_per_epoch", 1))
    whole = np.array(scheme.noise_covariance(steps, epochs=2, **_batches(point)), dtype=np.float64)
    sums = [sum(whole[k + h, k] for k in range(steps)) / steps for h in range(steps)]
    return np.array(sums) * float(point["noise_variance"])


def _matrices(entry: Entry, point: Point, curvature: float) -> tuple[FloatArray, FloatArray]:
    numeric = entry.rule.numeric({"learning_rate": 1.0} | {k: float(v) for k, v in point.items()})
    return numeric.transitions(curvature), numeric.inject


def spectrum_by_lags(entry: Entry, point: Point) -> float:
    """The sum over lags of the noise autocovariance, times |T|² from one linear solve."""
    omega = float(point["frequency"])
    strength = _strengths(entry.scheme, point)
    total = float(strength[0] + 2 * strength[1:] @ np.cos(omega * np.arange(1, len(strength))))
    if entry.quantity == "weight-spectrum":
        a, b = _matrices(entry, point, float(point["curvature"]))
        response = np.linalg.solve(np.exp(1j * omega) * np.eye(len(b)) - a, b)[0]
        total *= float(abs(response)) ** 2
    return total


def spectrum_by_series(entry: Entry, point: Point) -> float:
    """The periodogram of one epoch, times |T|² from the impulse response term by term."""
    noise = noise_by_periodogram(entry, {**point, "steps_per_epoch": point.get("steps_per_epoch", 1)})
    a, b = _matrices(entry, point, float(point["curvature"]))
    state, total, size = b.copy(), 0j, float(np.abs(b).max())
    for n in range(200_000):
        total += state[0] * np.exp(-1j * float(point["frequency"]) * n)
        state = a @ state
        if float(np.abs(state).max()) < 1e-20 * size:
            return noise * float(abs(total)) ** 2
    raise TheoryError("the impulse response does not decay within 200,000 steps")


def _noise(entry: Entry, point: Point) -> FloatArray:
    """Covariance of the noises of one epoch."""
    rows = entry.scheme.noise_covariance(int(point["steps_per_epoch"]), **_batches(point))
    return np.array(rows, dtype=np.float64) * float(point.get("noise_variance", 1))


def flat_by_epochs(entry: Entry, point: Point, velocity: bool) -> float:
    """Carry state and noise from a start at zero, epoch by epoch, until the law stands still.

    The noise of an epoch sums to zero, so that the slow coordinate is back at its start after each;
    noise that repeats moves the state on a cycle, measured from its mean.
    """
    noise, steps = _noise(entry, point), int(point["steps_per_epoch"])
    a, b = _matrices(entry, point, 0.0)
    held = entry.scheme.lasting == "run"
    drive, law = np.zeros((len(b), steps)), np.zeros((len(b), len(b)))
    value, gap = -1.0, np.inf
    for _ in range(100_000):
        start, path, total = law, [], 0.0
        carried, power = drive if held else np.zeros_like(drive), np.eye(len(b))
        last = carried[0]
        for j in range(steps):
            before, carried, power = carried, a @ carried, a @ power
            carried[:, j] += b
            path.append(carried[0] - before[0] if velocity else carried[0])
            moved = power @ start @ power.T + carried @ noise @ carried.T
            step = np.zeros(len(b))
            step[0] = 1.0
            row = (a - np.eye(len(b)))[0] if velocity else step
            if velocity and not held:
                old = np.linalg.matrix_power(a, j)
                kick = np.zeros(steps)
                kick[j] = b[0]
                response = row @ before + kick
                total += float(row @ old @ start @ old.T @ row + response @ noise @ response)
            else:
                total += float(moved[0, 0])
        if held:
            cycle = np.array(path) - np.mean(path, axis=0)
            total = float(np.einsum("jk,kl,jl->", cycle, noise, cycle))
            drive = carried - np.outer(np.eye(len(b))[0], last)
        law = moved
        before_last, gap = gap, abs(total - value)
        # the changes fall by a constant factor, until rounding keeps the last bits moving
        if gap <= 1e-15 * abs(total) or before_last <= gap < 1e-12 * abs(total):
            return total / steps
        value = total
    raise TheoryError("the law does not stand still within 100,000 epochs")


def flat_by_response(entry: Entry, point: Point, velocity: bool) -> float:
    r"""Sum the impulse response over past epochs, without the constant that their noise cannot see.

    Heavy ball: :math:`\psi_n=-\eta(1-\beta^{n+1})/(1-\beta)`, for the velocity
    :math:`-\eta\beta^n`. Noise that repeats meets the response folded modulo M, centred.
    """
    beta, eta = float(point.get("momentum", 0)), float(point.get("learning_rate", 1))
    noise, steps = _noise(entry, point), int(point["steps_per_epoch"])
    epochs = 2 + int(np.ceil(45 / (steps * -np.log(beta)))) if beta else 2
    n = np.arange(steps * (epochs + 1))
    decaying = -eta * beta**n if velocity else eta * beta ** (n + 1.0) / (1 - beta)
    constant = 0.0 if velocity else -eta / (1 - beta)
    if entry.scheme.lasting == "run":
        folded = decaying.reshape(-1, steps).sum(axis=0)
        if not velocity:  # a rising staircase in the part that does not decay
            folded = folded - constant * (np.arange(steps) + 0.0) / steps * 1.0
        rows = np.stack([folded[(j - np.arange(steps)) % steps] for j in range(steps)])
        rows = rows - rows.mean(axis=0)
        return float(np.einsum("jk,kl,jl->", rows, noise, rows)) / steps
    total = 0.0
    for j in range(1, steps + 1):
        for epoch in range(epochs):
            age = j - 1 - np.arange(steps) + epoch * steps
            row = np.where(age >= 0, decaying[np.maximum(age, 0)], 0.0)
            row = row + (constant * (age >= 0) if epoch == 0 else 0.0)
            total += float(row @ noise @ row)
    return total / steps

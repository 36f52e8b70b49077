"""Simulate SGD on quadratic losses with really drawn indices; one number per replica and direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError, UnstableError
from theory.optimizers.rule import LinearRule, NumericRule
from theory.sampling import SamplingScheme
from validation.regression import FloatArray
from validation.sample_arrays import Samples, frozen_gradients, sample_arrays

__all__ = [
    "Noise", "Progress", "SimulationResult", "epoch_start_bias", "epochs_needed", "simulate", "start_bias",
]

Noise = Literal["additive", "regression"]
Progress = Callable[[int, int], None]
_CHUNK_STEPS = 400_000  # steps between two calls of ``progress``, at some 1e7 steps a second
_CHUNK_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulationResult:
    r"""Numbers of independent replicas, in the eigenbasis and measured from the minimum.

    Every array has one row per replica; an entry is the average over positions 1..M of
    ``measured_epochs`` epochs after ``burn_in`` epochs.

    Attributes
    ----------
    weights, velocities, weight_velocity, means
        Averages of :math:`\delta_i^2,\ v_i^2,\ \delta_iv_i,\ \delta_i`. Shape (replicas, d).
        Second moments are about the minimum, not about the mean.
    covariances
        Averages of :math:`\delta_i\delta_j`, or None. Shape (replicas, d, d).
    by_position
        :math:`\delta_i^2` after step j of the epoch, or None. Shape (replicas, M, d).
    lagged
        Averages of :math:`\delta_{i,k}\delta_{i,k-\tau}` over positions k, for ``lags``.
        Shape (replicas, lags, d).
    start_bias
        Relative bias of ``weights`` left by the start at the minimum, see :func:`start_bias`
        and, for additive noise under fresh permutations, :func:`epoch_start_bias`. Shape (d,).
    status
        Per direction ``"resolved"``, or why it is not.
    steps
        Optimizer steps taken, over all replicas, burn-in included.
    """

    rule: str
    scheme: str
    noise: Noise
    hyperparameters: Mapping[str, float]
    batch_size: int
    steps_per_epoch: int
    seed: int
    burn_in: int
    measured_epochs: int
    weights: FloatArray
    velocities: FloatArray
    weight_velocity: FloatArray
    means: FloatArray
    covariances: FloatArray | None
    by_position: FloatArray | None
    lags: tuple[int, ...]
    lagged: FloatArray
    start_bias: FloatArray
    status: tuple[str, ...]
    steps: int

    @property
    def replicas(self) -> int:
        """Number of independent runs."""
        return int(self.weights.shape[0])

    @property
    def resolved(self) -> npt.NDArray[np.bool_]:
        """Directions whose start is forgotten. Shape (d,)."""
        return np.array([text == "resolved" for text in self.status])


def start_bias(
    numeric: NumericRule, curvatures: FloatArray, steps: int, *, linear: bool = False
) -> FloatArray:
    r"""Relative bias of the variance that a start at the minimum leaves after ``steps`` steps.

    .. math:: \frac{[A^kXA^{k\top}]_{00}}{X_{00}}, \qquad X = AXA^\top + BB^\top .

    Exact for white noise, for any rule (non-normal transients included). Reshuffled noise hardly
    excites the slow mode, so there it is an upper estimate.

    With ``linear`` it is :math:`2\sqrt{\cdot}+\cdot`, for transients that are not independent of
    what they approach: where one epoch repeats for ever, and where noise that depends on the
    weights shifts the mean (a second moment that is mostly a squared mean relaxes like the mean).
    The rates are those of the mean Hessian; its fluctuations change them by a few percent.
    Shape (d,), 0 where nothing moves.

    Raises
    ------
    UnstableError
        If a direction with curvature has a pole on or outside the unit circle.
    """
    keep, inject, at = numeric.keep, numeric.inject, numeric.evaluate_at
    out = np.zeros(curvatures.size)
    for i in np.flatnonzero(curvatures != 0):
        a = keep + curvatures[i] * np.outer(inject, at)
        radius = float(np.abs(np.linalg.eigvals(a)).max())
        if not radius < 1:
            raise UnstableError(
                f"no stationary law: the direction of curvature {curvatures[i]:.6g} has a pole of "
                f"modulus {radius:.6g}, not below 1. Lower the learning rate"
            )
        # X to the accuracy a bias needs, by doubling: X_{2n} = X_n + A^n X_n A^nT
        x, power = np.outer(inject, inject), a
        while float(np.abs(power).max()) > 1e-12:
            x, power = x + power @ x @ power.T, power @ power
        late = np.linalg.matrix_power(a, steps)
        share = float((late @ x @ late.T)[0, 0] / x[0, 0])
        out[i] = 2 * math.sqrt(share) + share if linear else share
    return out


def epoch_start_bias(
    numeric: NumericRule, curvatures: FloatArray, sizes: Sequence[int], samples: int, epochs: int
) -> FloatArray:
    r"""As :func:`start_bias`, exactly, for additive noise and a fresh permutation each epoch.

    With :math:`w_k=A^{M-k}B` an epoch adds :math:`Z=\sum_kw_kw_k^\top/S_k-SS^\top/N`,
    :math:`S=\sum_kw_k`, to the state; started from zero the covariance lacks
    :math:`A^{Mm}P_MA^{Mm\top}` after m epochs, :math:`P_M=A^MP_MA^{M\top}+Z`. Where the
    noise of an epoch sums to nothing, a flat direction's slow mode is hardly excited, and its
    variance is there after a few :math:`1/(1-\beta)` steps instead of
    :math:`1/\eta\lambda`. Averaged over positions, as measured. Shape (d,).

    Raises
    ------
    UnstableError
        As :func:`start_bias`.
    """
    start_bias(numeric, curvatures, 0)  # raises
    m, out = len(sizes), np.zeros(curvatures.size)
    for i in np.flatnonzero(curvatures != 0):
        a = numeric.keep + curvatures[i] * np.outer(numeric.inject, numeric.evaluate_at)
        total, own = np.zeros(a.shape[0]), np.zeros_like(a)
        inside = np.empty((m, *a.shape))
        for k, size in enumerate(sizes):
            total = a @ total + numeric.inject
            own = a @ own @ a.T + np.outer(numeric.inject, numeric.inject) / size
            inside[k] = own - np.outer(total, total) / samples
        p, power = inside[-1], np.linalg.matrix_power(a, m)
        late = np.linalg.matrix_power(a, m * epochs)
        while float(np.abs(power).max()) > 1e-12:
            p, power = p + power @ p @ power.T, power @ power
        lacking, present = late @ p @ late.T, p
        missing = variance = 0.0
        for k in range(m):
            lacking, present = a @ lacking @ a.T, a @ present @ a.T
            missing += abs(float(lacking[0, 0]))
            variance += float(present[0, 0] + inside[k, 0, 0])
        out[i] = missing / variance if variance > 0 else 0.0
    return out


def simulate(
    problem: Samples, rule: LinearRule, scheme: SamplingScheme, *, batch_size: int,
    hyperparameters: Mapping[str, float], replicas: int, seed: int,
    noise: Noise = "regression", burn_in: int | None = None, measured_epochs: int = 1,
    largest_start_bias: float = 1e-4, max_burn_in_steps: int = 200_000, covariance: bool = False,
    by_position: bool = False, lags: Sequence[int] = (), progress: Progress | None = None,
) -> SimulationResult:
    r"""Run ``replicas`` independent optimizers from the minimum and average their squares.

    ``noise="regression"`` is SGD itself, :math:`g_k(\theta)=\frac1{S_k}\sum_{n\in B_k}
    x_n(x_n\cdot\theta-y_n)`; ``"additive"`` freezes the noise at the minimum,
    :math:`g_k=H\delta+\frac1{S_k}\sum_{n\in B_k}g_n`. Both use the indices that ``scheme`` draws;
    under ``lasting="run"`` every replica draws its own permutation. Of any list of quadratic losses,
    :math:`g_k=\frac1{S_k}\sum_{n\in B_k}(H_n\delta+g_n)`.

    Parameters
    ----------
    problem
        A regression, or :class:`theory.multiplicative.SampleQuadratics`.
    batch_size, hyperparameters
        As the scheme and the rule take them, e.g. ``{"learning_rate": 0.1, "momentum": 0.9}``.
    seed
        0 <= seed < 2**63. The bits of replica r depend on (seed, r) and the arguments, and on
        neither the number of threads nor the number of replicas.
    burn_in
        Epochs before measuring. By default the fewest that push ``start_bias`` below
        ``largest_start_bias`` in every direction, at most ``max_burn_in_steps`` steps; directions
        that stay above are reported as not resolved.
    measured_epochs
        Consecutive epochs averaged into each replica's number.
    covariance, by_position, lags
        What to record besides the averages of squares.
    progress
        Called as ``progress(steps done, steps in all)`` between chunks; an exception raised there,
        or an interrupt, ends the run.

    Raises
    ------
    TheoryError
        If an argument is out of range, the weight decay of rule and problem differ, or a
        ``draw_epoch`` returns an index that is no sample.
    UnstableError
        If a pole lies outside the unit circle, or the weights overflow (the rate is beyond the
        mean-square limit).
    MissingPackageError
        Without numba.
    """
    from validation import kernel

    for key, number in hyperparameters.items():
        if not math.isfinite(number):
            raise TheoryError(f"{key} must be finite; got {number}")
    numeric = rule.numeric(hyperparameters)
    decay = float(hyperparameters.get("weight_decay", 0.0))
    if decay != problem.weight_decay:
        raise TheoryError(
            f"weight_decay is {decay} in the hyperparameters but {problem.weight_decay} in the "
            "problem, whose minimum depends on it; give both the same"
        )
    for name, value, least in (
        ("replicas", replicas, 1), ("measured_epochs", measured_epochs, 1), ("seed", seed, 0),
        ("burn_in", 0 if burn_in is None else burn_in, 0), ("smallest lag", min(lags, default=0), 0),
    ):
        if int(value) != value or not least <= value < 2**63:
            raise TheoryError(f"{name} must be an integer >= {least} and < 2**63; got {value}")
    if noise not in ("additive", "regression"):
        raise TheoryError(f"noise must be 'additive' or 'regression'; got {noise!r}")
    if not 0 < largest_start_bias < 1:
        raise TheoryError(f"largest_start_bias must lie in (0, 1); got {largest_start_bias}")

    n, d = problem.samples, problem.dimension
    arrays = sample_arrays(problem, additive=noise == "additive")
    width = arrays.width
    sizes = np.array(scheme.batch_sizes(n, batch_size), dtype=np.int64)
    m, used, one_run = sizes.size, int(sizes.sum()), scheme.lasting == "run"

    def bias_after(epochs: int) -> FloatArray:
        if noise == "additive" and scheme.lasting == "epoch" and scheme.draw_epoch is None:
            return epoch_start_bias(numeric, problem.curvatures, sizes.tolist(), n, epochs)
        linear = one_run or noise == "regression"
        return start_bias(numeric, problem.curvatures, epochs * m, linear=linear)

    if burn_in is None:
        burn_in = epochs_needed(bias_after, largest_start_bias, max(1, max_burn_in_steps // m))
        burn_in = max(burn_in, -(-max(lags, default=0) // m))
    bias = bias_after(burn_in)

    passes = {
        "sample": np.ones(used, dtype=np.int64), "batch": sizes,
        "epoch": np.array([used]), "run": np.array([used]), "own": np.array([used]),
    }[scheme.lasting]
    lag_array = np.array(lags, dtype=np.int64)
    history = max(1, int(lag_array.max(initial=0)))
    no_trace = np.zeros((0, 0, 0))
    states_n, epochs = numeric.inject.size, burn_in + measured_epochs

    recorded: list[tuple[FloatArray, ...]] = []
    floats = (m + history) * width + by_position * m * width + covariance * width**2 + n
    chunk = int(np.clip(_CHUNK_BYTES // (8 * floats), 8, 4096))
    done, total = 0, replicas * epochs * m
    for first in range(0, replicas, chunk):
        r = min(chunk, replicas - first)
        generators = np.empty((r, 4), dtype=np.uint64)
        kernel.seed_generators(np.uint64(seed), first, generators)
        own = [np.random.default_rng([seed, first + i]) for i in range(r)]
        orders = np.tile(np.arange(n, dtype=np.int32), (r, 1))
        indices = np.zeros((r, used), dtype=np.int32)
        states, paths = np.zeros((r, states_n, width)), np.zeros((r, history + m, width))
        kept = (
            np.zeros((r, 4, width)),
            np.zeros((r, width, width) if covariance else (r, 0, 0)),
            np.zeros((r, m, width) if by_position else (r, 0, 0)),
            np.zeros((r, lag_array.size, width)),
        )
        stride = max(1, _CHUNK_STEPS // (r * m))
        for epoch in range(0, epochs, stride):
            count = min(stride, epochs - epoch)
            given = _given(scheme, n, batch_size, used, epoch, count, own)
            kernel.advance_chunked(
                *arrays.parts, numeric.keep, numeric.inject, numeric.evaluate_at, sizes, passes,
                not one_run, given, epoch, count, burn_in, lag_array, generators, orders, indices,
                states, paths, *kept, no_trace,
            )
            done += r * count * m
            if progress is not None:
                progress(done, total)
        if not all(np.isfinite(part).all() for part in (states, *kept)):
            raise UnstableError(
                f"the weights overflowed at learning_rate = {hyperparameters['learning_rate']:.6g}: "
                "each direction is stable, but the noise of the batch Hessian makes the mean square "
                "grow. Lower the learning rate or raise the batch size"
            )
        recorded.append(kept)

    sums, cov, pos, lagged = (
        np.concatenate([part[i] for part in recorded])[..., :d] / measured_epochs
        for i in range(4)
    )
    cov = cov[:, :d] / m
    still = ~frozen_gradients(problem).any(axis=0) & (problem.curvatures == 0)
    status = tuple(
        "flat and noiseless: does not move" if unmoved
        else "flat but noisy: when it forgets its start is not known" if c == 0
        else "resolved" if b <= largest_start_bias
        else f"relaxes too slowly: the start still weighs {b:.2g} after {burn_in * m} steps"
        for c, b, unmoved in zip(problem.curvatures, bias, still, strict=True)
    )
    return SimulationResult(
        rule=rule.name, scheme=scheme.name, noise=noise, hyperparameters=dict(hyperparameters),
        batch_size=batch_size, steps_per_epoch=m, seed=seed, burn_in=burn_in,
        measured_epochs=measured_epochs, weights=sums[:, 0] / m, velocities=sums[:, 1] / m,
        weight_velocity=sums[:, 2] / m, means=sums[:, 3] / m,
        covariances=np.triu(cov) + np.triu(cov, 1).swapaxes(1, 2) if covariance else None,
        by_position=pos if by_position else None, lags=tuple(lags), lagged=lagged / m,
        start_bias=bias, status=status, steps=total,
    )


def epochs_needed(
    bias_after: Callable[[int], FloatArray], target: float, most: int = 1 << 62
) -> int:
    """Fewest epochs, at least 1, with every start bias at most ``target``, or ``most``; by bisection."""
    low, high = 0, 1
    while high < most and bias_after(high).max(initial=0.0) > target:
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bias_after(middle).max() <= target else (middle, high)
    return high


def _given(
    scheme: SamplingScheme, samples: int, batch_size: int, used: int, first: int, count: int,
    generators: list[np.random.Generator],
) -> npt.NDArray[np.int32]:
    """Indices of a scheme that draws its own, shape (replicas, count, used); empty otherwise."""
    if scheme.draw_epoch is None:
        return np.zeros((len(generators), 0, 0), dtype=np.int32)
    out = np.empty((len(generators), count, used), dtype=np.int32)
    for r, rng in enumerate(generators):
        for k in range(count):
            row: Any = np.asarray(scheme.draw_epoch(samples, batch_size, first + k, rng))
            if row.shape != (used,) or not ((row >= 0) & (row < samples)).all():
                raise TheoryError(
                    f"draw_epoch of {scheme.name!r} must return {used} indices in "
                    f"0..{samples - 1}; got shape {row.shape}, epoch {first + k}"
                )
            out[r, k] = row
    return out

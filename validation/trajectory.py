"""SGD along given index sequences: the weights after every step, in the user's coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError, UnstableError
from theory.optimizers.rule import LinearRule, NumericRule
from validation.regression import FloatArray, Regression
from validation.sample_arrays import Samples, sample_arrays

__all__ = ["trajectory"]

_LARGEST = 1e100  # squares of what lies below are finite


def trajectory(
    problem: Samples, rule: LinearRule, indices: npt.ArrayLike, *, batch_sizes: Sequence[int],
    hyperparameters: Mapping[str, float], start: npt.ArrayLike | None = None,
    undampened_start: bool = False,
) -> FloatArray:
    r"""Weights after every step of one run, or of several runs side by side.

    .. math:: s_k = K s_{k-1} + b\,\frac1{S_k}\sum_{n\in B_k}\nabla\ell_n(a\cdot s_{k-1}),
              \qquad \theta_k = s_k^{(0)} .

    The steps are those of :func:`validation.simulate.simulate`, taken in the eigenbasis of the mean
    Hessian and around the minimum, so that rounding is relative to the distance from the minimum.

    Parameters
    ----------
    indices
        Samples in the order they are used. Shape (epochs, sum of ``batch_sizes``) for one run, with
        a leading axis for several.
    batch_sizes
        Sizes of the batches of an epoch, e.g. ``scheme.batch_sizes(samples, batch_size)``.
    start
        Weights before the first step, the rest of the state being zero; the minimum by default.
        Shape (d,), in the user's coordinates.
    undampened_start
        Take the very first step without dampening, as PyTorch does: its buffer starts as the first
        gradient itself. Only a rule with a parameter ``dampening`` has such a step. It is an initial
        state like any other, :math:`b_0=\frac{d}{\beta}g_1`, and is forgotten like any other.

    Returns
    -------
    Shape (epochs * steps per epoch, d), with a leading axis where ``indices`` has one. Unit: parameter.

    Raises
    ------
    TheoryError
        If shapes do not match, an index is no sample, ``weight_decay`` differs from the problem's,
        or ``undampened_start`` is asked of a rule that cannot have one.
    UnstableError
        If the weights overflow.
    MissingPackageError
        Without numba.
    """
    from validation import kernel

    sizes = np.array(batch_sizes, dtype=np.int64)
    order = np.asarray(indices)
    runs = order if order.ndim == 3 else order[None]
    if sizes.ndim != 1 or not (sizes >= 1).all() or runs.ndim != 3 or runs.shape[2] != sizes.sum():
        raise TheoryError(
            f"indices must have shape (epochs, {int(sizes.sum())}), the sum of the batch sizes, or "
            f"(runs, epochs, {int(sizes.sum())}); got {order.shape}"
        )
    if not np.issubdtype(runs.dtype, np.integer) or not ((runs >= 0) & (runs < problem.samples)).all():
        raise TheoryError(f"indices must be integers in 0..{problem.samples - 1}")
    decay = float(hyperparameters.get("weight_decay", 0.0))
    if decay != problem.weight_decay:
        raise TheoryError(
            f"weight_decay is {decay} in the hyperparameters but {problem.weight_decay} in the "
            "problem, whose minimum depends on it; give both the same"
        )
    numeric = rule.numeric(hyperparameters)
    arrays = sample_arrays(problem)
    count, epochs = runs.shape[:2]
    d, entries = problem.dimension, numeric.inject.size
    states = np.zeros((count, entries, arrays.width))
    if start is not None:
        states[:, 0, :d] = _projected(problem, np.asarray(start, dtype=np.float64))
    given = np.ascontiguousarray(runs, dtype=np.int32)
    if undampened_start and epochs:
        states[:, 1] = _first_buffer(problem, numeric, hyperparameters, states[:, 0], given[:, 0, : sizes[0]])
    trace = np.zeros((count, epochs * sizes.size, arrays.width))
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros((count, 0, 0))
    if trace.size:
        kernel.advance_chunked(
            *arrays.parts, numeric.keep, numeric.inject, numeric.evaluate_at, sizes, none, False, given,
            0, epochs, epochs, none, np.zeros((count, 4), dtype=np.uint64),
            np.zeros((count, 0), dtype=np.int32), np.zeros((count, runs.shape[2]), dtype=np.int32),
            states, np.zeros((count, 1 + sizes.size, arrays.width)),
            np.zeros((count, 4, arrays.width)), nothing, nothing, nothing, trace,
        )
    if not np.abs(trace).max(initial=0.0) < _LARGEST:
        raise UnstableError(
            f"the weights grew beyond {_LARGEST:g} at learning_rate = "
            f"{hyperparameters['learning_rate']:.6g}; lower it, or raise the batch size"
        )
    weights: FloatArray = trace[..., :d] @ problem.directions.T + problem.minimum
    return weights if order.ndim == 3 else weights[0]


def _projected(problem: Samples, start: FloatArray) -> FloatArray:
    """Weights in the user's coordinates as deviations from the minimum, in the eigenbasis."""
    if start.shape != (problem.dimension,) or not np.isfinite(start).all():
        raise TheoryError(f"start must be {problem.dimension} finite numbers; got shape {start.shape}")
    out: FloatArray = (start - problem.minimum) @ problem.directions
    return out


def _first_buffer(
    problem: Samples, numeric: NumericRule, hyperparameters: Mapping[str, float], delta: FloatArray,
    batch: npt.NDArray[np.int32],
) -> FloatArray:
    r""":math:`b_0` with which a dampened step gives :math:`b_1=g_1`; zero without dampening."""
    dampening, beta = hyperparameters.get("dampening", 0.0), hyperparameters.get("momentum", 0.0)
    out = np.zeros_like(delta)
    if dampening == 0:
        return out
    if numeric.inject.size != 2 or not beta > 0:
        raise TheoryError(
            f"undampened_start needs a rule with a buffer and momentum > 0; got momentum = {beta} (at "
            "momentum = 0 PyTorch has no buffer and ignores dampening: leave dampening out)"
        )
    quadratics = problem.quadratics if isinstance(problem, Regression) else problem
    d = quadratics.dimension
    for r, (at, samples) in enumerate(zip(delta[:, :d], batch, strict=True)):
        f, signs = quadratics.factors[samples], quadratics.signs[samples]
        own = np.einsum("nqd,nq->d", f, (f @ at) * signs) + quadratics.gradients[samples].sum(axis=0)
        gradient = own / len(samples) + quadratics.weight_decay * at
        out[r, :d] = dampening / beta * gradient
    return out

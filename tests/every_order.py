r"""One epoch without replacement, in every order there is, as exact polynomials in the fluctuations.

Every fluctuation carries a factor :math:`\epsilon`; numbers are ``fmpq_poly`` in it, so each coefficient
of a mean over all orders is an exact rational number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from flint import fmpq, fmpq_poly

__all__ = ["coefficient", "epoch_maps", "ordered_batches"]


def ordered_batches(samples: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All ways to fill batches of these sizes in this order; equally likely under a permutation."""
    if not sizes:
        yield ()
        return
    for batch in combinations(samples, sizes[0]):
        rest = [n for n in samples if n not in batch]
        for others in ordered_batches(rest, sizes[1:]):
            yield (batch, *others)


def epoch_maps(
    mean_hessian: Any, hessians: Any, gradients: Any, rule: tuple[Any, Any, Any], sizes: Sequence[int]
) -> Iterator[tuple[Any, Any]]:
    r"""The affine map of an epoch, :math:`(\Phi,c)`, for every assignment of samples to steps.

    Parameters
    ----------
    mean_hessian
        H, symmetric. Shape (d, d), rational.
    hessians, gradients
        Fluctuations :math:`A_n` (N, d, d) and :math:`\xi_n` (N, d), rational, each of mean zero.
    rule
        K (n, n), b (n,) and a (n,), rational.
    sizes
        Batch sizes by position.

    Yields
    ------
    Arrays of polynomials of shapes (n d, n d) and (n d,), flattened as [state entry, direction].
    """
    keep, inject, at = rule
    d = len(mean_hessian)
    coupling = np.outer(inject, at)
    for batches in ordered_batches(range(len(gradients)), sizes):
        matrix = _polynomials(np.eye(len(keep) * d, dtype=int))
        offset = _polynomials(np.zeros(len(keep) * d, dtype=int))
        for batch in batches:
            share = fmpq(1, len(batch))
            hessian = mean_hessian + _scaled(sum(hessians[n] for n in batch) * share)
            step = np.kron(keep, np.eye(d, dtype=int).astype(object)) + np.kron(coupling, hessian)
            matrix = step @ matrix
            offset = step @ offset + np.kron(
                inject, _scaled(sum(gradients[n] for n in batch) * share)
            )
        yield matrix, offset


def _scaled(array: Any) -> Any:
    r"""An array of rational numbers times :math:`\epsilon` (NumPy would take a polynomial for a list)."""
    return np.vectorize(lambda value: fmpq_poly([0, value]), otypes=[object])(array)


def _polynomials(array: Any) -> Any:
    return np.vectorize(lambda value: fmpq_poly([int(value)]), otypes=[object])(array)


def coefficient(array: Any, order: int) -> Any:
    r"""Coefficient of :math:`\epsilon^{order}`, entry by entry."""
    return np.vectorize(lambda p: fmpq_poly(p)[order], otypes=[object])(array)

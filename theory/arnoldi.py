"""ARPACK's failures as errors of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scipy.sparse.linalg import ArpackError

from theory.errors import AccuracyError

__all__ = ["arnoldi_must_converge"]


@contextmanager
def arnoldi_must_converge(quantity: str, size: int, tolerance: float) -> Iterator[None]:
    """Say which eigenvalue Arnoldi or Lanczos iteration did not find.

    Parameters
    ----------
    quantity
        What the eigenvalue is, for the message.
    size
        Rows of the operator.
    tolerance
        Relative, as asked for.

    Raises
    ------
    AccuracyError
        If ARPACK fails inside the block.
    """
    try:
        yield
    except ArpackError as failure:
        raise AccuracyError(
            f"{quantity} was not found to a relative {tolerance:g} by Arnoldi iteration on {size} unknowns: "
            "eigenvalues lie too close together. Change the learning rate a little, or keep fewer directions "
            f"({failure})"
        ) from failure

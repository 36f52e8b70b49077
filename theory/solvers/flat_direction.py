"""A flat direction: its slow coordinate, and when it stays bounded."""

from __future__ import annotations

from flint import fmpq, fmpq_mat

from theory.errors import NoStationaryLawError
from theory.solvers.inputs import SolverInput
from theory.solvers.rational import to_flint
from theory.solvers.side import Side

__all__ = ["null_vector", "require_bounded"]


def null_vector(matrix: fmpq_mat) -> fmpq_mat:
    """A column vector x != 0 with ``matrix * x = 0``, of a matrix whose rank is one short."""
    n = matrix.ncols()
    reduced, rank = matrix.rref()
    pivots = [next(j for j in range(n) if reduced[i, j] != 0) for i in range(rank)]
    (free,) = set(range(n)) - set(pivots)
    column = [fmpq(0)] * n
    column[free] = fmpq(1)
    for i, j in enumerate(pivots):
        column[j] = -reduced[i, free]
    return fmpq_mat(n, 1, column)


def _sees_slow_coordinate(side: Side) -> bool:
    transition = to_flint(side.transition)
    n = transition.nrows()
    unit = fmpq_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
    return (to_flint([side.output]) * null_vector(unit - transition))[0, 0] != 0


def require_bounded(given: SolverInput) -> None:
    r"""Refuse flat directions whose slow coordinate diffuses or drifts.

    At zero curvature the slow coordinate :math:`y=\ell s`, :math:`\ell A=\ell`, obeys
    :math:`y_k=y_{k-1}+\ell B\xi_k`: it adds up the noise. Noise drawn afresh in every epoch makes
    it diffuse unless the noise of an epoch always sums to zero; noise that persists makes it drift
    unless its sum over an epoch is zero. A velocity does not see y and has a law even where y
    diffuses; between y and a mode of positive curvature there is a covariance as well.

    Raises
    ------
    NoStationaryLawError
        Otherwise.
    """
    left, right = given.left, given.right
    name = "curvature = 0 is flat and the weights"
    if (left.flat or right.flat) and any(sum(row) != 0 for row in given.persistent):
        raise NoStationaryLawError(
            f"{name} drift: the batches that repeat in every epoch do not sum to zero. "
            f"Use a positive curvature, or batches of equal size"
        )
    if not (left.flat and right.flat and any(sum(row) != 0 for row in given.independent)):
        return
    if _sees_slow_coordinate(left) or _sees_slow_coordinate(right):
        growth = given.noise_variance * sum(sum(row) for row in given.independent)
        raise NoStationaryLawError(
            f"{name} diffuse: the noise of an epoch has variance {float(growth):.6g} in sum, and "
            f"nothing pulls it back. Use a positive curvature, or ask for the velocity variance"
        )

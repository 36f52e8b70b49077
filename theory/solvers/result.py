"""What a solver returns."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["SolverResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverResult:
    r"""A stationary second moment, and how far to trust it.

    .. math:: \Gamma(\tau) = \langle a_{k+\tau}\, b_k \rangle

    The first index is the later time, of the mode ``curvature``; the second the earlier time, of
    the mode ``second_curvature`` (the same mode where that is not given). Averages run over the
    positions :math:`k=1\dots M` after each step; at a position j, the earlier time k is step j of
    an epoch and :math:`k+\tau` may lie in a later one. The velocity is
    :math:`v_k=\theta_k-\theta_{k-1}` for every rule.

    Attributes
    ----------
    value
        The moment. Unit: parameter². A ``Fraction`` from the exact solver, else a float.
    residual
        How well the equation the solver solves is met, relative to its largest term; see the
        solver.
    error
        Bound or estimate of the absolute error of ``value``, in its unit; see the solver.
    method
        Name of the solver.
    """

    value: float | Fraction
    residual: float
    error: float
    method: str

    def __float__(self) -> float:
        return float(self.value)

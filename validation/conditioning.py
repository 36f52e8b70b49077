"""What a design matrix loses: directions without curvature, and digits in the flattest that remain."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from validation.dependence import full_condition_number, relations
from validation.regression import Regression
from validation.sample_arrays import Samples, frozen_gradients

__all__ = ["Conditioning", "conditioning", "quadratics_of"]

#: condition number from which half as many digits as it has zeros are worth a word
_WORTH_A_WORD = 1e8
#: dependent columns that are named one by one
_MOST_NOTES = 5
_EPSILON = float(np.finfo(np.float64).eps)
#: gradients below this times the pulls that cancel in them are zero
_ROUNDING = 256 * _EPSILON
#: what features and gradients may be at most, and one over it at least: their fourth powers and squares
_LARGEST_FACTOR, _LARGEST_SLOPE = 1e75, 1e145


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    r"""Of a Hessian, and what to say about it.

    Attributes
    ----------
    flat_directions
        Directions without curvature: the loss does not depend on the weights there.
    condition_number
        Largest over smallest curvature of the others.
    notes
        Sentences for a reader: what is lost, and why.
    """

    flat_directions: int
    condition_number: float
    notes: tuple[str, ...]


def conditioning(problem: Samples) -> Conditioning:
    r"""Count the flat directions, and say what is lost and why.

    Curvatures are squares of singular values, which are right to :math:`\epsilon` of the largest: the
    smallest loses :math:`\sqrt\kappa` of its digits, and everything in that direction with it.
    """
    curvatures = problem.curvatures
    some = curvatures[curvatures != 0]
    flat = len(curvatures) - len(some)
    condition = float(some.max() / some.min()) if some.size else 1.0
    notes = []
    if flat:
        notes.append(
            f"{flat} of {len(curvatures)} directions have no curvature: there the weights do not move "
            "and are left out (they count as zero, the minimum of smallest norm)"
        )
    if isinstance(problem, Regression):
        notes += _reasons(problem, flat)
    if not frozen_gradients(problem).any():
        notes.append(
            "every gradient is zero at the minimum (a perfect fit): there is no noise, and SGD stays there"
        )
    if condition >= _WORTH_A_WORD:
        notes.append(
            f"the condition number is {condition:.3g}: of 16 digits the flattest direction loses "
            f"{math.log10(condition) / 2:.0f}, and its numbers are right to about "
            f"{math.sqrt(condition) * _EPSILON:.1g} at best. Rescale or drop columns"
        )
    return Conditioning(
        flat_directions=flat, condition_number=condition, notes=tuple(notes)
    )


def _reasons(problem: Regression, flat: int) -> list[str]:
    """Why directions are flat."""
    notes: list[str] = []
    x = problem.features
    if flat:
        constant = [problem.column(int(i)) for i in np.flatnonzero((x == x[0]).all(axis=0) & (x[0] != 0))]
        zero = [problem.column(int(i)) for i in np.flatnonzero(~x.any(axis=0))]
        sizes = np.abs(x).max(axis=0) / np.abs(x).max()
        tiny = (sizes > 0) & (sizes**2 < problem.rank_tolerance)
        small = [problem.column(int(i)) for i in np.flatnonzero(tiny)]
        if len(constant) > 1:
            notes.append(
                f"columns {_listed(constant)} are constant, so that they are multiples of each other: keep "
                "one (the intercept is a column of ones)"
            )
        if zero:
            notes.append(f"columns that are zero: {_listed(zero)}")
        if small:
            notes.append(
                f"columns too small beside the largest for their curvature to count: {_listed(small)}; "
                "rescale them, or lower the rank tolerance"
            )
        if problem.samples < problem.dimension:
            notes.append(
                f"there are fewer samples ({problem.samples}) than features ({problem.dimension})"
            )
        else:
            notes += _dependent(problem, {*constant, *zero, *small})
        notes.append(_whole(problem))
    return notes


def _dependent(problem: Regression, explained: set[str]) -> list[str]:
    """Columns that are combinations of others."""
    notes = []
    for relation in relations(problem.features, problem.rank_tolerance):
        others = [problem.column(i) for i in relation.others]
        if not {problem.column(relation.column), *others} <= explained:
            notes.append(
                f"column {problem.column(relation.column)} is a linear combination of {_listed(others)} (to "
                f"{relation.residual:.1g} of its size): drop one of them"
            )
    return notes[:_MOST_NOTES] + ([f"... and {len(notes) - _MOST_NOTES} more"] if notes[_MOST_NOTES:] else [])


def _whole(problem: Regression) -> str:
    """The condition number that the rank tolerance cuts off."""
    condition = full_condition_number(problem.features)
    if math.isinf(condition):
        return "with these directions the condition number is infinite, to rounding"
    return (
        f"with these directions the condition number is {condition:.3g}, above 1 / rank tolerance = "
        f"{1 / problem.rank_tolerance:.3g}: they count as flat"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def quadratics_of(problem: Samples) -> SampleQuadratics:
    """The per-sample losses, of a size whose squares are numbers.

    Raises
    ------
    TheoryError
        If it is neither, or squares of the data overflow or vanish.
    """
    if not isinstance(problem, (Regression, SampleQuadratics)):
        raise TheoryError(
            f"problem must be a Regression or SampleQuadratics; got a {type(problem).__name__}: for arrays "
            "Regression(features=X, targets=y), for Hessians SampleQuadratics.from_hessians(H, g)"
        )
    if isinstance(problem, Regression):
        with np.errstate(all="ignore"):
            feature = float(np.sqrt(problem.curvatures[0]))
            slope = feature * float(np.abs(problem.residuals).max())
        if feature == 0 or not _representable(feature, slope):
            raise TheoryError(
                f"the largest feature is {np.abs(problem.features).max():.3g}, the largest target "
                f"{np.abs(problem.targets).max():.3g}: their squares overflow or vanish. Rescale the columns"
            )
        return problem.quadratics
    factor, slope = (float(np.abs(a).max(initial=0.0)) for a in (problem.factors, problem.gradients))
    if not _representable(factor, slope):
        raise TheoryError(
            f"the largest factor of a Hessian is {factor:.3g}, the largest gradient "
            f"{slope:.3g}: their squares overflow or vanish. Measure loss and parameters in other units"
        )
    return _without_rounding(problem)


def _without_rounding(problem: SampleQuadratics) -> SampleQuadratics:
    r"""Gradients :math:`H_n\theta_*-b_n` that are rounding alone are those of a perfect fit: zero."""
    at = problem.minimum @ problem.directions
    pulls = np.abs(problem.factors @ at)[:, :, None] * np.abs(problem.factors)
    if problem.weight_decay or np.abs(problem.gradients).max() > _ROUNDING * pulls.max(initial=0.0):
        return problem
    return replace(problem, gradients=np.zeros_like(problem.gradients))


def _representable(factor: float, slope: float) -> bool:
    limits = ((factor, _LARGEST_FACTOR), (slope, _LARGEST_SLOPE))
    return all(size == 0 or 1 / most < size < most for size, most in limits)



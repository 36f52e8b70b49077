r"""Noise that depends on the weights: the batch Hessian fluctuates as well as the batch gradient.

Every sample has a quadratic loss of its own. Around the minimum of their mean, in the eigenbasis of the
mean Hessian, one step is

.. math:: s_k = (A + b\,a^\top\!\otimes\Delta H_k)\,s_{k-1} + b\otimes\xi_k ,

with the rule's :math:`K, b, a`, :math:`A = K\otimes I + b\,a^\top\!\otimes H`, and
:math:`(\Delta H_k,\xi_k)` the batch averages of :math:`(H_n-H,\,g_n)`.

Of one direction the stationary mean is a formula as well, for any rule and scheme
(:func:`mean_shift_formula`); of many it is a number (:func:`mean_shift`).
"""

from theory.engine.mean_shift import mean_shift_formula
from theory.multiplicative.averaged_closure import AveragedClosure, AveragedLaw
from theory.multiplicative.closure import Closure, ClosureLaw, Expansion, expand
from theory.multiplicative.independent import StationaryMoments, stationary_moments
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.mean_shift import MeanShift, mean_shift
from theory.multiplicative.mean_square_limit import (
    MeanSquareLimit,
    mean_square_limit,
    second_moment_radius,
)
from theory.multiplicative.quadratics import SampleQuadratics
from theory.multiplicative.transient import TransientMoments, transient_moments

__all__ = [
    "AveragedClosure",
    "AveragedLaw",
    "Closure",
    "ClosureLaw",
    "Expansion",
    "IndependentSteps",
    "MeanShift",
    "MeanSquareLimit",
    "SampleQuadratics",
    "StationaryMoments",
    "TransientMoments",
    "expand",
    "mean_shift",
    "mean_shift_formula",
    "mean_square_limit",
    "second_moment_radius",
    "stationary_moments",
    "transient_moments",
]

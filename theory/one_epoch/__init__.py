r"""One epoch without replacement: moments of the epoch map over all permutations (beneventano2023).

:class:`Epoch` says what is permuted (samples, or fixed batches), into how many steps, by which rule. To
second order in the fluctuations, for any per-sample Hessians: :func:`expected_drift` from one start (with the
third order and an error estimate), :func:`expected_map` from all, :func:`end_of_epoch` with the covariance,
:func:`regularizer`, the quadratic that the drift descends. Exactly, in one direction:
:func:`moments_of_epoch` in doubles, :func:`exact_moments` in fractions, :func:`saddle_escape`; for commuting
Hessians :func:`moments_of_directions`. To compare: :func:`with_replacement`, :func:`gradient_descent`.
"""

from theory.one_epoch.commuting_moments import moments_of_directions
from theory.one_epoch.compared_epochs import gradient_descent, with_replacement
from theory.one_epoch.direction_moments import DirectionMoments
from theory.one_epoch.drift import ExpectedDrift, expected_drift
from theory.one_epoch.epoch import Epoch, batch_quadratics
from theory.one_epoch.epoch_moments import EpochMoments
from theory.one_epoch.exact_moments import exact_moments
from theory.one_epoch.expected_map import ExpectedMap, expected_map
from theory.one_epoch.population_moments import fixed_batches, moments_of_epoch
from theory.one_epoch.regularizer import Regularizer, regularizer, regularizer_weights
from theory.one_epoch.saddle import SaddleEscape, saddle_escape
from theory.one_epoch.second_moment import EpochEnd, end_of_epoch
from theory.one_epoch.stationary_point import quadratics_at_stationary_point

__all__ = [
    "DirectionMoments",
    "Epoch",
    "EpochEnd",
    "EpochMoments",
    "ExpectedDrift",
    "ExpectedMap",
    "Regularizer",
    "SaddleEscape",
    "batch_quadratics",
    "end_of_epoch",
    "exact_moments",
    "expected_drift",
    "expected_map",
    "fixed_batches",
    "gradient_descent",
    "moments_of_directions",
    "moments_of_epoch",
    "quadratics_at_stationary_point",
    "regularizer",
    "regularizer_weights",
    "saddle_escape",
    "with_replacement",
]

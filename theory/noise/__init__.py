"""Elementary noises, one file each; a sampling scheme is a signed sum of them.

Two batches of one pass without replacement are correlated because they share the pass. Written as
a sum, their covariance is white noise minus something constant over the pass, and each of the two
is easy to push through a linear update rule.
"""

from __future__ import annotations

from theory.noise.component import NoiseComponent
from theory.noise.frozen import Frozen
from theory.noise.last_step import LastStep
from theory.noise.periodic import Periodic
from theory.noise.periodic_last_step import PeriodicLastStep
from theory.noise.shared_in_epoch import SharedInEpoch
from theory.noise.white import White

__all__ = [
    "Frozen",
    "LastStep",
    "NoiseComponent",
    "Periodic",
    "PeriodicLastStep",
    "SharedInEpoch",
    "White",
]

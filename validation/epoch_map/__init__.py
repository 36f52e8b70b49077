r"""The averaged epoch map: an epoch is a random affine map, averaged over sampled permutations.

``system`` holds the problem in natural units, ``kernel`` and ``follow`` follow permutations, ``average``
keeps and averages maps, ``averaged`` solves for the stationary law, ``known`` and ``control`` make the
second-order law a control variate, ``influence`` gives standard errors, ``orbit`` is one permutation that
repeats, ``still`` the batch of all samples, ``limit`` the mean-square limit, ``cost`` counts operations.
"""

from validation.epoch_map.averaged import averaged_epoch_map
from validation.epoch_map.law import EpochMapLaw
from validation.epoch_map.limit import EpochMeanSquareLimit, mean_square_limit_of_epochs

__all__ = ["EpochMapLaw", "EpochMeanSquareLimit", "averaged_epoch_map", "mean_square_limit_of_epochs"]

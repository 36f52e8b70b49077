r"""The averaged epoch map: an epoch is a random affine map, averaged over sampled permutations.

``system`` holds the problem in natural units, ``kernel`` and ``follow`` take permutations through an epoch
of ``columns``, ``average`` keeps and averages maps, ``krylov``, ``modes`` and ``spectrum`` solve with them,
``averaged`` finds the stationary law, ``known`` and ``control`` make the second-order law a control variate,
``influence`` and ``measure`` give averages and standard errors, ``orbit`` is one permutation that repeats,
``still`` the batch of all samples, ``limit`` the mean-square limit, ``cost`` counts operations.
"""

from validation.epoch_map.averaged import averaged_epoch_map
from validation.epoch_map.law import EpochMapLaw
from validation.epoch_map.limit import EpochMeanSquareLimit, mean_square_limit_of_epochs

__all__ = ["EpochMapLaw", "EpochMeanSquareLimit", "averaged_epoch_map", "mean_square_limit_of_epochs"]

r"""How fast each way of drawing batches leaves a saddle, in one direction, exactly for any fluctuations.

Where all Hessians commute the directions do not meet. In a direction of curvature :math:`\lambda<0` one
epoch over fixed batches is :math:`\delta\mapsto\Phi\delta+c` with the same :math:`\Phi=\prod_l(1-\eta h_l)`
for every order, so

.. math:: \text{reshuffled: }\ \delta_K=\sum_{k\le K}\Phi^{K-k}c_k,\qquad
          \text{shuffled once: }\ \delta_K=\frac{\Phi^K-1}{\Phi-1}\,c .

Fresh batches multiply the mean square by :math:`\mathbb E(1-\eta h)^2` at every step. Since
:math:`\Phi^2=\prod(1-\eta h_l)^2` is at most the M-th power of the mean of these squares (geometric and
arithmetic mean), an epoch without replacement multiplies the mean square by less. Its own noise is smaller
too. What it has more of is the drift :math:`\mathbb E[c]`: the *mean* leaves the saddle, which under fresh
batches it never does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.one_epoch.compared_epochs import with_replacement
from theory.one_epoch.population_moments import moments_of_epoch, require_population

__all__ = ["SaddleEscape", "saddle_escape"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaddleEscape:
    """Displacement after some epochs, from the stationary point or a start beside it.

    Attributes
    ----------
    mean
        Of both schemes without replacement. Unit: parameter.
    fresh_mean
        Of independent batches: that of gradient descent.
    reshuffled, shuffled_once, fresh
        Mean squares. Unit: parameter².
    """

    mean: float
    fresh_mean: float
    reshuffled: float
    shuffled_once: float
    fresh: float

    @property
    def ratio(self) -> float:
        """Mean square of reshuffled epochs over that of fresh batches.

        Raises
        ------
        TheoryError
            If that of fresh batches is 0, or either leaves the range of doubles.
        """
        return self._over_fresh(self.reshuffled)

    @property
    def shuffled_once_ratio(self) -> float:
        """Mean square of one order repeated over that of fresh batches.

        Raises
        ------
        TheoryError
            As :attr:`ratio`.
        """
        return self._over_fresh(self.shuffled_once)

    def _over_fresh(self, square: float) -> float:
        if not np.isfinite([square, self.fresh]).all():
            raise TheoryError(
                f"the mean squares, {square:.4g} and {self.fresh:.4g} under fresh batches, leave the range "
                "of doubles: take fewer epochs"
            )
        if not self.fresh > 0:
            raise TheoryError(
                f"the mean square under fresh batches is {self.fresh:.4g}, so there is no ratio to it: "
                "without gradients nothing leaves the saddle; give gradients, or a start that is not 0"
            )
        return square / self.fresh


def saddle_escape(
    curvatures: npt.ArrayLike, gradients: npt.ArrayLike, learning_rate: float, *, epochs: int,
    start: float = 0.0,
) -> SaddleEscape:
    r"""Displacement along one direction after some epochs of plain SGD over fixed batches.

    Exact for any curvatures and gradients, without an expansion in their fluctuations. To permute samples
    rather than batches give the moments of such an epoch to :class:`EpochMoments` yourself.

    Parameters
    ----------
    curvatures, gradients
        :math:`h_l` and :math:`g_l` of the batches in this direction at the stationary point; the
        gradients have mean zero. Shape (M,). Units: loss/parameter², loss/parameter.
    learning_rate
        :math:`\eta`. Unit: parameter²/loss.
    epochs
        K.
    start
        Displacement before the first epoch. Unit: parameter.

    Raises
    ------
    TheoryError
        If the gradients do not have mean zero, ``start`` is not finite, there are fewer than two batches
        or less than one epoch, or as :func:`theory.one_epoch.moments_of_epoch`.
    """
    h, g = require_population(curvatures, gradients)
    size = float(np.abs(g).sum())
    if len(h) < 2:
        raise TheoryError(f"there must be at least 2 batches; got {len(h)}")
    if not abs(float(g.sum())) <= 1e-12 * size:
        raise TheoryError(
            f"the gradients add up to {float(g.sum()):.4g}, not 0: this is no stationary point; "
            "measure the displacement from where the mean gradient vanishes"
        )
    if not np.isfinite(start):
        raise TheoryError(f"start = {start} must be finite")
    moments = moments_of_epoch(h, g, learning_rate)
    mean, reshuffled = moments.after(epochs, start)
    _, once = moments.after(epochs, start, shuffled_once=True)
    steps = epochs * len(h)
    drawn = with_replacement(h.tolist(), g.tolist(), float(learning_rate), steps)
    fresh_mean = drawn.factor * start  # the mean gradient is zero, and here not rounded either
    return SaddleEscape(
        mean=float(mean), fresh_mean=float(fresh_mean), reshuffled=float(reshuffled),
        shuffled_once=float(once), fresh=float(drawn.second_moment(start)),
    )

r"""First and second moments of the map of one epoch in one direction, :math:`\delta\mapsto\Phi\delta+c`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theory.errors import TheoryError

__all__ = ["EpochMoments"]


@dataclass(frozen=True, kw_only=True)
class EpochMoments:
    r"""The five averages that fix the mean and the mean square after an epoch.

    Floats, or fractions where they are exact. Several directions at once:
    :class:`theory.one_epoch.DirectionMoments`.
    With the displacement :math:`\delta` from the point where the gradients are taken,

    .. math:: E\,\delta_1=E[\Phi]\,\delta_0+E[c],\qquad
       E\,\delta_1^2=E[\Phi^2]\,\delta_0^2+2E[\Phi c]\,\delta_0+E[c^2].

    Attributes
    ----------
    factor, factor_square
        :math:`E[\Phi],\ E[\Phi^2]`. Dimensionless.
    offset, factor_offset
        :math:`E[c],\ E[\Phi c]`. Unit: parameter.
    offset_square
        :math:`E[c^2]`. Unit: parameter².
    offset_error, offset_square_error
        Bounds on the errors of :math:`E[c]` and :math:`E[c^2]`; 0 where they are exact. The others
        are products, right to a few units of rounding per factor.
    same_factor
        Whether :math:`\Phi` is the same for every order of the samples.
    """

    factor: Any
    factor_square: Any
    offset: Any
    factor_offset: Any
    offset_square: Any
    offset_error: Any = 0
    offset_square_error: Any = 0
    same_factor: bool = True

    def mean(self, start: Any) -> Any:
        r""":math:`E\,\delta_1` from ``start``."""
        return self.factor * start + self.offset

    def second_moment(self, start: Any) -> Any:
        r""":math:`E\,\delta_1^2` from ``start``, about the origin of the displacement.

        Raises
        ------
        TheoryError
            If :math:`E[c^2]` was not computed.
        """
        if self.offset_square is None:
            raise TheoryError("E[c^2] was not computed: ask for it with square=True")
        return self.factor_square * start * start + 2 * self.factor_offset * start + self.offset_square

    def after(self, epochs: int, start: Any, *, shuffled_once: bool = False) -> tuple[Any, Any]:
        r"""Mean and mean square after several epochs, from ``start``.

        Reshuffled, the maps are independent and both moments obey the linear recursion of one epoch.
        Shuffled once, the same map is repeated: with :math:`S_K=\sum_{k<K}\Phi^k`,
        :math:`\delta_K=\Phi^K\delta_0+S_Kc`, which is exact where :math:`\Phi` does not depend on the order.

        Raises
        ------
        TheoryError
            If there is less than one epoch, :math:`E[c^2]` was not computed, or the order is kept and
            :math:`\Phi` depends on it.
        """
        if not epochs >= 1:
            raise TheoryError(f"epochs must be at least 1; got {epochs}")
        if self.offset_square is None:
            raise TheoryError("E[c^2] was not computed: ask for it with square=True")
        if not shuffled_once:
            mean, square = start, start * start
            for _ in range(epochs):
                square = (
                    self.factor_square * square + 2 * self.factor_offset * mean + self.offset_square
                )
                mean = self.mean(mean)
            return mean, square
        if not self.same_factor:
            raise TheoryError(
                "shuffled once over several epochs needs a factor that is the same for every order; that "
                "of batches drawn from the samples is not: permute fixed batches, or enumerate the orders"
            )
        power, total = 1, 0
        for _ in range(epochs):
            power, total = power * self.factor, total * self.factor + 1
        mean = power * start + total * self.offset
        square = (
            power * power * start * start + 2 * power * total * start * self.offset
            + total * total * self.offset_square
        )
        return mean, square

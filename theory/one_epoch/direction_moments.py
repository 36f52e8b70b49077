r"""First and second moments of the map of one epoch in several directions that do not mix.

With commuting Hessians :math:`\delta_i\mapsto\Phi_i\delta_i+c_i` in the common eigenbasis, and
:math:`\Phi_i=\prod_nx_{ni}` is the same for every order of the samples: only :math:`c` is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError

__all__ = ["DirectionMoments"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DirectionMoments:
    r"""The averages that fix the mean and all second moments after an epoch.

    .. math:: E\,\delta_i'=\Phi_i\,E\,\delta_i+E[c_i],\qquad
       E\,\delta_i'\delta_j'=\Phi_i\Phi_j\,E\,\delta_i\delta_j
       +\Phi_i\,E\,\delta_i\,E[c_j]+\Phi_j\,E\,\delta_j\,E[c_i]+E[c_ic_j].

    Attributes
    ----------
    factor
        :math:`\Phi_i`. Shape (d,). Dimensionless.
    offset
        :math:`E[c_i]`. Shape (d,). Unit: parameter.
    offset_square
        :math:`E[c_ic_j]`. Shape (d, d). Unit: parameter².
    offset_error, offset_square_error
        Bounds on the errors of the two above, of their shapes and units. The factors are products,
        right to a few units of rounding each.
    """

    factor: FloatArray
    offset: FloatArray
    offset_square: FloatArray
    offset_error: FloatArray
    offset_square_error: FloatArray

    @property
    def factor_square(self) -> FloatArray:
        r""":math:`E[\Phi_i\Phi_j]=\Phi_i\Phi_j`. Shape (d, d)."""
        return np.multiply.outer(self.factor, self.factor)

    @property
    def factor_offset(self) -> FloatArray:
        r""":math:`E[\Phi_ic_j]=\Phi_iE[c_j]`, i in rows. Shape (d, d). Unit: parameter."""
        return np.multiply.outer(self.factor, self.offset)

    def mean(self, start: npt.ArrayLike) -> FloatArray:
        r""":math:`E\,\delta'` from ``start``, of shape (d,).

        Raises
        ------
        TheoryError
            As :meth:`after`.
        """
        return self.after(1, start)[0]

    def second_moment(self, start: npt.ArrayLike) -> FloatArray:
        r""":math:`E\,\delta_i'\delta_j'` from ``start``, about the origin of the displacement. Shape (d, d).

        Raises
        ------
        TheoryError
            As :meth:`after`.
        """
        return self.after(1, start)[1]

    def after(
        self, epochs: int, start: npt.ArrayLike, *, shuffled_once: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        r"""Mean (d,) and second moments (d, d) after several epochs, from ``start``. Exact either way.

        Reshuffled, the maps are independent and the moments obey the recursion of one epoch. Shuffled
        once, :math:`\delta_K=\Phi^K\delta_0+S_Kc` with :math:`S_K=\sum_{k<K}\Phi^k`, direction by direction.

        Parameters
        ----------
        start
            Displacement before the first epoch. Shape (d,). Unit: parameter.

        Raises
        ------
        TheoryError
            If there is less than one epoch, ``start`` is not finite or not of shape (d,), or the moments
            leave the range of doubles.
        """
        if not epochs >= 1:
            raise TheoryError(f"epochs must be at least 1; got {epochs}")
        at = np.asarray(start, dtype=np.float64)
        if at.shape != self.factor.shape or not np.isfinite(at).all():
            raise TheoryError(
                f"start must be finite, of shape {self.factor.shape}, one number per direction; got shape "
                f"{at.shape}"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            mean, square = self._once(epochs, at) if shuffled_once else self._reshuffled(epochs, at)
        if not (np.isfinite(mean).all() and np.isfinite(square).all()):
            raise TheoryError(
                f"the moments leave the range of doubles within {epochs} epochs (|Phi| up to "
                f"{np.abs(self.factor).max():.4g} per epoch): take fewer epochs or a lower learning rate"
            )
        return mean, square

    def _reshuffled(self, epochs: int, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        square, factor_square = np.multiply.outer(mean, mean), self.factor_square
        for _ in range(epochs):
            moved = self.factor * mean
            cross = np.multiply.outer(moved, self.offset)
            square = factor_square * square + (cross + cross.T) + self.offset_square
            mean = moved + self.offset
        return mean, square

    def _once(self, epochs: int, start: FloatArray) -> tuple[FloatArray, FloatArray]:
        power, total = np.ones_like(self.factor), np.zeros_like(self.factor)
        for _ in range(epochs):
            power, total = power * self.factor, total * self.factor + 1
        moved = power * start
        cross = np.multiply.outer(moved, total * self.offset)
        square: Any = (
            np.multiply.outer(moved, moved) + (cross + cross.T)
            + np.multiply.outer(total, total) * self.offset_square
        )
        return moved + total * self.offset, square

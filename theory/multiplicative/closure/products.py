r"""Averages of products of per-sample Hessians with many matrices at once, as matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from theory.multiplicative.quadratics import FloatArray, SampleQuadratics

__all__ = ["SampleProducts"]

#: numbers in one table of products of factors
_TABLE = 1_000_000
#: numbers in one table of forms
_FORMS = 1_000_000


class SampleProducts:
    r"""Products :math:`f_{nq}\otimes f_{np}` of a problem, taken a few samples at a time.

    With them :math:`f_{nq}^\top Pf_{np}` for T matrices P, and sums of :math:`f_{nq}f_{np}^\top` with T
    weights, are matrix products of size (N r²) x d² x T. Stacks of matrices have shape (d, d, T).
    """

    def __init__(self, problem: SampleQuadratics) -> None:
        self.problem = problem
        n, self.rank, self.dimension = problem.factors.shape
        self._rows, self._columns = (
            np.triu_indices(self.dimension) if self.rank == 1
            else tuple(i.ravel() for i in np.indices((self.dimension, self.dimension)))
        )
        self._samples = n

    def _chunks(self, width: int) -> Iterator[slice]:
        per_sample = self.rank**2
        size = max(1, min(_TABLE // (per_sample * self._rows.size), _FORMS // (per_sample * width)))
        for first in range(0, self._samples, size):
            yield slice(first, min(first + size, self._samples))

    def _table(self, chunk: slice) -> FloatArray:
        f = self.problem.factors[chunk]
        if self.rank == 1:
            return np.asarray(f[:, 0, self._rows] * f[:, 0, self._columns])
        out = f[:, :, None, self._rows] * f[:, None, :, self._columns]
        return np.asarray(out.reshape(-1, self._rows.size))

    def _packed(self, stack: FloatArray) -> FloatArray:
        """(d, d, T) to (pairs, T): for one factor per sample only the symmetric part matters."""
        if self.rank > 1:
            return stack.reshape(-1, stack.shape[2])
        out = stack[self._rows, self._columns]
        out += stack[self._columns, self._rows]
        out[self._rows == self._columns] /= 2
        return np.asarray(out)

    def _unpacked(self, packed: FloatArray) -> FloatArray:
        d = self.dimension
        if self.rank > 1:
            return packed.reshape(d, d, -1)
        out = np.empty((d, d, packed.shape[1]))
        out[self._rows, self._columns] = packed
        out[self._columns, self._rows] = packed
        return out

    def transform(
        self, stacks: Sequence[FloatArray], weigh: Callable[[FloatArray, slice], tuple[FloatArray, ...]],
        width: int,
    ) -> tuple[FloatArray, ...]:
        r"""Means over the samples of :math:`\sum_{qp}f_{nq}v_{nqp}f_{np}^\top`.

        Parameters
        ----------
        stacks
            Matrices P. Shapes (d, d, T).
        weigh
            From the forms :math:`\epsilon_{nq}f_{nq}^\top Pf_{np}\epsilon_{np}` of all stacks one after the
            other, shape (samples, r, r, T), and the slice of samples, to weights v of one or several
            outputs, shapes (samples, r, r, T').
        width
            Numbers per sample and pair of factors that ``weigh`` holds at a time.

        Returns
        -------
        One stack (d, d, T') per output.
        """
        packed = np.concatenate([self._packed(stack) for stack in stacks], axis=1)
        totals: list[FloatArray] = []
        r = self.rank
        for chunk in self._chunks(max(width, packed.shape[1])):
            table = self._table(chunk)
            count = chunk.stop - chunk.start
            forms = (table @ packed).reshape(count, r, r, -1)
            signs = self.problem.signs[chunk]
            forms *= signs[:, :, None, None] * signs[:, None, :, None]
            for k, weights in enumerate(weigh(forms, chunk)):
                part = table.T @ weights.reshape(count * r * r, -1)
                if k < len(totals):
                    totals[k] += part
                else:
                    totals.append(part)
        for total in totals:
            total /= self._samples
        return tuple(self._unpacked(total) for total in totals)

    def sandwich(self, stack: FloatArray) -> FloatArray:
        r""":math:`\frac1N\sum_nH_nPH_n` for every P. Shape (d, d, T) to the same."""
        return self.transform([stack], lambda forms, _: (forms,), stack.shape[2])[0]

    def covariance(self, stack: FloatArray) -> FloatArray:
        r""":math:`\frac1N\sum_nH_nPH_n-HPH` for every P. Shape (d, d, T) to the same."""
        h = self.problem.curvatures
        out = self.sandwich(stack)
        for row, own, curvature in zip(out, stack, h, strict=True):
            row -= curvature * own * h[:, None]
        return out

    @cached_property
    def cross_moment(self) -> FloatArray:
        r""":math:`\overline{\Delta H_{ac}\,g_e}`. Shape (d, d, d)."""
        f, d = self.problem.factors, self.dimension
        out = np.zeros((d * d, d))
        size = max(1, _TABLE // (self.rank * d * d))
        for first in range(0, self._samples, size):
            chunk = slice(first, min(first + size, self._samples))
            own = self.problem.signs[chunk, :, None, None] * f[chunk, :, :, None] * f[chunk, :, None, :]
            out += own.sum(axis=1).reshape(-1, d * d).T @ self.problem.gradients[chunk]
        cross: FloatArray = out.reshape(d, d, d) / self._samples
        return cross

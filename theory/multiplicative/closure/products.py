r"""Averages of products of per-sample Hessians with many matrices at once, as matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from theory.multiplicative.quadratics import FloatArray, SampleQuadratics

__all__ = ["SampleProducts", "TimePairs"]

#: numbers in one table of products of factors
_TABLE = 1_000_000
#: numbers in one table of forms
_FORMS = 1_000_000


class TimePairs:
    """Second moments of an epoch by pairs of times k <= l: exchanging both times transposes them."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        #: the times k and l
        self.first, self.second = np.triu_indices(steps)
        self._upper = self.first * steps + self.second
        self._lower = self.second * steps + self.first

    def pack(self, moments: FloatArray) -> FloatArray:
        """Shape (d, d, ..., M, M) to (d, d, ..., M (M + 1) / 2)."""
        return np.asarray(moments[..., self.first, self.second])

    def pack_with_transpose(self, half: FloatArray) -> FloatArray:
        """The sum of ``half`` and its transpose, packed."""
        flat = half.reshape(*half.shape[:-2], -1)
        out = np.take(flat, self._upper, axis=-1)
        for i, row in enumerate(out):
            row += np.take(flat[:, i], self._lower, axis=-1)
        return out

    def unpack(self, packed: FloatArray) -> FloatArray:
        """The reverse; the first two axes are exchanged where k > l."""
        out = np.empty((*packed.shape[:-1], self.steps, self.steps))
        out[..., self.second, self.first] = packed.swapaxes(0, 1)
        out[..., self.first, self.second] = packed
        return out

    def unpack_row(self, packed: FloatArray, row: int) -> FloatArray:
        """One row of directions of :meth:`unpack`. Shape (d, M, M)."""
        out = np.empty((packed.shape[1], self.steps, self.steps))
        out[..., self.second, self.first] = packed[:, row]
        out[..., self.first, self.second] = packed[row]
        return out


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
        out: FloatArray = stack[self._rows, self._columns] + stack[self._columns, self._rows]
        out[self._rows == self._columns] /= 2
        return out

    def _unpacked(self, packed: FloatArray) -> FloatArray:
        d = self.dimension
        if self.rank > 1:
            return packed.reshape(d, d, -1)
        out = np.empty((d, d, packed.shape[1]))
        out[self._rows, self._columns] = packed
        out[self._columns, self._rows] = packed
        return out

    def transform(
        self, stack: FloatArray, weigh: Callable[[FloatArray, slice], tuple[FloatArray, ...]],
        width: int,
    ) -> tuple[FloatArray, ...]:
        r"""Means over the samples of :math:`\sum_{qp}f_{nq}v_{nqp}f_{np}^\top`.

        Parameters
        ----------
        stack
            Matrices P. Shape (d, d, T).
        weigh
            From the forms :math:`\epsilon_{nq}f_{nq}^\top Pf_{np}\epsilon_{np}`, shape (samples, r, r, T),
            and the slice of samples, to weights v of one or several outputs, shapes (samples, r, r, T').
        width
            Numbers per sample and pair of factors that ``weigh`` holds at a time.

        Returns
        -------
        One stack (d, d, T') per output.
        """
        packed = self._packed(stack)
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
        return self.transform(stack, lambda forms, _: (forms,), stack.shape[2])[0]

    def covariance(self, stack: FloatArray) -> FloatArray:
        r""":math:`\frac1N\sum_nH_nPH_n-HPH` for every P. Shape (d, d, T) to the same."""
        h = self.problem.curvatures
        out: FloatArray = self.sandwich(stack) - h[:, None, None] * stack * h[:, None]
        return out

    def covariance_by_times(self, moments: FloatArray) -> FloatArray:
        """:meth:`covariance` of second moments of an epoch, their symmetry used. Shape (d, d, M, M)."""
        times = TimePairs(moments.shape[-1])
        return times.unpack(self.covariance(times.pack(moments)))

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

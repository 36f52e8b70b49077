"""Second moments of an epoch, by pairs of times: half of them says all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from theory.multiplicative.quadratics import FloatArray

__all__ = ["EpochMoments", "TimePairs"]


class TimePairs:
    """Pairs of times k <= l of an epoch: exchanging both times transposes a second moment."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        #: the times k and l
        self.first, self.second = np.triu_indices(steps)
        self._upper = self.first * steps + self.second
        self._lower = self.second * steps + self.first

    @property
    def size(self) -> int:
        """How many."""
        return len(self.first)

    def pack(self, table: FloatArray) -> FloatArray:
        """Shape (..., M, M) to (..., M (M + 1) / 2)."""
        return np.take(table.reshape(*table.shape[:-2], -1), self._upper, axis=-1)

    def pack_reversed(self, table: FloatArray) -> FloatArray:
        """The same with the times exchanged."""
        return np.take(table.reshape(*table.shape[:-2], -1), self._lower, axis=-1)

    def unpack(self, packed: FloatArray, exchanged: FloatArray) -> FloatArray:
        """The reverse; ``exchanged`` stands where k > l."""
        out = np.empty((*packed.shape[:-1], self.steps, self.steps))
        out[..., self.second, self.first] = exchanged
        out[..., self.first, self.second] = packed
        return out


class EpochMoments:
    r"""Second moments :math:`M_{ij}(k,l)=M_{ji}(l,k)` of d directions at the M times of an epoch.

    Parameters
    ----------
    times
        Pairs of times.
    packed
        Those at k <= l. Shape (d, d, M (M + 1) / 2).
    """

    def __init__(self, times: TimePairs, packed: FloatArray) -> None:
        self.times, self.packed = times, packed

    @classmethod
    def zeros(cls, times: TimePairs, directions: int) -> EpochMoments:
        """Nothing yet."""
        return cls(times, np.zeros((directions, directions, times.size)))

    @classmethod
    def of_means(cls, times: TimePairs, means: FloatArray) -> EpochMoments:
        r""":math:`m_i(k)\,m_j(l)`. Shape (d, M)."""
        return cls(times, means[:, None, times.first] * means[None, :, times.second])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(d, d, M, M), as an array that held both halves."""
        d, m = len(self), self.times.steps
        return d, d, m, m

    def __len__(self) -> int:
        return len(self.packed)

    def __iter__(self) -> Iterator[FloatArray]:
        return (self.row(i) for i in range(len(self)))

    def row(self, direction: int) -> FloatArray:
        """Of one direction with all. Shape (d, M, M)."""
        return self.times.unpack(self.packed[direction], self.packed[:, direction])

    def own(self, direction: int) -> FloatArray:
        """Of one direction with itself. Shape (M, M)."""
        packed = self.packed[direction, direction]
        return self.times.unpack(packed, packed)

    def add_half(self, direction: int, row: FloatArray) -> None:
        """Add a row of directions, shape (d, M, M), and its transpose, directions and times exchanged."""
        self.packed[direction] += self.times.pack(row)
        self.packed[:, direction] += self.times.pack_reversed(row)

    def equal_times(self) -> FloatArray:
        """At k = l. Shape (d, d, M)."""
        return self.packed[..., self.times.first == self.times.second]

    def sum_of_variances(self) -> FloatArray:
        """Over the times. Shape (d,)."""
        return np.asarray(np.einsum("iit->i", self.equal_times()))

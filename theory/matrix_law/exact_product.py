r"""Outer products :math:`N_{ij}=\sum_r L_r(i)R_r(j)` that may cancel to any depth, at matrix speed.

The vectors are integers of hundreds of bits. They are cut into digits of 20 bits, and digits are
multiplied by the ordinary matrix product of doubles, which is exact as long as sums stay below
2^53 (Ozaki's scheme). Carrying then leaves a positional number whose leading digits vanish where
the sum cancels; reading it from the top gives a double with full relative accuracy.

References
----------
K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, Numerical Algorithms 59, 95 (2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError
from theory.matrix_law.fixed_point import Entry

__all__ = ["ExactProduct", "exact_diagonal", "exact_product"]

FloatArray = npt.NDArray[np.float64]
_WIDTH = 20
_BASE = 2.0**_WIDTH
#: products of two digits are below 2^40, so this many can be added exactly
_EXACT_COLUMNS = 8000
#: bits kept below the smallest result: 45 for 1e-13 and 31 for the digits left out
_GUARD = 76
#: 20 bits each, so that the whole number stays within the range of doubles
_MOST_DIGITS = 48


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactProduct:
    """Digits of both factors; value = mantissa * 2^(left_exponent[i] + right_exponent[j]).

    Attributes
    ----------
    left, right
        Most significant digit first on the left, last on the right. Shape (d, digits * rank).
    """

    digits: int
    rank: int
    left: FloatArray
    right: FloatArray
    left_exponent: npt.NDArray[np.int64]
    right_exponent: npt.NDArray[np.int64]

    def mantissa(self, rows: slice, columns: slice) -> FloatArray:
        """One block of the result, to about 1e-13 of the geometric mean of its diagonal."""
        left, right = self.left[rows], self.right[columns]
        shape = (left.shape[0], right.shape[0])
        places = np.empty((self.digits, *shape))
        carry, spare = np.zeros(shape), np.empty(shape)
        for level in range(self.digits - 1, -1, -1):
            used = (level + 1) * self.rank
            first = (self.digits - 1 - level) * self.rank
            total, carried = places[level], carry
            carry = np.zeros(shape) if used > _EXACT_COLUMNS else spare
            for start in range(0, used, _EXACT_COLUMNS):
                stop = min(start + _EXACT_COLUMNS, used)
                np.matmul(
                    left[:, start:stop], right[:, first + start : first + stop].T,
                    out=total if start == 0 else spare,
                )
                if start:
                    total += spare
                else:
                    total += carried
                if level:
                    self._carry(total, carry, fresh=start == 0)
            spare = carried
        out: FloatArray = places[0]
        for level in range(1, self.digits):
            out *= _BASE
            out += places[level]
        return out

    @staticmethod
    def _carry(total: FloatArray, carry: FloatArray, *, fresh: bool) -> None:
        """Move all but the lowest 20 bits of ``total`` to ``carry``."""
        lifted = np.multiply(total, 1 / _BASE, out=carry if fresh else None)
        np.floor(lifted, out=lifted)
        if not fresh:
            carry += lifted
        lifted *= _BASE
        total -= lifted
        if fresh:
            lifted /= _BASE


def exact_diagonal(left: list[Entry], right: list[Entry], modes: int) -> list[int]:
    """The integers N_ii."""
    total = np.zeros(modes, dtype=object)
    for a, b in zip(left, right, strict=True):
        total = total + a * b
    return [int(v) for v in total]


def exact_product(
    left: list[Entry], right: list[Entry], *, bits: int, size: list[int]
) -> ExactProduct:
    """Cut both factors into as many digits as the deepest cancellation needs.

    Parameters
    ----------
    left, right
        Vectors over the modes, integers in units of 2^-bits; constants may be plain integers.
    size
        Bit length of the smallest result that matters in each row's diagonal entry, in units of
        2^(-2 bits): the accuracy is relative to this.

    Raises
    ------
    AccuracyError
        If more than 900 bits cancel.
    """
    modes = len(size)
    tables = [np.stack([np.full(modes, v, dtype=object) if isinstance(v, int) else v for v in f])
              for f in (left, right)]
    lengths = [[int(v).bit_length() for v in np.maximum.reduce(np.abs(t), axis=0)] for t in tables]
    lost = max(a + b - s for a, b, s in zip(*lengths, size, strict=True))
    digits = max(2, -(-(lost + _GUARD) // _WIDTH) - 1)
    digits += digits % 2
    if digits > _MOST_DIGITS:
        raise AccuracyError(
            f"the closed form cancels {lost} bits, more than the {_MOST_DIGITS * _WIDTH} kept here: "
            "some direction is flat beyond any use; raise rank_tolerance"
        )
    cut = [_digits(t, e, digits) for t, e in zip(tables, lengths, strict=True)]
    rank = len(left)
    # s * 2^(eL + eR - 20 (digits + 1)) in units of 2^(-2 bits), shared by the two sides
    shift = _WIDTH * (digits + 1) + 2 * bits
    return ExactProduct(
        digits=digits, rank=rank,
        left=cut[0].reshape(modes, digits * rank),
        right=np.ascontiguousarray(cut[1][:, ::-1]).reshape(modes, digits * rank),
        left_exponent=np.array(lengths[0]) - shift // 2,
        right_exponent=np.array(lengths[1]) - (shift - shift // 2),
    )


def _digits(table: npt.NDArray[np.object_], lengths: list[int], digits: int) -> FloatArray:
    """Two's complement digits of each integer. Shape (modes, digits, rank)."""
    rank, modes = table.shape
    width = digits * _WIDTH // 8
    shifts = [e - digits * _WIDTH for e in lengths]
    raw = b"".join(
        (v >> s if s >= 0 else v << -s).to_bytes(width + 1, "little", signed=True)
        for row in table.tolist()
        for v, s in zip(row, shifts, strict=True)
    )
    octets = np.frombuffer(raw, dtype=np.uint8).reshape(rank, modes, width + 1)
    five = octets[:, :, :width].reshape(rank, modes, digits // 2, 5).astype(np.int64)
    low = five[..., 0] | five[..., 1] << 8 | (five[..., 2] & 15) << 16
    high = five[..., 2] >> 4 | five[..., 3] << 4 | five[..., 4] << 12
    out = np.empty((modes, digits, rank))
    out[:, digits - 1 :: -2, :] = low.transpose(1, 2, 0)
    out[:, digits - 2 :: -2, :] = high.transpose(1, 2, 0)
    out[:, 0, :] -= _BASE * (octets[:, :, width] > 127).T
    return out

r"""How long the averaged epoch map takes, in nominal seconds: counted, not timed.

What a budget buys must not depend on how busy the machine is, or a seed would not fix the result. So
operations are counted and divided by the speeds of one core of one machine (x86 with AVX-512, 2026), whose
processor times are within a factor of two of the nominal ones, away from the mean-square limit. More cores
that are idle are quicker.
"""

from __future__ import annotations

from dataclasses import dataclass

from validation.epoch_map.average import AveragedMap
from validation.epoch_map.influence import MOST_PATHS, PATH_BYTES

__all__ = ["EpochCost", "epoch_cost"]

#: seconds to begin a step, and a compiled loop over columns; multiplications a second inside
_STEP, _LOOP, _COLUMNS = 2e-7, 4e-9, 2e10
#: multiplications a second in products of large matrices, of many small ones, and in eigenvalues
_LARGE, _SMALL, _EIGENVALUES = 1.8e10, 3e9, 5e9
#: seconds to call what is known to second order, whose responses have about this rank
_CALL, _RANK = 2e-4, 16
#: products with all maps that the equation of a large state takes, and solutions with the known ones
_PRODUCTS, _KNOWN = 10, 2.5
_DENSE = AveragedMap.dense_limit


@dataclass(frozen=True, kw_only=True)
class EpochCost:
    """Nominal seconds of one sample of permutations: ``fixed`` and for ``each`` of them."""

    fixed: float
    each: float

    def affordable(self, seconds: float) -> int:
        """Permutations of one sample; 0 if not even what is fixed is affordable."""
        return int(min(max(0.0, (seconds - self.fixed) / self.each), 1e9))


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """N samples of rank r in d directions with n entries of state, M steps of S samples."""

    samples: int
    rank: int
    dimension: int
    entries: int
    steps: int
    batch: float

    @property
    def state(self) -> int:
        return self.entries * self.dimension


def epoch_cost(
    *, samples: int, rank: int, dimension: int, entries: int, sizes: tuple[int, ...], once: bool
) -> EpochCost:
    """Cost of the law at this shape; ``once`` where one permutation serves a whole run.

    Parameters
    ----------
    entries
        Of the state, per direction: 2 with momentum, 1 without.
    sizes
        Batch sizes by position.
    """
    s = _Shape(
        samples=samples, rank=rank, dimension=dimension, entries=entries, steps=len(sizes),
        batch=sum(sizes) / len(sizes),
    )
    k = s.state
    if once:
        each = s.steps * (_path(s, 1, k + 1) + _path(s, 1, 1) + _matrices(s, 1)) + 25 * k**3 / _EIGENVALUES
        return EpochCost(fixed=0.0, each=each)
    each = s.steps * (2 * _path(s, 3, k + 1) + _matrices(s, k + 1))
    each += 3 * k**2 * (k + 1 + s.dimension) / _SMALL  # influences
    each += (2 * k**4 if k <= _DENSE else 4 * _PRODUCTS * k**3) / _LARGE
    return EpochCost(fixed=_fixed(s), each=each)


def _path(s: _Shape, orders: int, width: int) -> float:
    """A step of ``width`` columns: batch means, and per order a product with the Hessian and an update."""
    d, n, rows = s.dimension, s.entries, s.batch * s.rank
    updates = float(orders * (n * n + 3 * n + 3) * d)
    loops, inside = updates, updates * width
    if 2 * rows < d:
        loops += 2 * rows + orders * 1.25 * rows * d
        inside += 2 * rows * d + orders * 2 * rows * d * width
    else:
        loops += rows * d + orders * d * d / 4
        inside += rows * d * d + orders * d * d * width
    return orders * _STEP + _LOOP * loops + inside / _COLUMNS


def _matrices(s: _Shape, width: int) -> float:
    """Second moments of a step, three matrices."""
    return 3 * s.dimension**2 * (_LOOP / 4 + width / _COLUMNS)


def _fixed(s: _Shape) -> float:
    """What is known to second order, and the influence of the boundary on the position average."""
    d, n, k, m = s.dimension, s.entries, s.state, s.steps
    paths = min(MOST_PATHS, PATH_BYTES / (8 * m * d * (k + 1)))
    weights = paths * m * (_path(s, 1, k + 1) + d * (k + 1) ** 2 / _LARGE)
    rank = s.rank * min(k, _RANK)
    known = s.samples * (2 * rank * k * (k + rank) + 24 * s.rank * d * d)
    known += 6 * m * d * d * min(m, d * d)  # singular values over the steps
    calls = k * (k + 1) / 2 if k <= _DENSE else _KNOWN * d + 25
    loops = (n * n + 3 * n + 2 + 2 * s.rank) * d
    responses = s.samples * m * (_STEP + loops * (_LOOP + (k + 1) / _COLUMNS))
    inverse = k**6 / _LARGE if k <= _DENSE else 0.0
    return weights + calls * (_CALL + known / _LARGE) + responses + inverse

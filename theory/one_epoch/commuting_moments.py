r"""One epoch over samples whose Hessians commute: every direction, and every pair of directions, exactly.

In the common eigenbasis the directions do not mix, :math:`\delta_i\to x_{ni}\delta_i-\eta g_{ni}`, and the
mean is that of each direction. The second moment of a pair (i, j) has the factors
:math:`x_{ni}x_{nj}`; with :math:`y=1-x_ix_j`, arrival times counted from the end,

.. math:: E[c_ic_j]&=\eta^2\int_0^1\sum_lg_{li}g_{lj}\prod_{n\ne l}(1-ty_n)\,dt\\
   &+\eta^2\!\!\sum_{(a,b)=(i,j),(j,i)}\int_0^1\!\int_0^1u\sum_{l\ne m}g_{ma}\,x_{la}g_{lb}
   \prod_{n\ne l,m}\big(1-u[(1-v)(1-x_{na})+vy_n]\big)\,dv\,du .

Of two marked samples m comes first, with its gradient in direction a: it meets the factors :math:`x_a` of
the samples up to the later one, l, that of l included, and both directions' factors after it. New here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.errors import TheoryError
from theory.one_epoch.arrival_times import FloatArray, exact_nodes, marked_once, marked_twice, unit_nodes
from theory.one_epoch.direction_moments import DirectionMoments
from theory.one_epoch.population_moments import require_in_range

__all__ = ["moments_of_directions"]

_UNIT = 2.0**-53
_ROUNDINGS = 40
#: nodes per time, doubled until two rules agree; enough nodes for the degree are exact
_FIRST = 24
_CHUNK = 8192
#: of the sum of absolute values
_AGREE = 2.0**-48


def moments_of_directions(curvatures: Any, gradients: Any, learning_rate: float) -> DirectionMoments:
    r"""Moments of the epoch map in the common eigenbasis, as arrays.

    Parameters
    ----------
    curvatures, gradients
        Eigenvalues :math:`h_{ni}` of the samples' commuting Hessians, and gradients at displacement 0 in
        that basis. Shape (N, d). Units: loss/parameter² and loss/parameter.
    learning_rate
        :math:`\eta>0`. Unit: parameter²/loss.

    Returns
    -------
    ``factor`` and ``offset`` :math:`E[c_i]` of shape (d,), ``offset_square`` :math:`E[c_ic_j]` of (d, d).
    Errors: ``offset_error`` and ``offset_square_error`` are twice the difference of the last two rules
    (none where the nodes are enough for the degree, N/2 + 1) plus the bound on rounding. O(N n²) per pair.

    Raises
    ------
    TheoryError
        If the shapes differ, a number is not finite, the learning rate is not positive, or the products
        leave the range of doubles.
    """
    h, g = (np.asarray(a, dtype=np.float64) for a in (curvatures, gradients))
    if h.ndim != 2 or h.shape != g.shape or h.size == 0:
        raise TheoryError(
            f"curvatures and gradients must have one shape (N, d); got {h.shape} and {g.shape}"
        )
    if not (np.isfinite(h).all() and np.isfinite(g).all()):
        raise TheoryError("curvatures and gradients must be finite: remove the samples that are not")
    if not 0 < learning_rate < np.inf:
        raise TheoryError(f"learning_rate = {learning_rate} must be positive and finite")
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        x, c = 1 - learning_rate * h, -learning_rate * g
        found = _moments(x, c)
        require_in_range(found.factor_square, x)
    return found


def _moments(x: FloatArray, c: FloatArray) -> DirectionMoments:
    samples, d = x.shape
    offset, offset_error = (np.empty(d) for _ in range(2))
    square, square_error = (np.empty((d, d)) for _ in range(2))
    for i in range(d):
        offset[i], offset_error[i] = _settled(_single, x, 1 - x[:, i], c[:, i])
        for j in range(i + 1):
            y = 1 - x[:, i] * x[:, j]
            parts = [_settled(_single, x, y, c[:, i] * c[:, j])]
            for a, b in ((i, j), (j, i)):  # the earlier sample is of a, the later one of b
                if samples > 1:
                    parts.append(_settled(_pair, x, 1 - x[:, a], y, c[:, b] * x[:, a], c[:, a]))
            square[i, j] = square[j, i] = sum(p[0] for p in parts)
            square_error[i, j] = square_error[j, i] = sum(p[1] for p in parts)
    require_in_range([*square.flat, *square_error.flat], x)
    return DirectionMoments(
        factor=x.prod(axis=0), offset=offset, offset_square=square, offset_error=offset_error,
        offset_square_error=square_error,
    )


def _settled(rule: Any, factors: FloatArray, *arrays: FloatArray) -> tuple[float, float]:
    """Doubled nodes until two rules agree, or the nodes are exact; the value and its error.

    Raises
    ------
    TheoryError
        If a sum over products of ``factors``, which are for the message alone, is not finite.
    """
    samples = arrays[0].size
    most = exact_nodes(samples)
    count = min(most, _FIRST)
    value, size = rule(count, *arrays)
    require_in_range([value, size], factors)
    gap = 0.0 if count == most else np.inf
    while count < most and not gap <= _AGREE * size:
        count = min(most, 2 * count)
        last, (value, size) = value, rule(count, *arrays)
        require_in_range([value, size], factors)
        gap = 0.0 if count == most else 2 * abs(value - last)
    return value, gap + (_ROUNDINGS * samples + 2 * count + 8) * _UNIT * size


def _single(count: int, y: FloatArray, weights: FloatArray) -> tuple[float, float]:
    r""":math:`\int\sum_lw_l\prod_{n\ne l}(1-ty_n)\,dt`, and of absolute values."""
    t, rule = unit_nodes(count)
    room = (1 + np.abs(y)) / (4 * y.size)
    value, size = marked_once(lambda n: (1 - y[n] * t, float(room[n])), weights, t.shape)
    return float(rule @ value), float(rule @ size)


def _pair(
    count: int, between: FloatArray, after: FloatArray, later: FloatArray, earlier: FloatArray
) -> tuple[float, float]:
    r""":math:`\iint u\sum_{l\ne m}a_lb_m\prod_{n\ne l,m}(1-u[(1-v)b_n+vy_n])\,dv\,du`."""
    nodes, weights = unit_nodes(count)
    u, v = np.repeat(nodes, count), np.tile(nodes, count)
    joint = np.repeat(weights * nodes, count) * np.tile(weights, count)
    room = (1 + np.abs(between) + np.abs(after)) / (4 * between.size)
    total = scale = 0.0
    for start in range(0, u.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        only, both = u[part] * (1 - v[part]), u[part] * v[part]

        def factor(n: int, only: FloatArray = only, both: FloatArray = both) -> tuple[FloatArray, float]:
            return 1 - only * between[n] - both * after[n], float(room[n])

        value, size = marked_twice(factor, later, earlier, only.shape)
        total += float(joint[part] @ value)
        scale += float(joint[part] @ size)
    return total, scale

r"""One epoch over a population in one dimension, exactly: every sample once, in uniformly random order.

.. math:: \delta_k=x_n\delta_{k-1}-\eta g_n,\qquad x_n=1-\eta h_n,\qquad n=\pi(k),\ k=1\dots N .

With :math:`\Phi=\prod_nx_n` and :math:`c=-\eta\sum_lg_l\prod_{i\text{ after }l}x_i`, and t, u, v uniform
arrival times counted from the end,

.. math::
   E[c]&=-\eta\int_0^1\sum_lg_l\prod_{i\ne l}(1-t\eta h_i)\,dt,\\
   E[c^2]&=\eta^2\int_0^1\sum_lg_l^2\prod_{i\ne l}\big(1-t\eta h_i(1+x_i)\big)dt
   +2\eta^2\int_0^1\!\int_0^1u\sum_{l\ne m}g_lx_l\,g_m\prod_{i\ne l,m}\big(1-u\eta h_i(1+vx_i)\big)\,dv\,du .

Of two marked samples m comes first and l later: the part u of the others comes after m, the part v of
those after l as well. New here (known with forward times). The samples may be batches: fixed batches
that are permuted as wholes are the population of their means (:func:`fixed_batches`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.one_epoch.arrival_times import (
    Factor,
    exact_nodes,
    marked_once,
    marked_twice,
    unit_nodes,
)
from theory.one_epoch.epoch_moments import EpochMoments
from theory.one_epoch.quadrature_error import (
    largest_linear,
    log_product_bound,
    log_truncation,
    nodes_for,
)

__all__ = ["fixed_batches", "moments_of_epoch", "require_in_range", "require_population"]

FloatArray = npt.NDArray[np.float64]
#: the truncation is pushed below this part of the sum of absolute values
_NEGLIGIBLE = np.log(2.0**-56)
_UNIT = 2.0**-53
#: nodes to begin with, per time
_FIRST = 16
#: units of rounding of one factor, times the 4 of :func:`_room`
_ROUNDINGS = 40
#: nodes processed together, so that the four sums stay in the processor's cache
_CHUNK = 8192


def require_population(curvatures: Any, gradients: Any) -> tuple[FloatArray, FloatArray]:
    """Both as float arrays of shape (N,).

    Raises
    ------
    TheoryError
        If they have not the same length, N < 1, or a number is not finite.
    """
    pair = np.asarray(curvatures, dtype=np.float64), np.asarray(gradients, dtype=np.float64)
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape or pair[0].size == 0:
        raise TheoryError(
            f"curvatures and gradients must be two lists of the same length N >= 1; got shapes "
            f"{pair[0].shape} and {pair[1].shape}"
        )
    for name, array in zip(("curvatures", "gradients"), pair, strict=True):
        if not np.isfinite(array).all():
            where = int(np.argmax(~np.isfinite(array)))
            raise TheoryError(f"{name}[{where}] = {array[where]} is not finite: remove that sample")
    return pair


def require_in_range(numbers: Any, factors: FloatArray) -> None:
    """That all ``numbers``, found from products of ``factors`` (samples first), are finite.

    Raises
    ------
    TheoryError
        Otherwise, with the largest factor.
    """
    if not np.isfinite(numbers).all():
        raise TheoryError(
            f"the products over N = {len(factors)} samples leave the range of doubles (|1 - eta h| up to "
            f"{np.abs(factors).max():.4g}): lower the learning rate, or use exact_moments with fractions"
        )


def fixed_batches(values: Any, batch_size: int) -> FloatArray:
    """Means of consecutive batches: the population whose wholes are permuted. Shape (N / S,).

    Raises
    ------
    TheoryError
        If the batches do not divide the samples.
    """
    array = np.asarray(values, dtype=np.float64)
    if not 1 <= batch_size <= array.shape[0] or array.shape[0] % batch_size:
        raise TheoryError(
            f"batch_size = {batch_size} does not divide the {array.shape[0]} samples: drop or add some"
        )
    means: FloatArray = array.reshape(-1, batch_size, *array.shape[1:]).mean(axis=1)
    return means


def moments_of_epoch(
    curvatures: Any, gradients: Any, learning_rate: float, *, square: bool = True
) -> EpochMoments:
    r"""Moments over all N! orders, in double precision, with bounds on their errors.

    Parameters
    ----------
    curvatures, gradients
        :math:`h_n` (of any sign) and :math:`g_n` at displacement 0. Shape (N,). Units:
        loss/parameter² and loss/parameter.
    learning_rate
        :math:`\eta>0`. Unit: parameter²/loss.
    square
        Whether :math:`E[c^2]` is wanted, which costs O(N n²) for n nodes; else it is None.

    Returns
    -------
    The moments. :math:`E[c]` takes at most N/2 nodes, O(N²), usually far fewer. The error bounds are
    the sum of truncation (:mod:`theory.one_epoch.quadrature_error`; none with enough nodes for the
    degree) and of rounding: each factor is off by at most :math:`10\,2^{-53}(1+|a_i|(1+|x_i|))`, and
    :math:`\sum_ie_i\prod_{j\ne i}|f_j|\le4N\prod_i(|f_i|+\frac{e_i}{4N})`.

    Raises
    ------
    TheoryError
        As :func:`require_population`, or if the learning rate is not positive and finite, or the
        products leave the range of doubles.
    """
    h, g = require_population(curvatures, gradients)
    eta = float(learning_rate)
    if not 0 < eta < np.inf:
        raise TheoryError(f"learning_rate = {learning_rate} must be positive and finite")
    a = eta * h
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean, mean_error = _offset(a, g)
        second, second_error = _offset_square(a, g) if square else (0.0, 0.0)
        factor = float(np.prod(1 - a))
    require_in_range([factor, factor * factor, mean, second], 1 - a)
    offset = -eta * mean
    return EpochMoments(
        factor=factor, factor_square=factor * factor, offset=offset, factor_offset=factor * offset,
        offset_square=eta * eta * second if square else None, offset_error=eta * mean_error,
        offset_square_error=eta * eta * second_error,
    )


def _offset(a: FloatArray, g: FloatArray) -> tuple[float, float]:
    r""":math:`\int\sum_lg_l\prod_{i\ne l}(1-ta_i)\,dt` and its error."""

    def bound(rho: float) -> float:
        return log_product_bound(largest_linear(np.ones_like(a), -a, rho), (g,))

    return _single(a, g, bound)


def _single(a: FloatArray, g: FloatArray, bound: Any) -> tuple[float, float]:
    most = exact_nodes(a.size - 1)
    count = min(most, _FIRST)
    room = _room(a)
    while True:
        t, weights = unit_nodes(count)
        value, size = marked_once(_linear(a, t, room), g, t.shape)
        total, scale = float(weights @ value), float(weights @ size)
        wanted = count if scale == 0 else nodes_for(bound, np.log(scale) + _NEGLIGIBLE, most)
        if wanted <= count or not np.isfinite(scale):
            break
        count = wanted
    truncation = 0.0 if count >= most else float(np.exp(log_truncation(bound, count)))
    return total, truncation + (_ROUNDINGS * a.size + count + 8) * _UNIT * scale


def _linear(a: FloatArray, t: FloatArray, room: FloatArray) -> Factor:
    return lambda i: (1 - a[i] * t, float(room[i]))


def _bilinear(a: FloatArray, x: FloatArray, early: FloatArray, late: FloatArray, room: FloatArray) -> Factor:
    return lambda i: (1 - a[i] * (early + x[i] * late), float(room[i]))


def _room(a: FloatArray) -> FloatArray:
    """What the modulus of a factor is raised by, so that errors of all factors together are covered."""
    room: FloatArray = (1 + np.abs(a) * (1 + np.abs(1 - a))) / (4 * a.size)
    return room


def _offset_square(a: FloatArray, g: FloatArray) -> tuple[float, float]:
    r""":math:`E[c^2]/\eta^2` and its error."""
    x = 1 - a
    steep = a * (1 + x)

    def single_bound(rho: float) -> float:
        return log_product_bound(largest_linear(np.ones_like(a), -steep, rho), (g, g))

    same, same_error = _single(steep, g * g, single_bound)
    if a.size == 1:
        return same, same_error
    pair, pair_error = _pairs(a, x, g)
    return same + 2 * pair, same_error + 2 * pair_error


def _pairs(a: FloatArray, x: FloatArray, g: FloatArray) -> tuple[float, float]:
    r""":math:`\iint u\sum_{l\ne m}g_lx_lg_m\prod_{i\ne l,m}(1-ua_i(1+vx_i))\,dv\,du` and its error.

    The truncation is that of the rule in v at the worst u, and in u at the worst v: a modulus that is
    convex in the other time is largest at one of its ends.
    """
    marks = g * x, g
    ends = a, a * (1 + x)

    def bound_u(rho: float) -> float:
        sizes = np.maximum(*(largest_linear(np.ones_like(a), -end, rho) for end in ends))
        return log_product_bound(sizes, marks) + float(np.log((2 + rho + 1 / rho) / 4))

    def bound_v(rho: float) -> float:
        return log_product_bound(largest_linear(1 - a, -a * x, rho), marks)

    most = exact_nodes(a.size - 1)
    count = min(most, _FIRST)
    while True:
        total, scale = _pair_sums(a, x, marks, count)
        target = np.log(scale) + _NEGLIGIBLE if scale > 0 else 0.0
        wanted = count if scale == 0 else max(nodes_for(b, target, most) for b in (bound_u, bound_v))
        if wanted <= count or not np.isfinite(scale):
            break
        count = wanted
    truncation = 0.0
    if count < most:
        truncation = sum(float(np.exp(log_truncation(b, count))) for b in (bound_u, bound_v))
    return total, truncation + (_ROUNDINGS * a.size + 2 * count + 8) * _UNIT * scale


def _pair_sums(
    a: FloatArray, x: FloatArray, marks: tuple[FloatArray, FloatArray], count: int
) -> tuple[float, float]:
    """The double integral on count² nodes, and that of absolute values."""
    nodes, weights = unit_nodes(count)
    u, v = np.repeat(nodes, count), np.tile(nodes, count)
    joint = np.repeat(weights * nodes, count) * np.tile(weights, count)
    room = _room(a)
    total = scale = 0.0
    for start in range(0, u.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        early, late = u[part], u[part] * v[part]
        value, size = marked_twice(_bilinear(a, x, early, late, room), *marks, early.shape)
        total += float(joint[part] @ value)
        scale += float(joint[part] @ size)
    return total, scale

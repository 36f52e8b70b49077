r"""The strict expansion in the size of the fluctuations: what the closure resums, order by order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theory.multiplicative.closure.epoch import Drive
from theory.multiplicative.closure.solve import Closure
from theory.multiplicative.quadratics import FloatArray
from theory.multiplicative.responses import Observer

__all__ = ["Expansion", "expand"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Expansion:
    r"""Coefficients in :math:`\epsilon` for :math:`\epsilon\Delta H_n` and :math:`\epsilon g_n`.

    Attributes
    ----------
    covariances
        Of the weights at one position, averaged over the positions, in orders 2, 3 and 4. Three arrays
        of shape (d, d).
    means
        Of the weights, averaged over the epoch, in orders 2 and 3. Two arrays of shape (d,).
    """

    covariances: tuple[FloatArray, FloatArray, FloatArray]
    means: tuple[FloatArray, FloatArray]


def expand(closure: Closure) -> Expansion:
    r"""Orders 2, 3 and 4 of the stationary covariance, exactly.

    Order 2 is the published law. Order 3 is the third cumulant of the noise of the minimum. Order 4
    has :math:`\overline{\Delta H\,\Gamma\,\Delta H}`, the dressed response, the noise at the shifted
    mean, crossed contractions and fourth cumulants (new here). Equal, coefficient by coefficient, to
    the average over all permutations.
    """
    d, n, m = closure.problem.dimension, len(closure.responses.inject), len(closure.sizes)
    nothing = np.zeros((n, d, n, d))
    second = _stationary(closure, Drive(start=nothing, noise=closure.first_noise()))
    third = _stationary(closure, Drive(start=nothing, noise=closure.third_noise))
    points = closure.epoch.points(second, np.zeros((d, d, m, m)))
    mean = closure.mean_at_start(closure.noise_mean)
    noise = closure.fourth_noise()
    noise.packed += closure.products.covariance(points.packed) * noise.times.pack(closure.pairs)
    closure.add_shifted_noise(noise, mean)
    fourth = _stationary(closure, Drive(start=nothing, noise=noise), remembered=second)
    weights, later = closure.responses.weights(), closure.third_mean()

    def mean_of(start: FloatArray, push: FloatArray) -> FloatArray:
        found: FloatArray = closure.epoch.means(weights, start, push).mean(axis=1)
        return found

    dressing = _dressing(closure, weights, second) / m
    return Expansion(
        covariances=(
            _average(closure, second), _average(closure, third), _average(closure, fourth) + dressing,
        ),
        means=(mean_of(mean, closure.noise_mean), mean_of(closure.mean_at_start(later), later)),
    )


def _stationary(closure: Closure, drive: Drive, remembered: Drive | None = None) -> Drive:
    """The same drive with its stationary start; ``remembered`` is what the response is dressed with."""
    end = closure.responses.end()
    source = closure.epoch.bare(end, end, drive)
    if remembered is not None:
        late = _late(closure, end, remembered)
        source += late + late.transpose(1, 0, 3, 2)
    return replace(drive, start=closure.solve_start(source.transpose(2, 0, 3, 1)))


def _late(closure: Closure, observer: Observer, drive: Drive) -> FloatArray:
    memory = closure.epoch.memory(closure.epoch.bare(observer, closure.responses.points(), drive))
    return np.asarray(observer.noise[:, None] @ memory)


def _dressing(closure: Closure, observer: Observer, drive: Drive) -> FloatArray:
    late = np.einsum("ijtt->ij", _late(closure, observer, drive))
    return np.asarray(late + late.T)


def _average(closure: Closure, drive: Drive) -> FloatArray:
    weights = closure.responses.weights()
    total = np.einsum("ijtt->ij", closure.epoch.bare(weights, weights, drive))
    return np.asarray(total / len(closure.sizes))

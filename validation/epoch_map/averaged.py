r"""Averaged epoch map: the stationary law of reshuffled SGD at any learning rate, by sampling epochs.

Permutations of different epochs are independent, so an epoch is a random affine map
:math:`s\mapsto\Phi s+c`, and at the boundary

.. math:: \mu_0 = \mathbb E[\Phi]\mu_0+\mathbb E[c], \qquad
          P_0 = \mathbb E[\Phi P_0\Phi^\top]+\mathbb E[\Phi\mu_0c^\top]+\mathbb E[c\mu_0^\top\Phi^\top]
          +\mathbb E[cc^\top]

hold exactly. The averages run over sampled permutations; nothing is expanded and nothing relaxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError, UnstableError
from theory.multiplicative import SampleQuadratics
from theory.optimizers.rule import LinearRule
from theory.sampling import SamplingScheme
from validation.epoch_map.average import AveragedMap, maps_of
from validation.epoch_map.control import ControlledMap, KnownMap, controlled_maps_of
from validation.epoch_map.influence import Influence, influence_of
from validation.epoch_map.law import EpochMapLaw
from validation.epoch_map.measure import measure
from validation.epoch_map.orbit import averaged_orbit
from validation.epoch_map.still import has_no_noise, law_without_noise
from validation.epoch_map.system import EpochSystem, FloatArray, embed

__all__ = ["PILOT", "averaged_epoch_map"]

Indices = Callable[[int, int], npt.NDArray[np.int32]]
Progress = Callable[[int, int], None]
#: permutations that say how many are needed
PILOT = 512


def averaged_epoch_map(
    quadratics: SampleQuadratics, rule: LinearRule, scheme: SamplingScheme, *, batch_size: int,
    hyperparameters: Mapping[str, float], standard_error: float = 0.01, seed: int,
    permutations: int | None = None, max_permutations: int = 1_000_000,
    memory_bytes: int = 2_000_000_000, indices: npt.ArrayLike | None = None, control: bool = True,
    progress: Progress | None = None,
) -> EpochMapLaw:
    r"""Stationary moments under the scheme's own permutations, to a requested standard error.

    A pilot of a few hundred permutations says how many are needed; they are then drawn afresh, and
    the pilot is left out, so that the number does not depend on what is averaged. Only where rare
    permutations made the pilot misjudge the spread (reached beyond 1.1 times the request) is the sample
    enlarged, at most twice; the bias of that is of the order of the squared relative error. The result
    says which standard error was reached: a budget may end the sampling earlier. A batch of all samples has
    no noise: the law is zero, and no permutation is drawn.

    Parameters
    ----------
    standard_error
        Requested of the worst direction's variance, relative.
    seed
        0 <= seed < 2**63; the same result for any number of threads, on a machine of any speed: nothing
        here looks at the clock.
    permutations
        Their number, instead of a standard error.
    max_permutations, memory_bytes
        Budgets: of what is drawn after the pilot, enlargements together; and of the maps of a sample,
        which are all kept, (n d)² numbers each.
    indices
        Permutations of your own, each counted once, shape (P, sum of the batch sizes), P >= 2: with all
        of them the result is exact.
    control
        Whether the epoch to second order in the fluctuations, whose average is known exactly, serves
        as a control variate. The result is right with and without; the standard error differs. It is left
        out where too few permutations make no covariance with it: the result's ``control`` says so.
    progress
        Called as ``progress(done, total)``, in permutations and both phases; an exception raised
        there, or an interrupt, ends the run.

    Raises
    ------
    TheoryError
        If an argument is out of range, or the scheme has no permutation per epoch.
    UnstableError
        If the averaged map is not mean-square stable (an estimate).
    NoStationaryLawError
        If a direction without curvature is pushed.
    """
    if not 0 < standard_error < 1:
        raise TheoryError(f"standard_error is relative and must lie in (0, 1); got {standard_error}")
    for name, value, least in (
        ("seed", seed, 0), ("max_permutations", max_permutations, 2),
        ("permutations", 2 if permutations is None else permutations, 2),
    ):
        if int(value) != value or not least <= value < 2**63:
            raise TheoryError(f"{name} must be an integer >= {least} and < 2**63; got {value}")
    system = EpochSystem.of(
        quadratics, rule, scheme, batch_size=batch_size, hyperparameters=hyperparameters
    )
    once = scheme.lasting == "run"
    draw, count = _source(system, indices, seed)
    fits = _fits(system, memory_bytes)
    if has_no_noise(system):
        return law_without_noise(system, seed, once=once)
    count = count or (permutations and int(permutations))
    if count is not None:
        if count > fits:
            raise TheoryError(
                f"{count} permutations need {count * _bytes_of(system):.3g} bytes, more than "
                f"memory_bytes = {memory_bytes:.3g}: ask for at most {fits}"
            )
        return _law(system, draw, count, seed, progress, control, once)
    prepared = _Prepared()
    pilot = _law(system, draw, min(PILOT, fits), seed, None, control, once, prepared)
    later: Indices = lambda first, few: draw(first + pilot.permutations, few)  # noqa: E731
    law, left = pilot, int(max_permutations)
    for _ in range(3):
        worst = float(law.relative_standard_error.max()) / standard_error
        wanted = max(PILOT, float(np.ceil(1.1 * law.permutations * worst**2)))
        count = int(max(2, min(wanted, left, fits)))
        if law is not pilot and (worst <= 1.1 or count <= law.permutations):
            break
        law = _law(system, later, count, seed, progress, control, once, prepared)
        left -= count
    return law


@dataclass
class _Prepared:
    """What the pilot found and the main sample of a large state uses again."""

    closed: KnownMap | None = None
    influence: Influence | None = None


def _fits(system: EpochSystem, memory_bytes: int) -> int:
    """How many maps the memory holds."""
    return max(2, int(memory_bytes // _bytes_of(system)))


def _bytes_of(system: EpochSystem) -> int:
    """The map of one permutation, and its part of first order."""
    return 16 * (system.entries * system.dimension) ** 2


def _source(
    system: EpochSystem, indices: npt.ArrayLike | None, seed: int
) -> tuple[Indices, int | None]:
    """Where permutations come from, and how many there are if that is fixed.

    Raises
    ------
    TheoryError
        If given indices are no samples, have the wrong shape or are fewer than two permutations.
    """
    if indices is None:
        return lambda first, few: system.indices(seed, first, few), None
    given = np.asarray(indices)
    used = int(system.sizes.sum())
    if given.ndim != 2 or given.shape[1] != used:
        raise TheoryError(f"indices must have shape (permutations, {used}); got {given.shape}")
    if len(given) < 2:
        raise TheoryError(
            f"indices hold {len(given)} permutations, but the standard error needs at least 2: give more, "
            "or none and let them be drawn"
        )
    if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= system.samples:
        raise TheoryError(f"indices must be whole numbers in 0..{system.samples - 1}")
    rows = given.astype(np.int32)
    return lambda first, few: rows[first : first + few], len(rows)


def _law(
    system: EpochSystem, draw: Indices, count: int, seed: int, progress: Progress | None, control: bool,
    once: bool, prepared: _Prepared | None = None,
) -> EpochMapLaw:
    """Both phases over ``count`` permutations."""
    done = 0

    def step(few: int) -> None:
        nonlocal done
        done += few
        if progress is not None:
            progress(done, 2 * count)

    prepared = prepared or _Prepared()
    if once:
        return averaged_orbit(system, draw, count, seed=seed, progress=step)
    average = (
        controlled_maps_of(system, draw, count, progress=step, closed=prepared.closed)
        if control else maps_of(system, draw, count, progress=step)
    )
    if isinstance(average, ControlledMap):
        prepared.closed = average.closed
    radius = average.spectral_radius
    if not radius < 1:
        raise UnstableError(
            f"no stationary law: over one epoch the mean square grows by {radius:.6g} (estimated from "
            f"{count} permutations), not below 1: beyond the mean-square limit. The mean alone still "
            "converges. Lower the learning rate or raise the batch size"
        )
    second = average.solve(average.source)
    residual = average.residual(second)
    try:
        start, second = boundary_columns(average, second, radius)
    except UnstableError:
        if not control:
            raise
        # known minus sampled truncation can lose positivity; a plain average of maps cannot
        return _law(system, draw, count, seed, progress, False, once)
    if prepared.influence is None or average.few is average or not control:
        prepared.influence = influence_of(average, draw)
    found = measure(average, second, start, prepared.influence, draw, step)
    unit = system.unit
    return EpochMapLaw(
        second_moment=embed(system, found.moments[0]) * unit**2,
        velocity=embed(system, found.moments[1]) * unit**2,
        weight_velocity=embed(system, found.moments[2]) * unit**2,
        variance=embed(system, found.variance) * unit**2,
        mean=embed(system, found.mean) * unit, by_position=embed(system, found.positions) * unit**2,
        standard_error=embed(system, found.variance_spread) * unit**2,
        mean_standard_error=embed(system, found.mean_spread) * unit,
        permutations=count, seed=seed, spectral_radius=radius, residual=residual,
        variance_reduction=embed(system, found.reduction), control=isinstance(average, ControlledMap),
    )


def boundary_columns(
    average: AveragedMap, second: FloatArray, radius: float
) -> tuple[FloatArray, FloatArray]:
    r"""[R, mu_0] with :math:`RR^\top=P_0-\mu_0\mu_0^\top`, in the units of the system.

    Shape (1, n, d, columns); and :math:`P_0` as it then is, in the units of ``average``: where
    sampling made an eigenvalue slightly negative, it is left out.

    Raises
    ------
    UnstableError
        If the solution is no covariance.
    """
    cov = second - np.outer(average.mean, average.mean)
    size = np.sqrt(np.maximum(np.diag(cov), 0.0))
    size = np.where(size > 1e-9 * size.max(initial=0.0), size, 1.0)
    values, vectors = np.linalg.eigh(cov / np.outer(size, size))
    if not values[0] > -0.05:
        raise UnstableError(
            f"no stationary law: the averaged epoch map (radius {radius:.6g}, an estimate) has no "
            "positive solution. Lower the learning rate, or draw more permutations"
        )
    kept = values > 1e-14 * values[-1]
    root = size[:, None] * vectors[:, kept] * np.sqrt(values[kept])
    columns = average.scales[:, None] * np.column_stack([root, average.mean])
    n, d = average.system.entries, average.system.dimension
    second = root @ root.T + np.outer(average.mean, average.mean)
    return np.ascontiguousarray(columns.reshape(1, n, d, -1)), second

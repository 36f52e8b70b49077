r"""Mean-square limit of reshuffled epochs: where the averaged epoch map has spectral radius one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.optimizers.rule import LinearRule
from theory.sampling import SamplingScheme
from validation.epoch_map.average import maps_of
from validation.epoch_map.system import EpochSystem

__all__ = ["EpochMeanSquareLimit", "mean_square_limit_of_epochs"]


@dataclass(frozen=True, kw_only=True)
class EpochMeanSquareLimit:
    """Learning rate at which the mean square stops settling, estimated from ``permutations``.

    ``standard_error`` is that of ``learning_rate`` over the choice of the permutations. Both have the
    unit parameter² / loss.
    """

    learning_rate: float
    standard_error: float
    permutations: int
    seed: int


def mean_square_limit_of_epochs(
    quadratics: SampleQuadratics, rule: LinearRule, scheme: SamplingScheme, *, batch_size: int,
    hyperparameters: Mapping[str, float], seed: int, permutations: int = 500,
    tolerance: float = 1e-4, progress: Callable[[float, float], None] | None = None,
) -> EpochMeanSquareLimit:
    r"""Smallest bracketed learning rate with :math:`\rho(P\mapsto\mathbb E[\Phi P\Phi^\top])=1`.

    The same permutations serve every learning rate, so the radius is a smooth function of it. The
    learning rate in ``hyperparameters``, if any, is only where the search begins.

    Parameters
    ----------
    tolerance
        Relative, of the search; the choice of permutations adds ``standard_error``.
    progress
        Called as ``progress(learning_rate, radius)``.

    Raises
    ------
    TheoryError
        If the scheme has no permutation per epoch, or no limit is found within ten decades.
    AccuracyError
        If a spectral radius is not found.
    """
    if scheme.lasting != "epoch":
        raise TheoryError(f"{scheme.name!r} does not reshuffle: the limit is that of each permutation")
    cache: dict[float, tuple[float, float]] = {}

    def radius(rate: float) -> tuple[float, float]:
        """Radius and its standard error; the maps are not kept."""
        if rate not in cache:
            system = EpochSystem.of(
                quadratics, rule, scheme, batch_size=batch_size,
                hyperparameters={**hyperparameters, "learning_rate": rate},
            )
            average = maps_of(system, lambda a, n: system.indices(seed, a, n), permutations)
            cache[rate] = average.top_pair[0], average.radius_spread
            if progress is not None:
                progress(rate, cache[rate][0])
        return cache[rate]

    def excess(rate: float) -> float:
        return math.log(max(radius(rate)[0], 1e-300))

    low = high = float(hyperparameters.get("learning_rate", 0.1 / np.abs(quadratics.curvatures).max()))
    for _ in range(34):
        if excess(low) < 0:
            break
        low, high = low / 2, low
    else:
        raise TheoryError(f"no learning rate down to {low:.3g} is mean-square stable")
    while excess(high) < 0:
        low, high = high, 2 * high
        if len(cache) > 34:
            raise TheoryError(f"mean-square stable up to learning_rate = {high:.3g}: no limit found")
    while high > (1 + tolerance) * low:
        a, b = excess(low), excess(high)
        inside = (low * b - high * a) / (b - a) if b < 2 else math.sqrt(low * high)
        inside = min(max(inside, low + 0.05 * (high - low)), high - 0.05 * (high - low))
        low, high = (inside, high) if excess(inside) < 0 else (low, inside)
    slope = (excess(high) - excess(low)) / (high - low)
    spread = radius(low)[1]
    return EpochMeanSquareLimit(
        learning_rate=(low + high) / 2, standard_error=spread / max(slope, 1e-300),
        permutations=permutations, seed=seed,
    )

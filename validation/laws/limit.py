"""The mean-square limit of independent batches, for comparison with the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theory.errors import TheoryError, UnstableError
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.mean_limit import mean_limit
from theory.multiplicative.mean_square_limit import mean_square_limit
from theory.multiplicative.quick_mean_square_limit import quick_mean_square_limit
from theory.optimizers import sgd
from theory.sampling import fresh_batches
from validation.laws.law import Run

if TYPE_CHECKING:
    from validation.epoch_map.limit import EpochMeanSquareLimit

__all__ = ["beyond_the_limit", "limit_of_epochs", "mean_square_limit_of_batches"]

#: multiplications a second of its products with the samples, a few and many
_SPEED, _MANY_SPEED = 3e9, 1.5e10
#: products with the samples that the limit takes, roughly: in full, and by bounds
_PRODUCTS, _FEW_PRODUCTS = 1600.0, 150.0
#: permutations for the limit of epochs, and learning rates that are tried, roughly
_PERMUTATIONS, _RADII = 200, 12
#: least that an epoch must take off the second moment of the flattest direction
_SETTLES = 1e-3


def mean_square_limit_of_batches(run: Run) -> float | None:
    """Learning rate below which independent batches of this size have a finite second moment.

    For schemes with independent steps their own limit, otherwise that of fresh batches: a permutation
    per epoch has a limit of its own (:func:`limit_of_epochs`), which may be far lower where few, unequal
    batches make an epoch. To 1e-4; where that would take longer than the run may, to 1e-3 by bounds; None
    where that would as well.
    """
    n, r, d = run.problem.factors.shape
    size = float(n * r * d * d)
    full = _PRODUCTS * size <= _SPEED * run.seconds
    if not full and _FEW_PRODUCTS * size > _MANY_SPEED * run.seconds:
        return None
    scheme = run.scheme if run.scheme.lasting in ("sample", "batch") else fresh_batches()
    steps = IndependentSteps(
        quadratics=run.problem, rule=run.rule, scheme=scheme, batch_size=run.batch_size,
        hyperparameters=run.hyperparameters,
    )
    if full or run.rule is sgd():
        return mean_square_limit(steps, accuracy=1e-4).learning_rate
    return quick_mean_square_limit(steps, accuracy=1e-3)


def limit_of_epochs(run: Run) -> EpochMeanSquareLimit | None:
    """The limit of a permutation per epoch, where a tenth of the nominal time is enough for it.

    None as well where the flattest direction alone hardly settles in an epoch: a radius that is one to
    rounding at every learning rate tells no limit.
    """
    if run.scheme.lasting != "epoch":
        return None
    from validation.epoch_map import mean_square_limit_of_epochs
    from validation.epoch_map.cost import epoch_cost

    n, r, d = run.problem.factors.shape
    cost = epoch_cost(
        samples=n, rank=r, dimension=d, entries=len(run.numeric.inject), sizes=run.sizes, once=False
    )
    if _RADII * _PERMUTATIONS * cost.each > run.seconds / 10:
        return None
    start = run.rate if run.mean_square_limit is None else run.mean_square_limit
    values = {**run.hyperparameters, "learning_rate": start}
    flattest = run.rule.numeric(values).transitions(run.problem.curvatures[-1:])
    if 1 - np.abs(np.linalg.eigvals(flattest)).max() ** (2 * len(run.sizes)) < _SETTLES:
        return None
    try:
        return mean_square_limit_of_epochs(
            run.problem, run.rule, run.scheme, batch_size=run.batch_size, seed=run.seed,
            hyperparameters=values, permutations=_PERMUTATIONS, tolerance=3e-3,
        )
    except TheoryError:  # no limit within ten decades, or no radius found
        return None


def beyond_the_limit(run: Run, found: TheoryError | None) -> UnstableError:
    """What to raise where a law was sought and not found: the learning rate beside its limits."""
    rate = run.rate
    curvatures = run.problem.curvatures
    most = mean_limit(run.rule, run.hyperparameters, curvatures[curvatures != 0])
    limit = run.mean_square_limit
    independent = "" if limit is None else (
        f"; with independent batches the mean-square limit is {limit:.6g}"
    )
    own = run.epoch_limit
    if own is not None:
        independent += f", with these epochs {own.learning_rate:.4g} +- {own.standard_error:.1g}"
    both = "the mean may still converge" if rate < most else "nor does the mean converge"
    whose = "" if run.scheme.lasting in ("sample", "batch") else "with independent batches "
    return UnstableError(
        f"no stationary variance: learning_rate = {rate:.6g} is beyond, or too near, the mean-square "
        f"stability limit of {run.rule.name} on these samples with {run.scheme.name} batches of "
        f"{run.batch_size}{independent}; {both} ({whose}its limit is {most:.6g}). Lower the learning rate or "
        "raise the batch size" + ("" if found is None else f". Found: {found}")
    )

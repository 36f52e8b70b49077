"""The mean-square limit of independent batches, for comparison with the learning rate."""

from __future__ import annotations

from theory.errors import TheoryError, UnstableError
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.mean_limit import mean_limit
from theory.multiplicative.mean_square_limit import mean_square_limit
from theory.multiplicative.quick_mean_square_limit import quick_mean_square_limit
from theory.optimizers import sgd
from theory.sampling import fresh_batches
from validation.laws.law import Run

__all__ = ["beyond_the_limit", "mean_square_limit_of_batches"]

#: multiplications a second of its products with the samples, a few and many
_SPEED, _MANY_SPEED = 3e9, 1.5e10
#: products with the samples that the limit takes, roughly: in full, and by bounds
_PRODUCTS, _FEW_PRODUCTS = 1600.0, 150.0


def mean_square_limit_of_batches(run: Run) -> float | None:
    """Learning rate below which independent batches of this size have a finite second moment.

    For schemes with independent steps their own limit, otherwise that of fresh batches: a permutation
    per epoch has a limit of its own, not far from it. To 1e-4; where that would take longer than the run
    may, to 1e-3 by bounds; None where that would as well.
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


def beyond_the_limit(run: Run, found: TheoryError | None) -> UnstableError:
    """What to raise where a law was sought and not found: the learning rate beside its limits."""
    rate = run.rate
    curvatures = run.problem.curvatures
    most = mean_limit(run.rule, run.hyperparameters, curvatures[curvatures != 0])
    limit = run.mean_square_limit
    independent = "" if limit is None else (
        f"; with independent batches the mean-square limit is {limit:.6g}"
    )
    both = "the mean may still converge" if rate < most else "nor does the mean converge"
    return UnstableError(
        f"no stationary variance: learning_rate = {rate:.6g} is beyond, or too near, the mean-square "
        f"stability limit of {run.rule.name} on these samples with {run.scheme.name} batches of "
        f"{run.batch_size}{independent}; {both} (its limit is {most:.6g}). Lower the learning rate or "
        "raise the batch size" + ("" if found is None else f". Found: {found}")
    )

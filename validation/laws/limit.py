"""The mean-square limit of independent batches, for comparison with the learning rate."""

from __future__ import annotations

from theory.errors import TheoryError, UnstableError
from theory.sampling import fresh_batches
from validation.laws.law import Run

__all__ = ["beyond_the_limit", "mean_square_limit_of_batches"]

#: multiplications a second of its products with the samples
_SPEED = 3e9
#: products with the samples that the limit takes, roughly
_PRODUCTS = 400.0


def mean_square_limit_of_batches(run: Run) -> float | None:
    """Learning rate below which independent batches of this size have a finite second moment.

    For schemes with independent steps their own limit, otherwise that of fresh batches: a permutation
    per epoch has a limit of its own, not far from it. None where it would take longer than the run may.
    """
    from theory.multiplicative.independent_steps import IndependentSteps
    from theory.multiplicative.mean_square_limit import mean_square_limit

    n, r, d = run.problem.factors.shape
    if 4.0 * _PRODUCTS * n * r * d * d > _SPEED * run.seconds:
        return None
    scheme = run.scheme if run.scheme.lasting in ("sample", "batch") else fresh_batches()
    found = mean_square_limit(
        IndependentSteps(
            quadratics=run.problem, rule=run.rule, scheme=scheme, batch_size=run.batch_size,
            hyperparameters=run.hyperparameters,
        ),
        accuracy=1e-4,
    )
    return found.learning_rate


def beyond_the_limit(run: Run, found: TheoryError | None) -> UnstableError:
    """What to raise where a law was sought and not found: the learning rate beside its limits."""
    from theory.multiplicative.mean_limit import mean_limit

    rate = run.hyperparameters["learning_rate"]
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
        f"raise the batch size. Found: {found}"
    )

"""The mean-square limit of independent batches, for comparison with the learning rate."""

from __future__ import annotations

from theory.sampling import fresh_batches
from validation.laws.law import Run

__all__ = ["mean_square_limit_of_batches"]

#: multiplications above which the limit is not worth its time
_MOST = 4e12
#: products with the samples that the limit takes, roughly
_PRODUCTS = 400.0


def mean_square_limit_of_batches(run: Run) -> float | None:
    """Learning rate below which independent batches of this size have a finite second moment.

    For schemes with independent steps their own limit, otherwise that of fresh batches: a permutation
    per epoch has a limit of its own, not far from it. None where it would take too long.
    """
    from theory.multiplicative.independent_steps import IndependentSteps
    from theory.multiplicative.mean_square_limit import mean_square_limit

    n, r, d = run.problem.factors.shape
    if 4.0 * _PRODUCTS * n * r * d * d > _MOST:
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

"""What every method is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.multiplicative.quadratics import FloatArray
from theory.optimizers import LinearRule
from theory.optimizers.rule import NumericRule
from theory.sampling import SamplingScheme

if TYPE_CHECKING:
    from validation.epoch_map.limit import EpochMeanSquareLimit

__all__ = ["SECONDS", "Method", "Progress", "Run", "WeightLaw", "require_its_weight_decay"]

#: nominal seconds that a law may take if nobody says otherwise
SECONDS = 25.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """SGD on given samples, at numbers.

    Attributes
    ----------
    problem, rule, scheme, batch_size
        As everywhere.
    hyperparameters
        ``learning_rate`` and the rule's own.
    accuracy
        Relative error of the variances that is asked for.
    seconds
        Nominal time that may be spent: counted operations over the speed of one ordinary core, so that
        the result does not depend on how busy this one is.
    seed
        Of methods that draw permutations.
    progress
        Called by them as ``progress(done, total)``.

    Raises
    ------
    TheoryError
        If a weight decay is not the problem's.
    """

    problem: SampleQuadratics
    rule: LinearRule
    scheme: SamplingScheme
    batch_size: int
    hyperparameters: Mapping[str, float]
    accuracy: float = 0.01
    seconds: float = SECONDS
    seed: int = 0
    progress: Progress | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_its_weight_decay(self.problem, self.hyperparameters)

    @cached_property
    def numeric(self) -> NumericRule:
        """The rule's matrices."""
        return self.rule.numeric(self.hyperparameters)

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self.hyperparameters["learning_rate"])

    @cached_property
    def mean_square_limit(self) -> float | None:
        """See :func:`validation.laws.limit.mean_square_limit_of_batches`."""
        from validation.laws.limit import mean_square_limit_of_batches

        return mean_square_limit_of_batches(self)

    @cached_property
    def epoch_limit(self) -> EpochMeanSquareLimit | None:
        """See :func:`validation.laws.limit.limit_of_epochs`."""
        from validation.laws.limit import limit_of_epochs
        from validation.laws.moving import moving_run

        return limit_of_epochs(moving_run(self))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Batch sizes of an epoch, by position."""
        return self.scheme.batch_sizes(self.problem.samples, self.batch_size)


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightLaw:
    r"""Stationary law of the weights, averaged over the epoch, in the eigenbasis of H.

    Attributes
    ----------
    method, order
        How it was found, and what it is exact to.
    covariance
        About the mean. Shape (d, d). Unit: parameter².
    mean
        Displacement from the minimum. Shape (d,). Unit: parameter.
    velocity_variances
        :math:`\langle v_i^2\rangle`. Shape (d,). Unit: parameter².
    relative_error_estimate
        Of the variances: the estimated size of what is left out, or three standard errors of what was
        sampled. Shape (d,).
    mean_error_estimate
        Of the mean, the same. Shape (d,). Unit: parameter.
    figures
        What the method has to say: iterations, permutations, ... and its cost, ``nominal_seconds``.
    noise_autocovariance
        Of the batch noise at the weights, :math:`\xi_k+\Delta H_ky_{k-1}`, by lag and direction, averaged
        over the position, steps of one epoch only. Shape (M, d); None where the method does not give
        it. Unit: (loss / parameter)².
    """

    method: str
    order: str
    covariance: FloatArray
    mean: FloatArray
    velocity_variances: FloatArray
    relative_error_estimate: FloatArray
    mean_error_estimate: FloatArray
    figures: Mapping[str, float | int]
    noise_autocovariance: FloatArray | None = None

    @property
    def variances(self) -> FloatArray:
        """Shape (d,). Unit: parameter²."""
        return np.diag(self.covariance).copy()

    @property
    def second_moments(self) -> FloatArray:
        """About the minimum. Shape (d,). Unit: parameter²."""
        out: FloatArray = np.diag(self.covariance) + self.mean**2
        return out

    @property
    def worst(self) -> float:
        """Largest relative error estimate."""
        return float(self.relative_error_estimate.max(initial=0.0))


class Method(Protocol):
    """One way to the law."""

    @property
    def name(self) -> str:
        """Permanent name."""

    @property
    def order(self) -> str:
        """What it is exact to."""

    def covers(self, run: Run) -> bool:
        """Whether it knows this sampling scheme."""

    def cost(self, run: Run) -> float:
        """Nominal seconds on one core; of sampled permutations the fewest that give an error estimate."""

    def solve(self, run: Run) -> WeightLaw:
        """The law."""


def require_its_weight_decay(problem: SampleQuadratics, hyperparameters: Mapping[str, Any]) -> None:
    """The rule must decay weights as the problem does, whose minimum depends on it.

    Raises
    ------
    TheoryError
        If it does not.
    """
    decay = float(hyperparameters.get("weight_decay", 0))
    if decay != problem.weight_decay:
        raise TheoryError(
            f"weight_decay is {decay} in the hyperparameters but {problem.weight_decay} in the "
            "problem, whose minimum depends on it; give both the same"
        )

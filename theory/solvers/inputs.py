"""Read and check what a solver is given; everything in exact fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from theory import symbols
from theory.errors import TheoryError, require_known
from theory.numbers import exact_number
from theory.optimizers.rule import LinearRule
from theory.sampling.scheme import SamplingScheme
from theory.solvers.noise_memory import integer, split_noise, steps_of
from theory.solvers.rational import Rows
from theory.solvers.side import Side, build_side

__all__ = ["Quantity", "SolverInput", "read_input"]

Quantity = Literal[
    "weight-variance", "velocity-variance", "weight-velocity-covariance",
    "velocity-weight-covariance",
]

_SECOND_VELOCITY = ("velocity-variance", "weight-velocity-covariance")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SolverInput:
    """Two modes and the noise that drives them.

    ``independent`` is the part of the noise covariance that is drawn afresh in every epoch,
    ``persistent`` the part that stays for the whole run: within an epoch the covariance is their
    sum, across epochs ``persistent`` alone. Shape (M, M) each, in units of ``noise_variance``.
    """

    left: Side
    right: Side
    independent: Rows
    persistent: Rows
    steps: int
    lag: int
    position: int | None
    noise_variance: Fraction

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions to average over."""
        return (self.position,) if self.position else tuple(range(1, self.steps + 1))


def read_input(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any], quantity: Quantity,
    lag: int, position: int | None,
) -> SolverInput:
    """Check the hyperparameters and build the modes.

    Raises
    ------
    TheoryError
        For missing, unknown or impossible values, and noise with another memory than one epoch or
        the whole run.
    UnstableError
        Outside the stability region.
    """
    require_known(quantity, get_args(Quantity), "quantity")
    own = (symbols.learning_rate, *rule.parameters)
    known = {*symbols.PARAMETERS, *(s.name for s in own)} - {"lag", "position"}
    numbers = {
        require_known(name, known, "hyperparameter (lag and position are keyword arguments)"):
        exact_number(name, value) for name, value in values.items()
    }
    missing = [s.name for s in (*own, symbols.curvature) if s.name not in numbers]
    if missing:
        raise TheoryError(f"rule {rule.name!r} needs {', '.join(missing)}")
    variance = numbers.get("noise_variance", Fraction(1))
    if not variance >= 0:
        raise TheoryError(f"noise_variance must not be negative; got {float(variance):.6g}")
    steps = steps_of(scheme, numbers)
    if not 0 <= lag == int(lag):
        raise TheoryError(f"lag must be an integer >= 0; got {lag} (swap the modes instead)")
    if position is not None and not 1 <= position <= steps:
        raise TheoryError(f"position must lie in 1..{steps} (steps_per_epoch); got {position}")
    point = {s: numbers[s.name] for s in own}
    first = "velocity" if quantity.startswith("velocity") else "weights"
    second = "velocity" if quantity in _SECOND_VELOCITY else "weights"
    curvature = numbers["curvature"]
    other = numbers.get("second_curvature", curvature)
    left = build_side(rule, point, curvature, first, "curvature")
    same = other == curvature and first == second
    right = left if same else build_side(rule, point, other, second, "second_curvature")
    independent, persistent = split_noise(
        scheme, steps, *(integer(numbers, n) for n in ("samples", "batch_size"))
    )
    return SolverInput(
        left=left, right=right, independent=independent, persistent=persistent, steps=steps,
        lag=int(lag), position=position, noise_variance=variance,
    )

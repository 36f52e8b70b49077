"""Any quantity of :data:`theory.QUANTITIES` by any solver: names, positions and lags translated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from theory.errors import NoStationaryLawError, TheoryError
from theory.optimizers.rule import LinearRule
from theory.sampling.scheme import SamplingScheme
from theory.solvers.epoch_lifted import solve_epoch_lifted
from theory.solvers.inputs import Quantity
from theory.solvers.result import SolverResult
from theory.solvers.spectral_integral import solve_spectral_integral

__all__ = ["NotCoveredError", "Solver", "exact_noise_autocovariance", "solve_by_name"]

Solver = Callable[..., SolverResult]

_MOMENTS: Mapping[str, Quantity] = {
    "weight-variance": "weight-variance",
    "velocity-variance": "velocity-variance",
    "weight-velocity-covariance": "weight-velocity-covariance",
    "weight-covariance": "weight-variance",
    "velocity-covariance": "velocity-variance",
    "weight-autocovariance": "weight-variance",
    "weight-autocovariance-beyond": "weight-variance",
}


class NotCoveredError(TheoryError):
    """A solver does not compute this quantity; the message says why."""


def solve_by_name(
    rule: LinearRule, scheme: SamplingScheme, quantity: str, point: Mapping[str, Any],
    solve: Solver = solve_epoch_lifted,
) -> Any:
    """A named quantity at a point: a Fraction from the exact solver, else a float.

    Parameters
    ----------
    point
        Values by name, ``lag`` and ``position`` among them where the quantity has them.
    solve
        One of the solvers of this package.

    Raises
    ------
    NotCoveredError
        If the solver has no such quantity.
    UnstableError, TheoryError
        As the solver.
    """
    if quantity == "noise-autocovariance":
        return exact_noise_autocovariance(scheme, point)
    if quantity.endswith("spectrum"):
        raise NotCoveredError("a spectrum at a frequency is no moment; the solvers compute moments")
    flat = quantity.startswith("flat-")
    name = quantity.removeprefix("flat-")
    if name == "correlation-time":
        over = _moment(rule, scheme, point, solve, "weight-variance", flat)
        return 2 * over / _moment(rule, scheme, point, solve, "velocity-variance", flat)
    if name == "loss-fluctuation":
        variance = _moment(rule, scheme, point, solve, "weight-variance", flat)
        return variance * point["curvature"] / 2
    return _moment(rule, scheme, point, solve, name, flat)


def _moment(
    rule: LinearRule, scheme: SamplingScheme, point: Mapping[str, Any], solve: Solver, name: str,
    flat: bool,
) -> Any:
    values = {k: v for k, v in point.items() if k not in ("lag", "position", "frequency")}
    values |= {"curvature": 0} if flat else {}
    values.setdefault("steps_per_epoch", 1)
    values.setdefault("learning_rate", 1)
    position = point.get("position")
    if name.endswith("-at-last-position"):
        position = values["steps_per_epoch"]
    base = name.removeprefix("cross-").removesuffix("-at-last-position").removesuffix("-at-position")
    options: dict[str, Any] = {"lag": int(point.get("lag", 0))}
    if position is not None:
        if solve is solve_spectral_integral:
            raise NotCoveredError("a spectrum averages over the epoch; it knows no position")
        options["position"] = int(position)
    try:
        result = solve(rule, scheme, values, _MOMENTS.get(base, base), **options)
    except NoStationaryLawError as error:
        if flat:
            raise NotCoveredError("this solver needs positive curvature") from error
        raise
    return result.value


def exact_noise_autocovariance(scheme: SamplingScheme, point: Mapping[str, Any]) -> Fraction:
    """By definition: the average over the epoch of the exact noise covariance."""
    steps, lag = int(point["steps_per_epoch"]), int(point["lag"])
    covariance = scheme.noise_covariance(
        steps, samples=_maybe_int(point.get("samples")), batch_size=_maybe_int(point.get("batch_size")),
        epochs=2 + lag // steps,
    )
    total = sum((covariance[k + lag][k] for k in range(steps)), Fraction(0))
    return total / steps * Fraction(point["noise_variance"])


def _maybe_int(value: Any) -> int | None:
    return None if value is None else int(value)

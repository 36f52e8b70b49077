"""Very large or small data in units of their own, so that no square overflows on the way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from theory.errors import UnstableError
from theory.multiplicative import SampleQuadratics
from validation.laws.law import Method, Run, WeightLaw

__all__ = ["solve_in_units"]

#: binary exponents of curvature and gradient up to which nothing is rescaled
_PLAIN = 100


def solve_in_units(method: Method, run: Run) -> WeightLaw:
    r"""The method's law; data far from one are measured in powers of two, which round nothing.

    With curvatures in units h and parameters in units u, gradients are in units hu and

    .. math:: \eta\to h\eta,\quad \rho\to\rho/h,\quad \Sigma\to\Sigma/u^2 .

    Raises
    ------
    UnstableError
        As the method; with the unit, if learning rates in the message are not the user's.
    """
    h, u = _exponents(run.problem)
    if max(abs(h), abs(u)) <= _PLAIN or not run.rule.scales:
        return method.solve(run)
    values = dict(run.hyperparameters)
    values["learning_rate"] = math.ldexp(values["learning_rate"], h)
    if "weight_decay" in values:
        values["weight_decay"] = math.ldexp(values["weight_decay"], -h)
    try:
        law = method.solve(replace(run, problem=_scaled(run.problem, h, u), hyperparameters=values))
    except UnstableError as error:
        raise UnstableError(
            f"{error} (learning rates are here in units of {math.ldexp(1.0, -h):.4g}, that of the "
            "largest curvature)"
        ) from None
    noise = law.noise_autocovariance
    return replace(
        law, noise_autocovariance=None if noise is None else np.ldexp(noise, 2 * (h + u)),
        covariance=np.ldexp(law.covariance, 2 * u), mean=np.ldexp(law.mean, u),
        velocity_variances=np.ldexp(law.velocity_variances, 2 * u),
        mean_error_estimate=np.ldexp(law.mean_error_estimate, u),
    )


def _exponents(problem: SampleQuadratics) -> tuple[int, int]:
    """Of curvature, even, and of the parameters: gradient over curvature."""
    curvature, gradient = np.abs(problem.curvatures).max(), np.abs(problem.gradients).max()
    h = 2 * (math.frexp(curvature)[1] // 2)
    return h, math.frexp(gradient)[1] - h if gradient > 0 else 0


def _scaled(problem: SampleQuadratics, h: int, u: int) -> SampleQuadratics:
    return SampleQuadratics(
        factors=np.ldexp(problem.factors, -h // 2), signs=problem.signs,
        gradients=np.ldexp(problem.gradients, -h - u), curvatures=np.ldexp(problem.curvatures, -h),
        directions=problem.directions, minimum=np.ldexp(problem.minimum, -u),
        weight_decay=math.ldexp(problem.weight_decay, -h),
    )

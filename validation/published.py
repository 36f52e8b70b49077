"""The published theory on given samples: closed forms with the noise of the minimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from theory import symbols
from theory.errors import UnstableError
from theory.law import stationary_law
from theory.matrix_law.hyperparameters import read_hyperparameters
from theory.multiplicative import SampleQuadratics
from theory.multiplicative.mean_limit import mean_limit
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme, fresh_batches
from validation.laws.law import require_its_weight_decay
from validation.regression import FloatArray

__all__ = ["Published", "crossover_curvature", "published_law"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Published:
    """What the closed forms say, direction by direction."""

    hyperparameters: Mapping[str, float]
    steps: int
    noise: FloatArray
    variances: FloatArray
    velocities: FloatArray
    white: FloatArray
    limit: float
    crossover: float | None
    note: str


def published_law(
    problem: SampleQuadratics, rule: LinearRule, scheme: SamplingScheme, batch_size: int,
    hyperparameters: Mapping[str, float],
) -> Published:
    """Evaluate them; errors as :func:`validation.predict.predict`."""
    n = problem.samples
    steps = scheme.steps_per_epoch(n, batch_size)
    values: dict[str, Any] = dict(hyperparameters)
    epoch = {"steps_per_epoch": steps, "samples": n, "batch_size": batch_size}
    exact = read_hyperparameters(rule, scheme, {**values, **epoch}).values
    require_its_weight_decay(problem, exact)
    curvatures = problem.curvatures
    factor = float(scheme.variance_factor(n, batch_size)) * n / (n - 1)
    noise = factor * np.diag(problem.gradient_covariance)
    limit = mean_limit(rule, exact, curvatures)
    rate = float(exact["learning_rate"])
    if not rate < limit:
        raise UnstableError(
            f"no stationary law: learning_rate = {rate:.6g} is not below {limit:.6g}, the stability "
            f"limit of {rule.name} in the steepest direction (curvature {curvatures[0]:.6g}). Lower "
            "the learning rate"
        )
    crossover, note = crossover_curvature(
        rule, scheme, exact, steps, samples=n, batch_size=batch_size
    )
    return Published(
        hyperparameters={name: float(v) for name, v in exact.items()}, steps=steps, noise=noise,
        variances=_variances(rule, scheme, values, epoch, curvatures, noise),
        velocities=_variances(rule, scheme, values, epoch, curvatures, noise, velocity=True),
        white=_variances(rule, fresh_batches(), values, epoch, curvatures, noise), limit=limit,
        crossover=crossover, note=note,
    )


def _variances(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any],
    epoch: Mapping[str, int], curvatures: FloatArray, noise: FloatArray, *, velocity: bool = False,
) -> FloatArray:
    """The weight (or velocity) variance of every direction; 0 where there is no noise."""
    out = np.zeros(curvatures.shape)
    noisy = noise > 0
    if noisy[curvatures == 0].any():  # who stays bounded there, the matrix law decides
        from theory.matrix_law import covariance

        needed = {**values, **{s.name: epoch[s.name] for s in scheme.parameters}}
        full = covariance(
            rule, scheme, np.diag(curvatures), np.diag(noise), needed,
            quantity="velocity" if velocity else "weights",
        )
        return np.diag(full).copy()
    if noisy.any():
        laws = stationary_law(rule, scheme)
        law = laws.velocity_variance if velocity else laws.weight_variance
        own = {s.name for s in law.parameters}
        out[noisy] = law.evaluate(
            **{name: v for name, v in {**values, **epoch}.items() if name in own},
            curvature=curvatures[noisy], noise_variance=noise[noisy],
        )
    return out


def crossover_curvature(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Fraction], steps: int,
    *, samples: int | None = None, batch_size: int | None = None,
) -> tuple[float | None, str]:
    r"""Curvature at which the flat law meets the white one, and why there is none otherwise.

    In a flat direction the slow pole is :math:`1-\bar\eta\lambda`, with
    :math:`\bar\eta=\partial_\lambda\chi/\partial_z\chi` at :math:`z=1,\lambda=0`: the white law is
    :math:`\bar\eta c/(2\lambda)`. Noise of equal anti-correlations :math:`-a c/(M-1)` within the
    epoch makes a bridge of :math:`\bar\eta^2ac\,t(M-t)/M`, whose mean is :math:`\bar\eta^2acM/6` where
    every epoch is drawn anew; where the epoch repeats, the mean position of the cycle is pulled to the
    minimum and :math:`\bar\eta^2acM/12` is left. Hence, for :math:`M(1-\beta)\gg1`,

    .. math:: \lambda_\times = \frac{3(1-s)}{a\bar\eta M} - \rho, \qquad
              \lambda_\times = \frac{3}{a\bar\eta M}\Big(1+\sqrt{1-\tfrac43as}\Big) - \rho

    for drawn anew and for repeated epochs; :math:`\rho` is the weight decay, and :math:`cs` the power
    of the noise at frequency zero.

    *Balanced* schemes have :math:`a=1,s=0`. For heavy ball, :math:`\bar\eta=\eta/(1-\beta)`, this is
    :math:`3(1-\beta)/(\eta M)` of ``kuhn2023`` if reshuffled and :math:`6(1-\beta)/(\eta M)` (new here)
    if shuffled once. *Unbalanced* ones (kept, dropped, shuffled-once-unequal) have s > 0: far below
    :math:`\lambda_\times` the variance diverges, as :math:`s\bar\eta c/(2\lambda)` (diffusion) or
    :math:`sc/(M\lambda^2)` (drift). For dropped batches 1 - s = a, the reshuffled value exactly; where
    a small last batch makes s so large that the variance never falls below the white law, there is
    no crossover.

    Parameters
    ----------
    steps, samples, batch_size
        M, N and S; N and S are needed where the scheme depends on them.

    Raises
    ------
    TheoryError
        If the scheme needs N and S and they are missing.
    """
    if all(component.memoryless for component, _ in scheme.noise):
        return None, f"{scheme.name}: batches are independent, there are no anti-correlations"
    shape = _shape(scheme, steps, samples, batch_size)
    if shape is None:
        return None, (
            f"{scheme.name}: the steps of an epoch (steps_per_epoch = {steps}) are not anti-correlated"
        )
    if not shape > 0:
        return None, (
            f"{scheme.name}: the noise of an epoch does not sum to zero, and what is left keeps the "
            "variance of flat directions above that of independent batches"
        )
    z = sp.Symbol("z")
    table: dict[sp.Symbol, Any] = {
        symbols.curvature: sp.S.Zero, symbols.weight_decay: sp.S.Zero, z: sp.S.One,
    }
    for s in (symbols.learning_rate, *rule.parameters):
        value = values[s.name]
        table.setdefault(s, sp.Rational(value.numerator, value.denominator))
    chi = rule.characteristic_polynomial(z)
    rate = (chi.diff(symbols.curvature) / chi.diff(z)).subs(table)
    decay = values.get("weight_decay", Fraction(0))
    crossover = float(3 / (rate * steps)) * shape - float(decay)
    if not crossover > 0:
        return None, (
            f"weight_decay = {float(decay):.4g} alone makes every direction relax within an epoch"
        )
    return crossover, ""


def _shape(
    scheme: SamplingScheme, steps: int, samples: int | None, batch_size: int | None
) -> float | None:
    r""":math:`\lambda_\times\bar\eta M/3`; 0 if there is no crossover, None without anti-correlations."""
    parts = scheme.weights(steps, samples, batch_size) if steps > 1 else ()
    within = sum((w for c, w in parts if c.correlated(1, 2, steps)), Fraction(0))
    if not within < 0:
        return None
    a = -(steps - 1) * within
    s = Fraction(0)
    for component, weight in parts:
        power = sp.Rational(sp.sympify(component.spectrum(sp.S.Zero, sp.Integer(steps))))
        s += weight * Fraction(int(power.p), int(power.q))
    if not scheme.periodic:
        return float((1 - s) / a)
    room = 1 - a * s * Fraction(4, 3)
    return float(1 + np.sqrt(float(room))) / float(a) if room >= 0 else 0.0

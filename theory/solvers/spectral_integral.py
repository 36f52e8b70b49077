"""Parseval: the power of the noise times the squared transfer function, over all frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError
from theory.optimizers.rule import LinearRule
from theory.sampling.scheme import SamplingScheme
from theory.solvers.double import DoubleMode, balanced_mode, require_curved
from theory.solvers.inputs import Quantity, SolverInput, read_input
from theory.solvers.result import SolverResult

__all__ = ["solve_spectral_integral"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
EPS = float(np.finfo(np.float64).eps)
#: doubling stops when it changes the mean by less than this part of the mean modulus
AGREEMENT = 1e-14
#: grid points at most: some ten seconds
POINTS = 2**22


def solve_spectral_integral(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any],
    quantity: Quantity = "weight-variance", *, lag: int = 0,
) -> SolverResult:
    r"""Integrate over frequency; averaged over positions only.

    .. math:: \Gamma(\tau) = \frac1{2\pi}\int_0^{2\pi} T(e^{i\omega})\,\overline{T'(e^{i\omega})}\,
              S(\omega)\,e^{i\omega\tau}\,d\omega, \qquad
              S(\omega)=\sum_h R(h)e^{-i\omega h}, \qquad T(z)=o\cdot(I-A/z)^{-1}B .

    The integrand is periodic and analytic in an annulus, so the trapezoid rule with K points errs
    by the aliases :math:`\sum_{k\ne0}\Gamma(\tau+kK)=O(\rho^K)`. K starts at ten decay lengths and
    four epochs, where no peak can be missed, and doubles until the sum stands still. Noise that
    persists has its power on the lines :math:`\omega_n=2\pi n/M`: a finite sum, exact.

    Parameters
    ----------
    rule, scheme, values, quantity, lag
        As :func:`theory.solvers.solve_epoch_lifted`.

    Returns
    -------
    ``residual`` is the last change on doubling relative to the mean modulus of the integrand;
    ``error`` that change plus unit roundoff over :math:`1-\rho` times that modulus (an estimate).

    Raises
    ------
    UnstableError
        Outside the stability region.
    AccuracyError
        If a response decays so slowly that the grid would be too large.
    """
    given = read_input(rule, scheme, values, quantity, lag, None)
    require_curved(given)
    modes = (balanced_mode(given.left), balanced_mode(given.right))
    radius = max(float(np.abs(np.linalg.eigvals(x.transition)).max()) for x in modes)
    scale = float(given.noise_variance)
    value, gap, modulus = _continuous(given, modes, radius)
    lines, line_modulus = _lines(given, modes)
    rounding = 8 * EPS / (1 - radius) * (modulus + line_modulus)
    return SolverResult(
        value=scale * (value + lines), residual=gap / modulus if modulus else 0.0,
        error=scale * (gap + rounding), method="spectral-integral",
    )


def _transfer(mode: DoubleMode, omega: FloatArray) -> ComplexArray:
    """T(exp(i omega)) on a grid."""
    n = len(mode.injection)
    back = np.exp(-1j * omega)[:, None, None]
    matrices = np.asarray(np.eye(n) - back * mode.transition, dtype=np.complex128)
    columns = np.broadcast_to(mode.injection[:, None], (len(omega), n, 1))
    states = np.linalg.solve(matrices, columns.astype(np.complex128))[..., 0]
    return np.asarray(states @ mode.output, dtype=np.complex128)


def _continuous(
    given: SolverInput, modes: tuple[DoubleMode, DoubleMode], radius: float
) -> tuple[float, float, float]:
    """Trapezoid rule with doubling: value, last change, mean modulus."""
    m, noise = given.steps, np.array(given.independent, dtype=np.float64)
    if not noise.any():
        return 0.0, 0.0, 0.0
    if not radius < 1:
        raise AccuracyError(
            "the slowest mode does not decay at double precision; use solve_epoch_lifted"
        )
    strength = np.array([np.diagonal(noise, -h).sum() / m for h in range(1 - m, m)])
    needed = max(4 * (m + given.lag), 10 / -np.log(radius)) if radius else 4 * (m + given.lag)
    points = 2 ** int(np.ceil(np.log2(needed)))
    if points > POINTS // 2:
        raise AccuracyError(
            f"the response needs {points} frequencies, more than {POINTS // 2}: it decays too "
            f"slowly. Use solve_epoch_lifted or a larger curvature * learning_rate"
        )
    mean, modulus = _grid_mean(given, modes, strength, points, 0.0)
    while True:
        odd, odd_modulus = _grid_mean(given, modes, strength, points, np.pi / points)
        gap = abs(odd - mean) / 2
        mean, modulus, points = (mean + odd) / 2, (modulus + odd_modulus) / 2, 2 * points
        if gap <= AGREEMENT * modulus or points >= POINTS:
            return mean, gap, modulus


def _grid_mean(
    given: SolverInput, modes: tuple[DoubleMode, DoubleMode], strength: FloatArray, points: int,
    offset: float,
) -> tuple[float, float]:
    """Mean over ``points`` equidistant frequencies: of the integrand, and of its absolute terms."""
    omega = 2 * np.pi * np.arange(points) / points + offset
    lags = np.arange(1 - given.steps, given.steps)
    wrapped = np.zeros(points, dtype=np.complex128)
    wrapped[lags % points] = strength * np.exp(-1j * offset * lags)
    response = _transfer(modes[0], omega) * _transfer(modes[1], omega).conj()
    integrand = response * np.fft.fft(wrapped) * np.exp(1j * given.lag * omega)
    # S(omega) is a sum that may cancel, and carries the rounding of its terms
    rounded = float(np.abs(response).mean() * np.abs(strength).sum())
    return float(integrand.real.mean()), float(np.abs(integrand).mean()) + rounded


def _lines(given: SolverInput, modes: tuple[DoubleMode, DoubleMode]) -> tuple[float, float]:
    """Sum over the lines 2 pi n / M: value and modulus."""
    m, noise = given.steps, given.persistent
    if not any(any(row) for row in noise):
        return 0.0, 0.0
    strength = [
        sum((noise[(k + h) % m][k] for k in range(m)), Fraction(0)) / m for h in range(m)
    ]
    mean = sum(strength, Fraction(0)) / m  # exact: often 0, where the response is largest
    power = np.fft.fft([float(r - mean) for r in strength]) / m
    power[0] = float(mean)
    omega = 2 * np.pi * np.arange(m) / m
    response = _transfer(modes[0], omega) * _transfer(modes[1], omega).conj()
    terms = response * power * np.exp(1j * given.lag * omega)
    rounded = float(max(abs(r) for r in strength)) * float(np.abs(response[1:]).sum()) / m
    return float(terms.real.sum()), float(np.abs(terms).sum()) + rounded

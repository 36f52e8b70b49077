"""SciPy's discrete Lyapunov equation for the map of one epoch, in double precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError
from theory.optimizers.rule import LinearRule
from theory.sampling.scheme import SamplingScheme
from theory.solvers.double import balanced_mode, require_curved, without_constant
from theory.solvers.inputs import Quantity, read_input
from theory.solvers.result import SolverResult

__all__ = ["solve_lyapunov"]

FloatArray = npt.NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
#: roundings charged per step of an epoch
ROUNDINGS = 8


def solve_lyapunov(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any],
    quantity: Quantity = "weight-variance", *, lag: int = 0, position: int | None = None,
) -> SolverResult:
    r"""Solve for the law at the epoch boundary, then look back at every step of the epoch.

    Both modes are stacked into one state; over one epoch its noises act as one block,

    .. math:: s_j = \Phi_j s_0 + G_j\,\xi, \qquad \Phi_j = A^j, \qquad
              X = \Phi_M X \Phi_M^\top + G_M C G_M^\top ,

    with C the noise covariance within an epoch, shape (M, M). Then
    :math:`\langle s_{j+\tau}s_j^\top\rangle=\Phi_{j+\tau}X\Phi_j^\top+G_{j+\tau}CG_j^\top`, where
    :math:`G_{j+\tau}` keeps the noises of the epoch of step j only. Noise that persists makes the
    state periodic: :math:`s_0=(I-\Phi_M)^{-1}G_M\xi`.

    Parameters
    ----------
    rule, scheme, values, quantity, lag, position
        As :func:`theory.solvers.solve_epoch_lifted`; values are rounded to double after A and B
        have been formed exactly.

    Returns
    -------
    ``residual`` is that of the Lyapunov equation relative to its right-hand side (SciPy's
    convention :math:`AXA^H-X+Q=0`). ``error`` is an estimate: unit roundoff times the absolute
    terms of :data:`ROUNDINGS` operations a step, over :math:`1-\rho(\Phi_M)`.

    Raises
    ------
    UnstableError
        Checked exactly beforehand; SciPy would return negative variances.
    AccuracyError
        If double precision cannot tell the epoch map from an unstable one.
    """
    given = read_input(rule, scheme, values, quantity, lag, position)
    require_curved(given)
    m = given.steps
    sides = [given.left] if given.left is given.right else [given.left, given.right]
    modes = [balanced_mode(side) for side in sides]
    size = sum(len(mode.injection) for mode in modes)
    a, b, start = np.zeros((size, size)), np.zeros(size), 0
    for mode in modes:
        stop = start + len(mode.injection)
        a[start:stop, start:stop], b[start:stop] = mode.transition, mode.injection
        start = stop
    pad = size - len(modes[0].output)
    first = np.concatenate([modes[0].output, np.zeros(pad)])
    second = np.concatenate([np.zeros(size - len(modes[-1].output)), modes[-1].output])
    powers, drives = _epoch_maps(a, b, m, lag)
    decay = 1 - float(np.abs(np.linalg.eigvals(powers[m])).max())
    if not decay > size * EPS:
        raise AccuracyError(
            f"the slowest mode loses only {decay:.3g} of itself per epoch, below the resolution "
            f"{size * EPS:.3g} of double precision; use solve_epoch_lifted"
        )
    value, error, residual = 0.0, 0.0, 0.0
    fresh, kept = (np.array(c, dtype=np.float64) for c in (given.independent, given.persistent))
    if fresh.any():
        drives = without_constant(drives, given.independent)
        boundary, residual = _boundary_law(powers[m], drives[m] @ fresh @ drives[m].T)
        for j in given.positions:
            law = powers[j + lag] @ boundary @ powers[j].T + drives[j + lag] @ fresh @ drives[j].T
            value += float(first @ law @ second)
        spread = np.abs(drives[m]) @ np.abs(fresh) @ np.abs(drives[m]).T
        error += ROUNDINGS * EPS * m * float((spread.max() + np.abs(boundary).max()) / decay)
    if kept.any():
        drives = _epoch_maps(a, b, m, 0)[1]
        cycle = np.linalg.solve(np.eye(size) - powers[m], drives[m])
        visits = [powers[j] @ cycle + drives[j] for j in range(m)]
        visits = without_constant(visits, given.persistent)
        for j in given.positions:
            value += float(first @ visits[(j + lag) % m] @ kept @ visits[j % m].T @ second)
        reach = max(float(np.abs(x).sum(axis=1).max()) for x in (*visits, drives[m]))
        error += ROUNDINGS * EPS * m * reach**2 * float(np.abs(kept).max()) / decay
    scale = float(given.noise_variance)
    error *= scale * float(np.abs(first).max() * np.abs(second).max())
    return SolverResult(
        value=scale * value / len(given.positions), residual=residual, error=error,
        method="lyapunov",
    )


def _epoch_maps(
    a: FloatArray, b: FloatArray, m: int, lag: int
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Phi_j and G_j for j = 0 .. M + lag; G takes no noise after the epoch."""
    powers, drives = [np.eye(len(b))], [np.zeros((len(b), m))]
    for j in range(m + lag):
        drive = a @ drives[-1]
        if j < m:
            drive[:, j] += b
        powers.append(a @ powers[-1])
        drives.append(drive)
    return powers, drives


def _boundary_law(epoch_map: FloatArray, kick: FloatArray) -> tuple[FloatArray, float]:
    """X = Phi X Phi^T + kick, solved at unit size: covariances of SGD may be 1e-16 or less."""
    from scipy.linalg import solve_discrete_lyapunov

    size = float(np.abs(kick).max())
    if size == 0:
        return np.zeros_like(kick), 0.0
    unit = kick / size
    law: FloatArray = np.asarray(solve_discrete_lyapunov(epoch_map, unit, method="direct"))
    gap = epoch_map @ law @ epoch_map.T - law + unit
    return size * law, float(np.abs(gap).max())
